"""A whole hydrofabric divided among the workers of a pool, and proven complete; see docs/scale.md.

Unlike the other flows these take no operation: what they run and where it lies is in their parameters.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from prefect import flow, task, unmapped
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.futures import wait

from dhbv import model_directory
from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.scale import checking, commands
from flows.reporting import say, show

SHARD = "shard/shard"
"""The deployment that runs one shard, on any worker of its pool."""
RETRIES, PAUSE = 2, 10.0
"""How often a shard that failed, or whose worker was killed, goes on where it was, and after how many seconds."""


@dataclass(frozen=True)
class Run:
    """What `dhbv forecast` is given; paths as the workers see them."""

    model: str
    data: str
    attributes: str
    start: dt.date
    end: dt.date
    out: str
    state: str | None = None
    spin_up_days: int = 1095
    format: str = "parquet"


@flow(name="national")
def national(run: Run, shards: int | list[str] = 4, in_pool: bool = True) -> str:
    """Run every shard, each a flow run of its own, and make sure that together they are the whole.

    Args:
        run: what to run.
        shards: how many parts, or their names, as `["vpu:01", "vpu:02"]`.
        in_pool: give the shards to the workers; False runs them here, once each, one after the other.

    Returns:
        The folder of the run.

    Raises:
        DhbvError: if chunks are missing in the end; names them, and what became of the shards.
    """
    names = [f"{k + 1}/{shards}" for k in range(shards)] if isinstance(shards, int) else shards
    if in_pool:
        futures = _in_pool.map(unmapped(run), names)
        wait(futures)
        states = [future.state for future in futures]
    else:
        states = [shard(run, name, return_state=True) for name in names]
    failed = [f"shard {n}: {s.message}" for n, s in zip(names, states, strict=True) if not s.is_completed()]
    try:
        found = checking.check(Path(run.out))
        found.require()
    except DhbvError as error:
        raise DhbvError("; ".join([str(error), *failed])) from None
    text = f"{found.identity.catchments} catchments in {found.chunks} chunks, complete: {run.out}"
    say(text)
    show("national", f"# {run.start} to {run.end}\n\n{text}", f"The nation, {run.start} to {run.end}")
    return run.out


@flow(name="shard", flow_run_name="shard {shard}")
def shard(run: Run, shard: str) -> str:
    """One shard, as `dhbv forecast --shard`; again, it goes on where it was. Returns what was done."""
    told = commands.forecast(
        model_directory.load(Path(run.model)), Path(run.data), Path(run.attributes),
        Period(start=run.start, end=run.end), Path(run.out), state=None if run.state is None else Path(run.state),
        spin_up_days=run.spin_up_days, chunk=None, shard=shard, fluxes=run.format, on_progress=_tenths(),
    )  # fmt: skip
    say(told)
    return told


@task(
    name="shard", task_run_name="shard {name}", retries=RETRIES, retry_delay_seconds=PAUSE, persist_result=False
)  # fmt: skip
def _in_pool(run: Run, name: str) -> None:
    parameters = {
        "run": asdict(run) | {"start": run.start.isoformat(), "end": run.end.isoformat()},
        "shard": name,
    }
    made = run_deployment(SHARD, parameters=parameters)
    assert isinstance(made, FlowRun), "called from synchronous code"
    state = made.state
    if state is None or not state.is_completed():
        raise DhbvError("no state" if state is None else f"{state.name}: {state.message}")


def _tenths() -> Callable[[int, int, str], None]:
    """Says how far a shard is whenever another tenth is done."""
    told = 0

    def on_progress(done: int, total: int, note: str) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth > told:
            told = tenth
            say(f"{done} of {total} catchments{f', {note}' if note else ''}")

    return on_progress
