"""What a Prefect server needs before the loop runs: work pools, the GPU's limit, deployments, automations.

    DHBV_OPERATION=/srv/dhbv/operation.yaml python -m flows.bootstrap process

Running it again puts everything back to what is written here and in deploy/prefect.yaml, and doubles nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, DoNothing, RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from dhbv.errors import DhbvError
from dhbv.operations import configuration
from flows.reporting import PROMOTED
from flows.training import GPU

POOLS = {"dhbv": None, "dhbv-gpu": 1}
"""Work pools and how many runs each may have at once: one training owns the GPU."""
KINDS = ("process", "docker", "kubernetes")
"""What a pool's runs are. Docker and Kubernetes need the packages prefect-docker and prefect-kubernetes."""
DEPLOYMENTS = Path("deploy/prefect.yaml")
IMAGES = {"DHBV_IMAGE": "dhbv-forecast", "DHBV_GPU_IMAGE": "dhbv-train"}
"""Container images of the two pools, unless the environment names others."""
FORECAST = "forecast/forecast"
"""The deployment that new weights start."""
NEW_WEIGHTS, LATE, ZOMBIE = "dhbv: new weights serve", "dhbv: a run is late", "dhbv: a run lost its worker"

PATIENCE = 120.0
"""Seconds that a server may take to start: a slow disk needs its database made first."""

SILENCE = timedelta(seconds=90)
"""Three heartbeats at PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30; a run that gives none for so long is lost."""
_ENDED = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}


def bootstrap(kind: str, operation: Path, deployments: Path, *, notify: UUID | None = None) -> None:
    """Make or mend everything.

    Args:
        kind: of `KINDS`.
        operation: the operation's YAML file, as the workers see it.
        deployments: prefect.yaml.
        notify: id of a notification block that alarms go to; without one they are seen in the event feed alone.

    Raises:
        DhbvError: if the operation cannot be read, no server answers, or Prefect refuses a deployment.
    """
    configuration.load(operation)
    asyncio.run(_answered())
    asyncio.run(_pools(kind))
    _deploy(operation, deployments)
    asyncio.run(_automations(notify))


async def _answered() -> None:
    """Wait for the server, which needs some seconds to start."""
    deadline = time.monotonic() + PATIENCE
    async with get_client() as client:
        while (problem := await client.api_healthcheck()) is not None:
            if time.monotonic() > deadline:
                raise DhbvError(
                    f"no Prefect server answers at {str(client.api_url).rstrip('/')} ({problem}): start one (prefect server start), or "
                    "set PREFECT_API_URL to where it listens"
                )
            await asyncio.sleep(1.0)


async def _pools(kind: str) -> None:
    async with get_client() as client:
        for name, limit in POOLS.items():
            try:
                pool = await client.read_work_pool(name)
            except ObjectNotFound:
                await client.create_work_pool(WorkPoolCreate(name=name, type=kind, concurrency_limit=limit))
                continue
            if pool.type != kind:
                raise DhbvError(
                    f"the work pool {name!r} runs as {pool.type}, not {kind}: a pool cannot change what it is; delete it "
                    f"(prefect work-pool delete {name}) or ask for {pool.type}"
                )
            await client.update_work_pool(name, WorkPoolUpdate(concurrency_limit=limit))
        await client.upsert_global_concurrency_limit_by_name(GPU, 1)


def _deploy(operation: Path, deployments: Path) -> None:
    """Flows, pools, parameters and schedules are in prefect.yaml; Prefect's own command reads it."""
    if not deployments.is_file():
        raise DhbvError(f"{deployments} is not there: run this in the checkout, or name the file (--file)")
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    file = operation.absolute()
    environment = os.environ | {"DHBV_OPERATION": str(file), "DHBV_SITE": str(file.parent)}
    done = subprocess.run(
        [*command, str(deployments)], env=IMAGES | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DhbvError(f"Prefect did not take the deployments of {deployments}:\n{done.stdout}{done.stderr}")


async def _automations(notify: UUID | None) -> None:
    async with get_client() as client:
        forecast = await client.read_deployment_by_name(FORECAST)
        for wanted in automations(forecast.id, notify):
            there = await client.read_automations_by_name(wanted.name)
            if there:
                await client.update_automation(there[0].id, wanted)
            else:
                await client.create_automation(wanted)


def automations(forecast: UUID, notify: UUID | None) -> Sequence[AutomationCore]:
    """What happens by itself; `forecast` is the id of the deployment that new weights start."""
    run: dict[str, str | list[str]] = {"prefect.resource.id": "prefect.flow-run.*"}
    operation: Any = {"__prefect_kind": "jinja", "template": "{{ event.payload.operation }}"}
    return (
        AutomationCore(
            name=NEW_WEIGHTS,
            description="The newest forecast is issued again with the weights that serve now.",
            trigger=EventTrigger(
                expect={PROMOTED}, match={"prefect.resource.id": "dhbv.version.*"}, posture=Posture.Reactive, threshold=1
            ),
            actions=[RunDeployment(source="selected", deployment_id=forecast, parameters={"operation": operation, "reissue": True}, job_variables=None)],
        ),
        AutomationCore(
            name=LATE,
            description="No worker takes a run: look after the workers, then run the monitor flow.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Late"}, match=run, posture=Posture.Reactive, threshold=1
            ),
            actions=[_alarm(notify, "is late: no worker takes it")],
        ),
        AutomationCore(
            name=ZOMBIE,
            description="A run gives no sign of life and has not ended: its worker was killed. It is marked as crashed.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"}, expect={"prefect.flow-run.heartbeat", *_ENDED}, match=run,
                for_each={"prefect.resource.id"}, posture=Posture.Proactive, threshold=1, within=SILENCE,
            ),
            actions=[
                ChangeFlowRunState(name=None, state=StateType.CRASHED, message="no sign of life: its worker was killed", force=False),
                _alarm(notify, "lost its worker"),
            ],
        ),
    )  # fmt: skip


def _alarm(notify: UUID | None, what: str) -> SendNotification | DoNothing:
    if notify is None:
        return DoNothing()
    return SendNotification(
        block_document_id=notify,
        subject=f"delta-hbv: {{{{ flow_run.name }}}} {what}",
        body="{{ flow_run|ui_url }}",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m flows.bootstrap",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "--operation",
        type=Path,
        default=os.environ.get("DHBV_OPERATION", "operation.yaml"),
        help="the operation's YAML file (default: $DHBV_OPERATION, else operation.yaml)",
    )
    parser.add_argument("--file", type=Path, default=DEPLOYMENTS, help="prefect.yaml")
    parser.add_argument(
        "--notify", type=UUID, help="id of a notification block (prefect block ls) for alarms"
    )
    given = parser.parse_args(arguments)
    try:
        bootstrap(given.kind, given.operation, given.file, notify=given.notify)
    except DhbvError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
