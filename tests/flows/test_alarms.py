"""Alarms go off: a run that no worker takes, and a run whose process was killed, reach the block that was named."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.flows.test_scheduled import CHECKOUT, server, until
from tests.operations.conftest import Site

__all__ = ["server"]

pytestmark = pytest.mark.drill

BOOTSTRAP = """
import datetime as dt
from flows import bootstrap

bootstrap.SILENCE = dt.timedelta(seconds=10)
bootstrap.main({arguments!r})
"""
"""A killed run is missed sooner than in service, where it gives a sign of life every thirty seconds."""
BLOCK = """
from prefect.blocks.notifications import CustomWebhookNotificationBlock

block = CustomWebhookNotificationBlock(
    name="bell", url={url!r}, json_data={{"subject": "{{{{subject}}}}", "body": "{{{{body}}}}"}}
)
print(block.save("bell"))
"""
STUCK = """
import time
from prefect import flow

@flow(name="stuck")
def stuck():
    print("up", flush=True)
    time.sleep(600)

stuck()
"""


@pytest.fixture
def bell() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """An address, and what rang there."""
    rung: list[dict[str, str]] = []

    class Bell(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            rung.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Bell)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_address[1]}/", rung
    listening.shutdown()
    listening.server_close()


def test_late_and_lost_runs_ring(
    site: Site, server: dict[str, str], bell: tuple[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    url, rung = bell

    def python(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=server,
            cwd=CHECKOUT,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    block = python(BLOCK.format(url=url)).strip().splitlines()[-1]
    operation = str(site.operation.folder / "operation.yaml")
    arguments = ["process", "--operation", operation, "--notify", block]
    python(BOOTSTRAP.format(arguments=arguments))
    log = tmp_path / "server.log"

    # No worker is there to take this one.
    run = [sys.executable, "-m", "prefect", "deployment", "run", "monitor/monitor"]
    subprocess.run(run, env=server, cwd=CHECKOUT, check=True, capture_output=True)
    environment = server | {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    stuck = subprocess.Popen([sys.executable, "-c", STUCK], env=environment, stdout=subprocess.PIPE)
    assert stuck.stdout is not None
    assert stuck.stdout.readline() == b"up\n"
    for _ in until("no sign of life was seen", 60, log):
        if seen(server, "prefect.flow-run.heartbeat"):
            break
    stuck.kill()
    stuck.wait()
    stuck.stdout.close()
    for _ in until(f"only {rung} rang", 120, log):
        if len(rung) >= 2:
            break
    states = {r["name"]: (r["state_name"], r["state_type"]) for r in runs(server)}
    told = {line["subject"].removeprefix("delta-hbv: ").split(" ", 1)[1]: line for line in rung}
    assert set(told) == {"is late: no worker takes it", "lost its worker"}
    name = told["lost its worker"]["subject"].split()[1]
    assert states[name][1] == "CRASHED"
    assert "/runs/flow-run/" in told["lost its worker"]["body"]
    late = told["is late: no worker takes it"]["subject"].split()[1]
    assert states[late] == ("Late", "SCHEDULED")


def runs(server: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx.post(f"{server['PREFECT_API_URL']}/flow_runs/filter", json={}).json()
    return found


def seen(server: dict[str, str], event: str) -> bool:
    wanted = {"filter": {"event": {"name": [event]}}, "limit": 5}
    return bool(httpx.post(f"{server['PREFECT_API_URL']}/events/filter", json=wanted).json()["events"])
