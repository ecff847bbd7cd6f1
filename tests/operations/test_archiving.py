"""Every cycle's water in the archive, once, whatever was killed; what fails there stops no forecast."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
import xarray as xr

from dhbv import fluxes as fx
from dhbv.errors import DhbvError
from dhbv.fluxes import Archive
from dhbv.operations import archiving, cycle
from dhbv.operations.cycle import ANALYSIS, FORECAST
from tests.operations.conftest import BASINS, ISSUE, Site, day, make_operation


def archive(site: Site) -> Archive:
    return Archive(site.operation.fluxes)


def sources(site: Site) -> list[tuple[str, str]]:
    return [(e.source, e.what) for e in archive(site).entries()]


def cycles(site: Site, first: int, last: int) -> None:
    for n in range(first, last + 1):
        if n:
            site.arrive(n - 1, n - 1)
        cycle.run(site.operation, day(n))


def test_each_cycle_brings_its_analysis_and_its_forecast_once(site: Site) -> None:
    cycles(site, 0, 2)
    cycle.run(site.operation, day(2))
    names = [f"forecasts/{day(n)}" for n in range(3)]
    assert sources(site) == [(name, what) for name in names for what in ("analysis", "forecast")]
    version = site.registry.serving().version
    for entry, one in zip(archive(site).entries()[1::2], cycle.done(site.operation), strict=True):
        record = one.record
        assert entry.served
        assert (entry.version, entry.weights_sha256) == (version.id, record["weights_sha256"])
        assert (entry.forcing_sha256, entry.state_sha256) == (
            record["forcing_sha256"],
            record["state_sha256"],
        )
        assert (entry.start, entry.weather, entry.code_version) == (
            record["start"], record["weather"], record["code_version"],
        )  # fmt: skip


def test_what_is_read_is_what_the_cycles_wrote(site: Site) -> None:
    cycles(site, 0, 2)
    best = fx.open(site.operation.fluxes, basins=BASINS, version="champion")
    ahead = fx.open_forecasts(site.operation.fluxes, basins=BASINS)
    assert best["time"].values.astype("datetime64[D]").tolist() == [day(n) for n in (-1, 0, 1)]
    for n, one in enumerate(cycle.done(site.operation)):
        with xr.open_dataset(one.path / ANALYSIS) as file:
            np.testing.assert_array_equal(best["soil_water"][:, n], file["soil_water"][:, 0])
        with xr.open_dataset(one.path / FORECAST) as file:
            theirs = file["et"].transpose("basin", "time", "quantile")
            np.testing.assert_array_equal(ahead["et"][:, n], theirs)
            assert file["opening_soil_water"].dims == ("basin",), "the same in all members"
            assert file["area"].dims == ("basin",)


def test_the_water_of_cycles_adds_up_and_weights_that_follow_split_it(site: Site) -> None:
    cycles(site, 0, 3)
    site.serve(1)
    cycles(site, 4, 5)
    for found in fx.balance(site.operation.fluxes):
        assert found.closes
        assert [s.days for s in found.segments] == [4, 2]
        assert found.segments[1].begins.startswith("another version")


def test_a_killed_cycle_comes_with_the_next(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    cycles(site, 0, 0)
    with monkeypatch.context() as killed:
        killed.setattr(archiving, "archive", lambda *_: 0)
        cycles(site, 1, 1)
    assert len(sources(site)) == 2
    cycles(site, 2, 2)
    assert [name for name, _ in sources(site)][2::2] == [f"forecasts/{day(n)}" for n in (1, 2)]


def test_a_lost_archive_comes_back_whole(site: Site) -> None:
    cycles(site, 0, 1)
    before = fx.open(site.operation.fluxes)
    shutil.rmtree(site.operation.fluxes)
    cycle.run(site.operation, day(1))
    xr.testing.assert_identical(fx.open(site.operation.fluxes), before)


def test_one_issued_again_is_the_later_estimate(site: Site) -> None:
    cycles(site, 0, 0)
    first = site.registry.serving().version.id
    second = site.serve(1).id
    cycle.run(site.operation, ISSUE, reissue=True)
    assert sources(site)[-1] == (f"forecasts/{ISSUE}.2", "forecast")
    both = [
        fx.open_forecasts(site.operation.fluxes, variables="runoff", version=v) for v in (first, second, "latest")
    ]  # fmt: skip
    assert not np.array_equal(both[0]["runoff"], both[1]["runoff"])
    np.testing.assert_array_equal(both[1]["runoff"], both[2]["runoff"])


def test_a_broken_archive_stops_no_forecast(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    cycles(site, 0, 0)
    (site.operation.fluxes / "manifest.json").write_text("{")
    site.arrive(0, 0)
    with caplog.at_level(logging.WARNING, logger="dhbv"):
        made = cycle.run(site.operation, day(1))
    assert made.path.is_dir()
    assert "manifest.json: damaged" in caplog.text
    assert "the cycle is made, the archive of fluxes waits for the next" in caplog.text


@pytest.mark.parametrize("error", [None, RuntimeError("NetCDF: HDF error"), AttributeError("no such thing")])
def test_a_damaged_file_of_an_old_cycle_keeps_no_other_out(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """As after the archive was lost; what is raised depends on which bytes were hit."""
    cycles(site, 0, 1)
    shutil.rmtree(site.operation.fluxes)
    bad = cycle.done(site.operation)[0].path / FORECAST
    whole, load = bad.read_bytes(), xr.Dataset.load
    if error is None:
        bad.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))

    def fails(self: xr.Dataset, **options: object) -> xr.Dataset:
        if error is not None and self.encoding["source"] == str(bad):
            raise error
        return load(self, **options)

    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING, logger="dhbv"):
        broken.setattr(xr.Dataset, "load", fails)
        site.arrive(1, 1)
        assert cycle.run(site.operation, day(2)).path.is_dir()
    assert f"{bad}: " in caplog.text
    assert "the archive of fluxes waits for a whole one" in caplog.text
    every = [(f"forecasts/{day(n)}", what) for n in range(3) for what in ("analysis", "forecast")]
    bad_one = (f"forecasts/{ISSUE}", "forecast")
    assert sources(site) == [one for one in every if one != bad_one]
    assert cycle.unarchived(site.operation) == [bad]
    bad.write_bytes(whole)
    cycle.run(site.operation, day(2))
    assert sources(site)[-1] == bad_one
    assert cycle.unarchived(site.operation) == []


def test_a_replay_that_would_mix_with_it_is_refused_before_it_is_made(site: Site) -> None:
    cycles(site, 0, 0)
    replay = make_operation(site.operation.folder, forecasts="replay")
    with pytest.raises(
        DhbvError,
        match=rf"{site.operation.fluxes} is the archive of cycles such as forecasts/{ISSUE}, those in .*replay/cycles would "
        "be mixed with them: give this operation an archive of its own, by the key `fluxes`",
    ):
        cycle.run(replay, ISSUE)
    assert not replay.forecasts.exists()
    assert len(sources(site)) == 2
    cycle.run(make_operation(site.operation.folder, forecasts="replay", fluxes="replay-fluxes"), ISSUE)
    assert len(sources(site)) == 2
