"""Fluxes as NetCDF hold what Parquet does, by the same rules; both are read back as they were."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import cf_units
import numpy as np
import pytest
import xarray as xr

from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.physics.variables import VARIABLES
from dhbv.scale import national
from dhbv.scale.chunks import Shard
from dhbv.scale.forcing import DomainForcing
from dhbv.scale.output import FORMATS, Told
from dhbv.scale.pipeline import HDF5
from dhbv.scale.run_folder import RunFolder
from tests.scale.conftest import DAYS, Nation, content


@pytest.fixture(scope="module")
def runs(nation: Nation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both days, as `parquet` and `netcdf`."""
    both, folder = Period(start=DAYS[0].start, end=DAYS[1].end), tmp_path_factory.mktemp("formats")
    for name in FORMATS:
        national.run(
            nation.model, nation.domain.forcing, nation.domain.attributes, both, folder / name, spin_up_days=0,
            chunk=10, fluxes=name,
        )  # fmt: skip
    return folder


def fluxes(run: Path) -> list[xr.Dataset]:
    folder = RunFolder.open(run)
    return [FORMATS[folder.identity.fluxes].read(folder.fluxes(c)) for c in folder.chunks]


def test_both_hold_the_same(runs: Path) -> None:
    for parquet, netcdf in zip(fluxes(runs / "parquet"), fluxes(runs / "netcdf"), strict=True):
        assert set(parquet.data_vars) == set(netcdf.data_vars) == set(VARIABLES)
        for name in (*VARIABLES, "basin", "time"):
            assert np.array_equal(parquet[name].values, netcdf[name].values), name
        assert parquet.attrs.items() - {("run", parquet.attrs["run"])} <= netcdf.attrs.items()
    assert sum(d.sizes["basin"] for d in fluxes(runs / "netcdf")) == 23


def test_a_netcdf_follows_the_conventions(runs: Path) -> None:
    with xr.open_dataset(runs / "netcdf" / "fluxes" / "00000.nc") as told:
        assert told.attrs["Conventions"] == "CF-1.10"
        assert told["basin"].attrs["cf_role"] == "timeseries_id"
        assert [str(t)[:10] for t in told["time"].values] == ["2026-10-01", "2026-10-02"]
        for name, row in VARIABLES.items():
            assert told[name].dims == ("basin", "time")
            assert told[name].dtype == np.float32
            assert cf_units.Unit(told[name].attrs["units"]) == cf_units.Unit(row.unit)
            assert told[name].attrs["cell_methods"] == (
                "time: point" if row.kind == "store" else "time: mean"
            )


def test_one_catchment_and_one_day_are_read_back(tmp_path: Path) -> None:
    for days, ids in ((1, ("a",)), (3, ("a",)), (1, ("a", "b")), (3, ("a", "b"))):
        values = np.arange(days * len(ids), dtype=np.float32).reshape(days, len(ids))
        told = Told(ids, np.datetime64("2026-10-01"), {"runoff": values})
        for name, form in FORMATS.items():
            form.write(told, {"source": "a test"}, tmp_path / name)
            back = form.read(tmp_path / name)
            assert list(back["basin"].values) == list(ids)
            assert np.array_equal(back["runoff"].values, values.T)
            assert back["time"].values[-1].astype("datetime64[D]") == told.days[-1]
            assert back.attrs["source"] == "a test"


@pytest.mark.parametrize("form", FORMATS)
def test_shards_and_a_later_hour_give_the_same_bytes(
    nation: Nation, tmp_path: Path, form: str, written: list[str]
) -> None:
    nation.day(1, tmp_path / "whole", fluxes=form)
    time.sleep(1.1)  # files that hold the second they were made in would differ
    del written[:]
    nation.day(1, tmp_path / "out", fluxes=form, shard=Shard(2, 2))
    nation.day(1, tmp_path / "out", fluxes=form)
    assert sorted(written) == [f"0000{k}" for k in range(5)]
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    damaged = tmp_path / "out" / "fluxes" / f"00001{FORMATS[form].suffix}"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    del written[:]
    nation.day(1, tmp_path / "out", fluxes=form)
    assert written == ["00001"]
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_formats_do_not_mix(nation: Nation, tmp_path: Path) -> None:
    nation.day(1, tmp_path / "out", fluxes="netcdf", shard=Shard(1, 2))
    with pytest.raises(DhbvError, match=r"holds another run \(fluxes netcdf there, parquet here\)"):
        nation.day(1, tmp_path / "out")
    with pytest.raises(DhbvError, match=r"--format csv: fluxes are written as parquet or netcdf"):
        nation.day(1, tmp_path / "other", fluxes="csv")
    assert not (tmp_path / "other").exists()


def test_netcdf_is_never_read_while_it_is_written(
    nation: Nation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library is not for several threads: now and then that would kill the process."""
    rows, write = DomainForcing._rows, xr.Dataset.to_netcdf
    held: dict[str, list[bool]] = {"reading": [], "writing": []}

    def reading(self: DomainForcing, *rest: Any) -> xr.DataArray:
        if threading.current_thread() is not threading.main_thread():
            held["reading"].append(HDF5.locked())
        return rows(self, *rest)

    def writing(self: xr.Dataset, *rest: Any, **how: Any) -> object:
        held["writing"].append(HDF5.locked())
        return write(self, *rest, **how)

    monkeypatch.setattr(DomainForcing, "_rows", reading)
    monkeypatch.setattr(xr.Dataset, "to_netcdf", writing)
    nation.day(1, tmp_path / "out", fluxes="netcdf")
    assert {stage: (len(told) > 4, all(told)) for stage, told in held.items()} == {
        "reading": (True, True),
        "writing": (True, True),
    }
