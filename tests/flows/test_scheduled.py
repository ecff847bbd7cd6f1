"""A scheduled run really executes: server, bootstrap, schedule, worker, flow, and the cycle it leaves behind.

With SQLAlchemy 2.1 the server looked healthy and never made a scheduled run; nothing but this shows it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from dhbv.operations import cycle
from tests.operations.conftest import ISSUE, Site

pytestmark = pytest.mark.drill

CHECKOUT = Path(__file__).parents[2]


@contextmanager
def running(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`prefect ARGUMENTS` in the background, ended afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            env=environment,
            stdout=out,
            stderr=out,
            cwd=CHECKOUT,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(what: str, seconds: float, *logs: Path) -> Iterator[None]:
    """Look again every half second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.5)
    text = "\n".join(log.read_text()[-3000:] for log in logs)
    pytest.fail(f"{what} in {seconds:.0f} s\n{text}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a server that makes scheduled runs, which the test harness's does not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = os.environ | {
        "PYTHONPATH": str(CHECKOUT), "PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5", "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}",
    }  # fmt: skip
    log = tmp_path / "server.log"
    with running(environment, log, "server", "start", "--port", port, "--no-ui"):
        for _ in until("the server did not come up", 120, log):
            try:
                if httpx.get(f"{environment['PREFECT_API_URL']}/health").is_success:
                    break
            except httpx.TransportError:
                continue
        yield environment


def counts(environment: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Names and ids of everything that the bootstrap makes."""
    kinds = ("work_pools", "deployments", "automations", "v2/concurrency_limits")
    found = {}
    for kind in kinds:
        answer = httpx.post(f"{environment['PREFECT_API_URL']}/{kind}/filter", json={}).json()
        found[kind] = sorted((one["name"], one["id"]) for one in answer)
    return found


def test_bootstrap_twice_and_a_scheduled_forecast(site: Site, server: dict[str, str], tmp_path: Path) -> None:
    operation = site.operation.folder / "operation.yaml"
    plan = yaml.safe_load((CHECKOUT / "deploy" / "prefect.yaml").read_text())
    (forecast,) = (one for one in plan["deployments"] if one["name"] == "forecast")
    forecast["schedules"] = [{"interval": 30.0}]
    for one in plan["deployments"]:
        if one is not forecast:
            one.pop("schedules", None)
    often = tmp_path / "prefect.yaml"
    often.write_text(yaml.safe_dump(plan))
    bootstrap = [
        sys.executable,
        "-m",
        "flows.bootstrap",
        "process",
        "--operation",
        str(operation),
        "--file",
        str(often),
    ]
    subprocess.run(bootstrap, env=server, cwd=CHECKOUT, check=True)
    made = counts(server)
    assert [name for name, _ in made["work_pools"]] == ["dhbv", "dhbv-gpu"]
    assert [name for name, _ in made["deployments"]] == sorted(d["name"] for d in plan["deployments"])
    assert len(made["automations"]) == 3
    assert "gpu" in {name for name, _ in made["v2/concurrency_limits"]}

    log = tmp_path / "worker.log"
    with ExitStack() as stack:
        stack.enter_context(running(server, log, "worker", "start", "--pool", "dhbv", "--type", "process"))
        # Meanwhile it is set up again.
        subprocess.run(bootstrap, env=server, cwd=CHECKOUT, check=True)
        assert counts(server) == made
        for _ in until("no scheduled run made the cycle", 120, log):
            if (site.operation.forecasts / "cycles" / str(ISSUE)).is_dir():
                break
        assert [c.issue for c in cycle.done(site.operation)] == [ISSUE]

        # The event of a promotion starts the forecast: the newest is issued again with the new weights.
        version = site.publish(1).id
        promotion = f"from flows.training import promote; promote({str(operation)!r}, {version!r}, 'a test')"
        subprocess.run([sys.executable, "-c", promotion], env=server, cwd=CHECKOUT, check=True)
        for _ in until("the promotion started no forecast", 120, log):
            if (site.operation.forecasts / "cycles" / f"{ISSUE}.2").is_dir():
                break
    assert [c.record["version"] for c in cycle.done(site.operation)][1:] == [version]
    runs: list[dict[str, str]] = httpx.post(f"{server['PREFECT_API_URL']}/flow_runs/filter", json={}).json()
    assert {run["name"] for run in runs if run["state_type"] == "COMPLETED" and run["auto_scheduled"]}
