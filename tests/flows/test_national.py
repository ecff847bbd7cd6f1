"""Shards are mapped over the pool, and only a whole run counts as done."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Crashed

from dhbv.errors import DhbvError
from dhbv.scale import run_folder
from dhbv.scale.chunks import Chunk
from dhbv.scale.domain import write_domain
from flows import national
from tests.scale.conftest import content
from tests.small_models import small_model

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.drill]

DAY = dt.date(2026, 10, 1)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> national.Run:
    """Twelve catchments, in chunks of four."""
    monkeypatch.setattr("dhbv.scale.chunks.CATCHMENTS_AT_ONCE", 4)
    domain = write_domain(tmp_path / "domain", 12, days=1, vpus=["01", "02"])
    model = small_model(tmp_path / "model").path
    return national.Run(
        str(model), str(domain.forcing), str(domain.attributes), DAY, DAY, str(tmp_path / "out"), spin_up_days=0
    )  # fmt: skip


class Killed(BaseException):
    pass


class Pool:
    """Runs what is deployed at once; at `fatal` chunks, by name, their worker is killed so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fatal: dict[str, int] = {}
        self.ran: list[str] = []
        put: Callable[..., None] = run_folder.RunFolder.put

        def mortal(folder: Any, chunk: Chunk, *rest: Any) -> None:
            if self.fatal.get(chunk.name, 0):
                self.fatal[chunk.name] -= 1
                raise Killed
            put(folder, chunk, *rest)

        monkeypatch.setattr(run_folder.RunFolder, "put", mortal)
        monkeypatch.setattr(national, "run_deployment", self.run)
        monkeypatch.setattr(national._in_pool, "retry_delay_seconds", 0.0)

    def run(self, name: str, parameters: dict[str, Any]) -> FlowRun:
        assert name == national.SHARD
        self.ran.append(parameters["shard"])
        # As they come back from the server.
        given = national.shard.validate_parameters(json.loads(json.dumps(parameters)))
        try:
            national.shard.fn(**given)
        except Killed:
            return FlowRun(flow_id=uuid4(), state=Crashed(message="its worker was killed"))
        return FlowRun(flow_id=uuid4(), state=Completed())


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    monkeypatch.setattr(national, "say", lambda text: None)
    return Pool(monkeypatch)


def test_shards_go_to_the_pool_and_a_killed_one_is_taken_up_again(
    run: national.Run, pool: Pool, tmp_path: Path
) -> None:
    whole = national.Run(**{**run.__dict__, "out": str(tmp_path / "whole")})
    assert national.national(whole, shards=1, in_pool=False) == whole.out
    pool.fatal = {"00003": 1}
    assert national.national(run, shards=2) == run.out
    assert sorted(pool.ran) == ["1/2", "2/2", "2/2"]
    assert content(Path(run.out)) == content(Path(whole.out))


def test_what_is_missing_is_named_and_the_next_run_makes_it(run: national.Run, pool: Pool) -> None:
    pool.fatal = {"00003": 3}
    expected = (
        r"1 of 4 chunks \(2 catchments\) are missing: chunk 00003 \(catchments 11 to 12 of VPU 02\) is not finished: "
        r"run .*; shard 2/2: .*Crashed: its worker was killed"
    )
    with pytest.raises(DhbvError, match=expected):
        national.national(run, shards=2)
    assert pool.ran.count("2/2") == 1 + national.RETRIES
    assert national.national(run, shards=2) == run.out


def test_vpus_that_were_forgotten_are_found(run: national.Run, pool: Pool) -> None:
    with pytest.raises(
        DhbvError, match=r"2 of 4 chunks \(6 catchments\) are missing: chunk 00002 .*of VPU 02\) is not"
    ):
        national.national(run, shards=["vpu:01"])
    assert national.national(run, shards=["vpu:01", "vpu:02"]) == run.out


def test_without_any_shard_there_is_no_run(run: national.Run, pool: Pool) -> None:
    broken = national.Run(**{**run.__dict__, "attributes": "none.parquet"})
    with pytest.raises(DhbvError, match=r"run.json: No such file.*shard 1/1: .*none.parquet: no such"):
        national.national(broken, shards=1, in_pool=False)
