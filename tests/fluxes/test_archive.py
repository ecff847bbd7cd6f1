"""The archive: bit by bit what was computed, every row with its maker, whole for every reader at every moment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.dataset as pads
import pytest
import xarray as xr

from dhbv import fluxes as fx
from dhbv.data.schema import DataError
from dhbv.errors import DhbvError
from dhbv.fluxes import Archive
from dhbv.physics.variables import VARIABLES
from dhbv.store import manifest as manifests
from dhbv.store import parquet
from tests.fluxes.conftest import Run
from tests.store.test_crash import fork


def numbered(run: Run, number: float, days: int = 3) -> xr.Dataset:
    """A few days over a turn of the year in which every value is one number."""
    some = run.fluxes.sel(time=slice("1999-12-31", None)).isel(time=slice(0, days)).copy(deep=True)
    for name in VARIABLES:
        some[name][:] = number
    return some


def bits(ds: xr.Dataset, name: str) -> bytes:
    return ds[name].transpose("basin", "time").values.astype(np.float32).tobytes()


def test_what_was_computed_comes_back_bit_by_bit(filled: Archive, run: Run) -> None:
    back = fx.open(filled.path)
    assert back["basin"].values.tolist() == sorted(run.basins)
    order = run.fluxes.sel(basin=sorted(run.basins))
    for name in VARIABLES:
        assert back[name].dtype == np.float32
        assert bits(back, name) == bits(order, name)
    assert np.array_equal(back["time"], run.fluxes["time"])
    np.testing.assert_allclose(back["area"], order["area"])
    assert back["huc_02"].values.tolist() == order["huc_02"].values.tolist()


def test_odd_numbers_come_back_too(archive: Archive, run: Run) -> None:
    """Subnormal numbers, signed zeros, the largest: lossless means all of them."""
    odd = numbered(run, 0.0)
    values = np.array([1e-45, -0.0, np.finfo(np.float32).max], np.float32)
    odd["runoff"] = odd["runoff"].astype(np.float32)
    odd["runoff"].values[:] = values
    archive.append(odd, "analysis", source="odd", content="odd")
    assert fx.open(archive.path, variables="runoff")["runoff"].values[1].tobytes() == values.tobytes()


def test_every_row_names_its_maker(filled: Archive, run: Run) -> None:
    """Whoever reads the Parquet files by themselves finds version, weights and batch, and the journal by batch."""
    table = pads.dataset(filled.path / "analysis", partitioning="hive").to_table().to_pandas()
    assert len(table) == run.fluxes.sizes["basin"] * run.fluxes.sizes["time"]
    assert set(table["weights"]) == {run.model.weights_sha256}
    assert set(table["batch"]) == {1}
    assert sorted(set(table["year"])) == [1999, 2000, 2001]
    (entry,) = filled.entries()
    assert (entry.weights_sha256, entry.precision) == (run.model.weights_sha256, "float64")
    assert entry.start == "spin-up of 30 days"
    assert (str(entry.first), str(entry.last), entry.basins) == ("1999-11-20", "2001-01-20", 3)


def test_the_same_is_appended_once(filled: Archive, run: Run) -> None:
    again = filled.append(run.fluxes, "analysis", source="again", content="run")
    assert again.source == "hindcast"
    assert len(filled.entries()) == 1
    assert filled.append(run.fluxes, "analysis", source="again", content="other").batch == 2


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda ds: ds.drop_vars("swe"), r"x: no swe \(1 variables\): archive a run with all outputs"),
        (lambda ds: ds.isel(time=[0, 2]), "missing"),
        (lambda ds: ds.assign_attrs(weights_sha256=""), "x: it does not say by which weights it was made"),
    ],
)
def test_what_is_not_whole_is_refused(
    archive: Archive, run: Run, broken: Callable[[xr.Dataset], xr.Dataset], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        archive.append(broken(numbered(run, 1.0)), "analysis", source="x", content="x")
    assert archive.entries() == []


def test_of_two_versions_the_last_written_rules_and_both_can_be_read(
    archive: Archive, run: Run, other: Run
) -> None:
    ours, theirs = run.days("2000-03-01", "2000-03-05"), other.days("2000-03-03", "2000-03-07")
    ours.attrs["version"], theirs.attrs["version"] = "first", "second"
    archive.append(ours, "analysis", source="c/1", content="1", served=True)
    archive.append(theirs, "analysis", source="c/2", content="2", served=True)
    trial = other.days("2000-03-07", "2000-03-08")
    archive.append(trial, "analysis", source="a trial", content="3")
    ask = {"variables": "runoff", "start": "2000-03-01", "end": "2000-03-08"}
    best = fx.open(archive.path, **ask)
    made_by = dict(enumerate(["", *best["made_by"].attrs["flag_meanings"].split()]))
    third = other.model.weights_sha256
    told = [made_by[k] for k in best["made_by"].values[0]]
    assert told == ["first"] * 2 + ["second"] * 4 + [third] * 2
    np.testing.assert_array_equal(best["runoff"][:, 2:6], theirs["runoff"].astype(np.float32)[:, :4])
    first = fx.open(archive.path, version="first", **ask)["runoff"]
    np.testing.assert_array_equal(first[:, :5], ours["runoff"].astype(np.float32))
    assert np.isnan(first[:, 5:]).all()
    by_weights = fx.open(archive.path, version=run.model.weights_sha256[:8], **ask)["runoff"]
    np.testing.assert_array_equal(by_weights, first)
    champion = fx.open(archive.path, version="champion", **ask)["runoff"]
    np.testing.assert_array_equal(champion[:, 2:7], theirs["runoff"].astype(np.float32))
    assert np.isnan(champion[:, 7]).all(), "a trial never served"
    with pytest.raises(DhbvError, match=r"nothing by version 'secnod' \(nearest: second"):
        fx.open(archive.path, version="secnod", **ask)


def test_without_cycles_there_is_no_champion(filled: Archive) -> None:
    with pytest.raises(
        DhbvError, match="no cycle of an operation wrote here, so no champion: ask for latest"
    ):
        fx.open(filled.path, version="champion")


def test_many_small_appends_are_few_files_and_the_same_days(
    archive: Archive, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 3)
    for day in range(12):
        archive.append(
            run.fluxes.isel(time=slice(day, day + 1)), "analysis", source=f"{day}", content=f"{day}"
        )
    assert len(manifests.read(archive.path).of("analysis")) < 6
    back = fx.open(archive.path)
    for name in VARIABLES:
        assert bits(back, name) == bits(run.fluxes.isel(time=slice(0, 12)).sel(basin=back["basin"]), name)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.999])
def test_a_flipped_bit_is_told_where_it_is_read(filled: Archive, share: float) -> None:
    (file,) = manifests.read(filled.path).of("analysis", 2000)
    path = filled.path / file.name
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged, its sha256 is not that of the manifest: restore it"):
        fx.open(filled.path, start="2000-01-01", end="2000-12-31")
    assert fx.open(filled.path, end="1999-12-31")["runoff"].notnull().all(), "the other years are whole"


def test_a_kill_at_any_step_leaves_before_or_after(
    archive: Archive, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is killed at each of its changes to the disk, one after another."""
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 2)

    def number() -> float:
        found = fx.open(archive.path, variables=["runoff", "swe"])
        values = {float(v) for n in ("runoff", "swe") for v in found[n].values.flat}
        assert len(values) == 1, f"half an append is visible: {values}"
        return values.pop()

    for n in (1.0, 2.0, 3.0):
        archive.append(numbered(run, n), "analysis", source=f"{n}", content=f"{n}")
    outcomes, step, finished = [], 0, False
    while not finished:
        step += 1
        before = number()

        def act(step: int = step, before: float = before) -> None:
            count = 0

            def told(event: str, args: tuple[object, ...]) -> None:
                nonlocal count
                changes = event in ("os.rename", "os.remove", "os.truncate", "os.mkdir")
                if changes or (event == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT):
                    count += 1
                    if count == step:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(told)
            archive.append(numbered(run, before + 1), "analysis", source="next", content=f"{before + 1}")

        status = os.waitpid(fork(act), 0)[1]
        assert status in (0, signal.SIGKILL)
        finished = status == 0
        outcomes.append(number() - before)
    assert set(outcomes) == {0.0, 1.0}
    assert len(outcomes) > 8, "the steps of an append were seen"
    assert [e.batch for e in archive.entries()] == list(range(1, len(archive.entries()) + 1))


def test_readers_see_whole_appends_while_one_writes(
    archive: Archive, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 2)
    archive.append(numbered(run, 1.0), "analysis", source="1", content="1")

    def write() -> None:
        for n in range(2, 14):
            archive.append(numbered(run, float(n)), "analysis", source=f"{n}", content=f"{n}")

    child, seen = fork(write), []
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        values = {float(v) for v in fx.open(archive.path, variables=["runoff"])["runoff"].values.flat}
        assert len(values) == 1, f"half an append is visible: {values}"
        seen.append(values.pop())
    assert seen == sorted(seen)
    assert fx.open(archive.path, variables=["runoff"])["runoff"].values.max() == 13.0


def test_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(DhbvError, match=r"no archive of fluxes there: `dhbv forecast … --archive"):
        fx.open(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"no archive of fluxes but notes.txt: name an archive of fluxes"):
        Archive(tmp_path)
