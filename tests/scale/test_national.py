"""A nation in chunks, in shards, or after a kill is the same as whole, and the same as a plain forecast."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr

from dhbv import forecast
from dhbv.configuration import Period
from dhbv.data import nextgen, schema
from dhbv.errors import DhbvError
from dhbv.physics.variables import VARIABLES
from dhbv.runtime import Runtime
from dhbv.scale import national, run_folder
from dhbv.scale.chunks import Shard, divide, part, usual_size
from dhbv.state import State
from tests.scale.conftest import CATCHMENTS, DAYS, FILES, Nation, content
from tests.small_models import small_model

CHUNKS = divide(CATCHMENTS, 5)


def fluxes(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "fluxes").to_pandas()


def states(folder: Path) -> list[State]:
    return [State.read(p) for p in sorted((folder / "states").glob("*.state"))]


def region(nation: Nation) -> xr.Dataset:
    weather = nextgen.read_forcing(nation.domain.forcing)
    return schema.with_attributes(weather, pd.read_parquet(nation.domain.attributes).set_index("basin"))


def test_it_is_what_a_forecast_of_the_same_days_gives(nation: Nation) -> None:
    whole = region(nation)
    both = Period(start=DAYS[0].start, end=DAYS[1].end)
    expected, last = forecast.run(nation.model, whole, both, spin_up_days=0, dtype=np.float32)
    for k, folder in enumerate(("first", "second")):
        told = fluxes(nation.folder / folder)
        assert list(told["catchment"]) == [f"cat-{c + 1}" for c in range(CATCHMENTS)]
        assert set(told["day"]) == {DAYS[k].start}
        assert list(told.columns[2:]) == list(VARIABLES)
        for name in VARIABLES:
            np.testing.assert_allclose(
                told[name], expected[name].values[:, k], rtol=2e-5, atol=1e-5, err_msg=name
            )
    stores = np.concatenate([s.stores for s in states(nation.folder / "second")], 1)
    np.testing.assert_allclose(stores, last.stores, rtol=2e-5, atol=1e-5)
    assert {s.time for s in states(nation.folder / "second")} == {np.datetime64("2026-10-03")}


def test_water_is_neither_made_nor_lost(nation: Nation) -> None:
    table = pd.read_parquet(nation.domain.attributes)
    told = fluxes(nation.folder / "second")
    for c, before, after in zip(
        CHUNKS, *map(states, (nation.folder / "first", nation.folder / "second")), strict=True
    ):
        columns = {n: table[n].iloc[c.first : c.stop].tolist() for n in table}
        runtime = Runtime(nation.model, before.basins, columns, dtype=np.float32)
        stored = [runtime.storage(before), runtime.storage(after)]
        day = told.iloc[c.first : c.stop]
        np.testing.assert_allclose(stored[1] - stored[0], day["prcp"] - day["et"] - day["runoff"], atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_together_are_the_whole_bitwise(nation: Nation, tmp_path: Path, count: int) -> None:
    done = [nation.day(1, tmp_path / "out", shard=Shard(k, count)).catchments for k in range(count, 0, -1)]
    assert sum(done) == CATCHMENTS
    assert content(tmp_path / "out") == content(nation.folder / "second")


def test_every_chunk_is_in_one_shard_and_their_sizes_are_even() -> None:
    chunks = divide(831_000, 20_000)
    assert (chunks[-1].first, chunks[-1].stop, len(chunks)) == (820_000, 831_000, 42)
    for count in (1, 2, 5, 42, 50):
        parts = [part(chunks, Shard(k, count)) for k in range(1, count + 1)]
        assert sum(parts, ()) == chunks
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_many_days_are_run_with_fewer_catchments_at_once(nation: Nation, tmp_path: Path) -> None:
    assert [usual_size(days) for days in (1, 10, 11, 1096, 10**6)] == [20_000, 20_000, 18_181, 182, 1]
    nation.day(1, tmp_path, chunk=None)
    assert run_folder.RunFolder.open(tmp_path).identity.chunk == 20_000
    with pytest.raises(DhbvError, match=r"--chunk 0: at least one catchment"):
        nation.day(1, tmp_path / "none", chunk=0)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_size_of_a_chunk_does_not_matter(nation: Nation, tmp_path: Path, size: int) -> None:
    nation.day(1, tmp_path / "out", chunk=size)  # and states are taken from chunks of 5
    have, expected = fluxes(tmp_path / "out"), fluxes(nation.folder / "second")
    pd.testing.assert_frame_equal(have, expected, rtol=2e-5, atol=1e-5)
    stores = [
        np.concatenate([s.stores for s in states(f)], 1) for f in (tmp_path / "out", nation.folder / "second")
    ]
    np.testing.assert_allclose(*stores, rtol=2e-5, atol=1e-5)


def test_days_before_the_period_are_its_spin_up(nation: Nation, tmp_path: Path) -> None:
    ran = nation.day(1, tmp_path / "spun", states=None, spin_up_days=1095)
    assert ran.start == "spin-up of 1 days"
    pd.testing.assert_frame_equal(
        fluxes(tmp_path / "spun"), fluxes(nation.folder / "second"), rtol=2e-5, atol=1e-5
    )
    assert nation.day(1, tmp_path / "cold", states=None, spin_up_days=0).start.startswith("cold start")


def test_several_days_are_rows_of_a_catchment_side_by_side(nation: Nation, tmp_path: Path) -> None:
    both = Period(start=DAYS[0].start, end=DAYS[1].end)
    domain = nation.domain
    ran = national.run(
        nation.model, domain.forcing, domain.attributes, both, tmp_path, spin_up_days=0, chunk=10
    )
    told = fluxes(tmp_path)
    assert ran.days == 2
    assert list(told["catchment"][:3]) == ["cat-1", "cat-1", "cat-2"]
    assert list(told["day"][:3]) == [both.start, both.end, both.start]
    second = told[told["day"] == both.end].reset_index(drop=True)
    pd.testing.assert_frame_equal(second, fluxes(nation.folder / "second"), rtol=2e-5, atol=1e-5)


# Resuming


PHASES = {
    "in the middle of a file of fluxes": ("pyarrow.parquet.write_table", "after", 2),
    "between fluxes and state": ("dhbv.state.State.to_bytes", "before", 2),
    "between state and record": ("dhbv.files.flush", "after", 2 + 6 * 2 + 3),
    "right after a record": ("dhbv.scale.run_folder.RunFolder.put", "after", 1),
}
"""What is called then, on which side of it the kill comes, and how often it was called before: in each chunk once, but
for `flush`, of which each of a chunk's files takes two, and so does run.json."""

