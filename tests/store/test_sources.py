"""Every source ends in the store as its reader gives it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.camels import read_camels
from dhbv.data.nextgen import read_forcing
from dhbv.data.schema import DataError
from dhbv.store import Store, digest_of
from dhbv.store.sources import LATE, take_camels, take_nextgen, take_usgs
from tests.data.conftest import BASINS, Download
from tests.data.test_usgs import AREAS, GAUGE, PERIOD, SMALL, Recorded, expected_flow
from tests.store.conftest import NAN, flow


def test_camels(store: Store, tmp_path: Path) -> None:
    download = Download(tmp_path / "camels")
    receipt = take_camels(store, download.folder)
    assert receipt.source == f"CAMELS {download.folder}"
    ds = store.window("1999-12-28", "2000-01-06")
    given = read_camels(download.folder)
    for name in given.data_vars:
        xr.testing.assert_equal(ds[name], given[name])
    assert store.digest("1999-12-28", "2000-01-06") == digest_of(given)
    assert store.areas() == {"01013500": 2252.7, "02177000": 500.0}
    assert take_camels(store, download.folder, basins=BASINS[:1]).batch is None
    download.flow().unlink()
    assert take_camels(store, download.folder).batch is None, "a basin may have no flow"


def test_nextgen(store: Store, shared: Path) -> None:
    path = shared / "ngen_01073000" / "forcing.nc"
    take_nextgen(store, path, utc_offset=-5)
    given = read_forcing(path, utc_offset=-5)
    days = np.datetime_as_string(given["time"].values[[0, -1]], "D")
    ds = store.window(*days)
    for name in ("prcp", "tmin", "tmax"):
        xr.testing.assert_equal(ds[name], given[name].sortby("basin"))


def test_usgs(store: Store) -> None:
    client = Recorded()
    store.put_attributes(
        pd.DataFrame({"area_gages2": [*AREAS.values(), 1.0]}, index=[*AREAS, "cat-1"]), source="table"
    )
    with pytest.raises(
        DataError, match=r"no flow in the store yet: .* \(start; sources.usgs_start of an operation"
    ):
        take_usgs(store, dt.date(2026, 1, 18), client=client)
    first = take_usgs(store, dt.date(2026, 1, 18), start=dt.date(2026, 1, 15), client=client)
    assert (first.receipt.added, first.left_out) == (5, ())
    ds = store.window(*PERIOD, basins=[GAUGE, SMALL])
    np.testing.assert_allclose(ds["streamflow"].values, expected_flow(), rtol=1e-6)
    assert "streamflow_flags" not in ds

    corrected = Recorded(lambda f: f.assign(value=f["value"].replace(7.22, 9.99)))
    again, _ = take_usgs(store, dt.date(2026, 1, 19), client=corrected)
    assert (again.corrected, again.unchanged) == (1, 4)
    from_day = dt.date(2026, 1, 18) - dt.timedelta(days=LATE)
    assert corrected.request["time"] == f"{from_day}/2026-01-19"
    assert corrected.request["monitoring_location_id"] == [f"USGS-{s}" for s in sorted((GAUGE, SMALL))]


def test_usgs_needs_sites(store: Store) -> None:
    store.append(flow([1.0], [NAN]), source="test")
    with pytest.raises(DataError, match="no basin has a USGS site number"):
        take_usgs(store, dt.date(2026, 1, 18), client=Recorded())