KILLED = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from unittest import mock
from dhbv import model_directory
from dhbv.configuration import Period
from dhbv.scale import national, run_folder
model, forcing, attributes, start, end, out, states, target, side, at = sys.argv[1:]
owner, name = target.rsplit(".", 1)
try:
    holder = import_module(owner)
except ModuleNotFoundError:
    module, cls = owner.rsplit(".", 1)
    holder = getattr(import_module(module), cls)
real, calls = getattr(holder, name), 0
def fatal(*given, **named):
    global calls
    calls += 1
    if calls == int(at) + 1 and side == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*given, **named)
    if calls == int(at) + 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(holder, name, fatal)
day = Period(start=start, end=end)
national.run(model_directory.load(Path(model)), Path(forcing), Path(attributes), day, Path(out),
             states=Path(states), chunk=5)
"""


@pytest.mark.parametrize("phase", PHASES)
def test_killed_and_run_again_it_is_the_same_and_nothing_finished_is_done_again(
    nation: Nation, tmp_path: Path, written: list[str], phase: str
) -> None:
    target, side, at = PHASES[phase]
    out = tmp_path / "out"
    arguments = [nation.model.path, *nation.domain[::-1], DAYS[1].start, DAYS[1].end, out, nation.folder / "first",
                 target, side, at]  # fmt: skip
    code = KILLED.replace(
        "Period(start=start, end=end)",
        "Period(*map(__import__('datetime').date.fromisoformat, (start, end)))",
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    expected = content(nation.folder / "second")
    left = content(out)
    assert {k for k in left if k.startswith("done/") and "/." not in k} == {
        f"done/0000{k}.json" for k in range(2)
    }
    assert left.items() != expected.items()
    ran = nation.day(1, out)
    assert written == ["00002", "00003", "00004"]
    assert (ran.catchments, ran.skipped) == (13, 10)
    assert content(out) == expected, "and no draft is left"
    assert nation.day(1, out).catchments == 0


@pytest.mark.parametrize("kind", ["fluxes/00001.parquet", "states/00001.state", "done/00001.json"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_a_damaged_chunk_is_named_and_done_again(
    nation: Nation, tmp_path: Path, written: list[str], caplog: pytest.LogCaptureFixture, kind: str, harm: str
) -> None:
    out = tmp_path / "out"
    nation.day(1, out)
    del written[:]
    file = out / kind
    data = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(data if harm == "flipped" else data[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        nation.day(1, out)
    assert written == ["00001"]
    assert content(out) == content(nation.folder / "second")
    if harm != "gone" and not kind.startswith("done"):
        assert f"{file}: damaged" in caplog.text


def test_a_chunk_copied_from_another_run_does_not_count(
    nation: Nation, tmp_path: Path, written: list[str]
) -> None:
    nation.day(1, tmp_path / "out", shard=Shard(1, 2))
    del written[:]
    for kind, suffix in zip(FILES, (".parquet", ".state", ".json"), strict=True):
        shutil.copy(nation.folder / "first" / kind / f"00003{suffix}", tmp_path / "out" / kind)
    with pytest.raises(DhbvError, match=r"out: chunk 00003 is not finished"):
        run_folder.RunFolder.open(tmp_path / "out").state(CHUNKS[3], ())
    nation.day(1, tmp_path / "out")
    assert written == ["00002", "00003", "00004"]
    assert content(tmp_path / "out") == content(nation.folder / "second")


def test_a_day_of_means_is_refused_and_one_still_catchment_is_not(nation: Nation, tmp_path: Path) -> None:
    """Where no catchment has a range, Hargreaves evaporation would be zero in all, and nothing would say so."""
    forcing = tmp_path / "forcings.nc"
    forcing.write_bytes(nation.domain.forcing.read_bytes())
    run = nation._replace(domain=nation.domain._replace(forcing=forcing))
    with netCDF4.Dataset(forcing, "a") as file:
        file["TMP_2maboveground"][7, :24] = 285.0
    assert run.day(0, tmp_path / "sleet").catchments == CATCHMENTS
    with netCDF4.Dataset(forcing, "a") as file:
        file["TMP_2maboveground"][:, :24] = 285.0
    with pytest.raises(
        DhbvError, match=r"catchment cat-1, .*: tmin equals tmax on every day from 2026-10-01"
    ):
        run.day(0, tmp_path / "means")


def test_a_run_that_fails_says_why_and_goes_on_when_mended(
    nation: Nation, tmp_path: Path, written: list[str]
) -> None:
    forcing = tmp_path / "forcings.nc"
    forcing.write_bytes(nation.domain.forcing.read_bytes())
    with netCDF4.Dataset(forcing, "a") as file:
        sound = file["precip_rate"][12, 3]
        file["precip_rate"][12, 3] = np.nan
    domain, out = nation.domain, tmp_path / "out"
    with pytest.raises(DhbvError, match=r"catchment cat-13, precip_rate, 2026-10-01T03: prcp is missing"):
        national.run(nation.model, forcing, domain.attributes, DAYS[0], out, spin_up_days=0, chunk=5)
    assert written == ["00000", "00001"]
    with netCDF4.Dataset(forcing, "a") as file:
        file["precip_rate"][12, 3] = sound
    # Other forcing makes another run, whose chunks are not mixed with these.
    with pytest.raises(
        DhbvError, match=r"holds another run \(forcing_sha256 .* there, .* here\): give another --out"
    ):
        national.run(nation.model, forcing, domain.attributes, DAYS[0], out, spin_up_days=0, chunk=5)


# Mistakes


def test_another_run_does_not_mix_with_one_that_is_there(nation: Nation, tmp_path: Path) -> None:
    nation.day(1, tmp_path / "out", shard=Shard(1, 2))
    before = content(tmp_path / "out")
    with pytest.raises(
        DhbvError, match=r"out holds another run \(chunk 5 there, 6 here\): give another --out"
    ):
        nation.day(1, tmp_path / "out", chunk=6)
    other = small_model(tmp_path / "other", 3)
    with pytest.raises(
        DhbvError, match=r"holds another run \(weights_sha256 .*; start state of .* there, spin-up of"
    ):
        nation._replace(model=other).day(1, tmp_path / "out", states=None)
    assert content(tmp_path / "out") == before


def test_states_that_do_not_fit_are_refused(nation: Nation, tmp_path: Path) -> None:
    with pytest.raises(
        DhbvError, match=r"states are valid at 2026-10-02, the period starts 2026-10-01: start the"
    ):
        nation.day(0, tmp_path / "a", states=nation.folder / "first")
    with pytest.raises(DhbvError, match=r"states do not fit other weights"):
        nation._replace(model=small_model(tmp_path / "other", 3)).day(1, tmp_path / "a")
    with pytest.raises(DhbvError, match=r"run.json: No such file or directory: give the folder that a run"):
        nation.day(1, tmp_path / "a", states=tmp_path)
    nation.day(0, tmp_path / "half", shard=Shard(1, 2))
    with pytest.raises(DhbvError, match=r"half: chunk 00002 is not finished: run that day's command again"):
        nation.day(1, tmp_path / "b", states=tmp_path / "half")
    assert sorted(p.name for p in (tmp_path / "b" / "done").glob("*.json")) == ["00000.json", "00001.json"]


def test_a_damaged_state_of_the_day_before_is_named(nation: Nation, tmp_path: Path) -> None:
    nation.day(0, tmp_path / "first")
    file = tmp_path / "first" / "states" / "00003.state"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(DhbvError, match=r"00003.state: the state is damaged or truncated"):
        nation.day(1, tmp_path / "out", states=tmp_path / "first")


def test_states_of_catchments_in_another_order_are_refused(nation: Nation, tmp_path: Path) -> None:
    turned = tmp_path / "turned.nc"
    with xr.open_dataset(nation.domain.forcing, decode_times=False) as file:
        file.isel({"catchment-id": slice(None, None, -1)}).to_netcdf(turned)
    domain = nation.domain._replace(forcing=turned)
    with pytest.raises(DhbvError, match=r"holds states of other catchments \(23\), or in another order"):
        nation._replace(domain=domain).day(1, tmp_path / "out")
    # From empty stores the order is nobody's business, the table's least of all.
    nation._replace(domain=domain).day(0, tmp_path / "out")
    have = fluxes(tmp_path / "out").sort_values("catchment", ignore_index=True)
    expected = fluxes(nation.folder / "first").sort_values("catchment", ignore_index=True)
    pd.testing.assert_frame_equal(have, expected, rtol=2e-5, atol=1e-5)


def test_a_file_tells_what_it_holds_and_what_made_it(nation: Nation) -> None:
    table = pq.read_table(nation.folder / "second" / "fluxes" / "00000.parquet")
    assert table.schema.field("runoff").metadata[b"units"] == b"mm d-1"
    told = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    run = json.loads((nation.folder / "second" / "run.json").read_text())
    assert told["weights_sha256"] == run["weights_sha256"] == nation.model.weights_sha256
    first = run_folder.RunFolder.open(nation.folder / "first").identity.sha256
    assert told["start"] == run["start"] == f"state of {first}"


def test_no_more_chunks_are_held_than_a_handful(
    nation: Nation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, most = 0, 0
    weather, put = national.DomainForcing.weather, run_folder.RunFolder.put

    def read(*given: object) -> object:
        nonlocal held, most
        held += 1
        most = max(most, held)
        return weather(*given)  # type: ignore[arg-type]

    def write(*given: object) -> None:
        nonlocal held
        time.sleep(0.05)
        put(*given)  # type: ignore[arg-type]
        held -= 1

    monkeypatch.setattr(national.DomainForcing, "weather", read)
    monkeypatch.setattr(run_folder.RunFolder, "put", write)
    nation.day(0, tmp_path, chunk=1)
    assert 2 <= most <= 7
