"""A weather forecast is taken in any known unit; what cannot be weather is named, and stops no other basin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from dhbv.data.schema import DataError, assemble
from dhbv.operations import cycle, weather
from dhbv.store import Store, incoming
from tests.operations.conftest import BASINS, ISSUE, Site

PRCP, TMIN, TMAX = 2.0, 3.0, 12.0
REMEDY = "write it anew, or remove it to run on past years' weather"

Change = Callable[[xr.Dataset], xr.Dataset]


def sound() -> xr.Dataset:
    days = np.datetime64(ISSUE) + np.arange(4)
    series = {name: np.full((5, 4), v) for name, v in (("prcp", PRCP), ("tmin", TMIN), ("tmax", TMAX))}
    ds = assemble(BASINS, days, series)
    # As text NetCDF reads it back, whatever the version of xarray.
    return ds.assign_coords(basin=np.array(BASINS, dtype=object))


def one(name: str, value: float, *, basin: int = 2) -> Change:
    """A value of one basin on one day."""

    def change(ds: xr.Dataset) -> xr.Dataset:
        ds[name][{"basin": basin, "time": 1}] = value
        return ds

    return change


def scaled(name: str, factor: float, offset: float, unit: str) -> Change:
    return lambda ds: ds.assign({name: (ds[name] * factor + offset).assign_attrs(units=unit)})


def swapped(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign(tmin=ds["tmax"], tmax=ds["tmin"])


@pytest.fixture
def store(tmp_path: Path, whole: xr.Dataset) -> Store:
    made = Store(tmp_path / "store")
    made.append(whole.isel(time=slice(0, 2)), source="attributes")
    return made


@pytest.fixture
def ahead(store: Store, tmp_path: Path) -> Callable[[xr.Dataset | bytes], weather.Weather]:
    """The weather of a file that holds this."""

    def forecast(given: xr.Dataset | bytes) -> weather.Weather:
        path = tmp_path / f"{ISSUE}.nc"
        if isinstance(given, bytes):
            path.write_bytes(given)
        else:
            given.to_netcdf(path)
        return weather.forecast(store, BASINS, ISSUE, 4, tmp_path)

    return forecast


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds,
        scaled("tmin", 1.0, 273.15, "K"),
        scaled("tmax", 1.8, 32.0, "degF"),
        scaled("prcp", 1.0 / 86400.0, 0.0, "kg m-2 s-1"),
        lambda ds: ds.isel(time=[3, 1, 0, 2]).transpose("time", "basin"),
        lambda ds: ds.assign(prcp=ds["prcp"].expand_dims(member=[0, 1])),
    ],
)
def test_units_are_brought_to_the_schemas(ahead: Callable[..., weather.Weather], change: Change) -> None:
    got = ahead(change(sound()))
    assert (got.basins, got.lacking) == (BASINS, ())
    for name, value in (("prcp", PRCP), ("tmin", TMIN), ("tmax", TMAX)):
        np.testing.assert_allclose(got.region[name].values, value, rtol=1e-5)
        assert got.region[name].attrs["units"] in ("mm d-1", "degC")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (one("prcp", -0.01), "has 1 values .*the first is prcp -0.01 mm d-1"),
        (one("prcp", -999.0), "has 1 values .*prcp -999 mm d-1"),
        (one("prcp", 9.96921e36), "has 1 values .*prcp 9.96921e"),
        (one("prcp", np.inf), "has 1 values .*prcp inf"),
        (one("tmin", TMIN + 273.15), "has 2 values .*tmin 276.15 degC"),
        (one("tmax", TMIN - 20.1), "has 2 values .*tmin 3 degC"),
        (one("tmin", np.nan), "lacks 1 values of the days 2003-10-06..2003-10-09: write it anew"),
    ],
)
def test_an_impossible_value_leaves_its_basin_out(
    ahead: Callable[..., weather.Weather], change: Change, seen: str
) -> None:
    got = ahead(change(sound()))
    assert got.basins == ("01", "02", "04", "05")
    (told,) = got.lacking
    with pytest.raises(DataError, match=f"the weather forecast .*{ISSUE}.nc, basin 03, {seen}"):
        raise DataError(told)
    assert told.endswith("past years' weather")


def test_only_columns_that_are_swapped_are_refused(ahead: Callable[..., weather.Weather]) -> None:
    """Real weather has days on which tmin and tmax cross a little."""
    assert ahead(one("tmax", TMIN - 0.5)(sound())).basins == BASINS
    half = sound()
    for name, value in (("tmin", TMAX), ("tmax", TMIN)):
        half[name][{"basin": 0, "time": [0, 1, 2]}] = value
    got = ahead(half)
    assert got.basins == BASINS[1:]
    assert "basin 01, has 6 values of the days 2003-10-06..2003-10-09" in got.lacking[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swapped, r"has 40 values of the days .* that cannot be or tmin above tmax \(the first is tmin 12 degC\)"),
        (scaled("tmax", 1.0, 273.15, "degC"), "has 20 values .*the first is tmax 285.15 degC"),
        (lambda ds: xr.concat([ds, ds.isel(time=[3])], "time"), "has 2003-10-09 more than once"),
        (lambda ds: ds.isel(basin=[0, 1, 1]), "basin 02 appears more than once: keep each basin once"),
        (lambda ds: ds.drop_vars("tmax"), "lacks tmax"),
        (lambda ds: ds.assign(prcp=ds["prcp"].assign_attrs(units="furlong")), "variable prcp has unit 'furlong': set"),
        (lambda ds: ds.assign(prcp=ds["prcp"].drop_attrs()), "variable prcp has unit '': set its units to one of mm"),
        (lambda ds: ds.assign(prcp=ds["prcp"].isel(basin=0, drop=True)), r"has prcp \('time',\), where \(basin, time\)"),
        (lambda ds: ds.drop_vars("basin"), "lacks basin"),
        (lambda ds: ds.assign_coords(time=np.arange(4.0)), "a time that is no calendar"),
        (lambda ds: bytes(ds.to_netcdf())[:3000], "cannot be read"),
        (lambda ds: b"", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_says_nothing_sure_is_refused_by_name(
    ahead: Callable[..., weather.Weather], change: Any, message: str
) -> None:
    with pytest.raises(DataError, match=rf"the weather forecast .*{ISSUE}\.nc.*{message}") as caught:
        ahead(change(sound()))
    if "appears" not in message and "unit" not in message:
        assert str(caught.value).endswith(REMEDY)


def test_flipped_bytes_are_told(ahead: Callable[..., weather.Weather], tmp_path: Path) -> None:
    """Where a compressed block is damaged the library raises neither OSError nor ValueError."""
    path = tmp_path / "sound.nc"
    ds = sound()
    ds["prcp"][:] = np.random.default_rng(0).random((5, 4))
    ds.to_netcdf(path, encoding={"prcp": {"zlib": True, "fletcher32": True}})
    raw = bytearray(path.read_bytes())
    at = raw.find(b"\x78\x5e")
    assert at > 0, "the block is not where it was"
    raw[at + 20] ^= 0xFF
    with pytest.raises(DataError, match="cannot be read"):
        ahead(bytes(raw))


def test_a_latitude_as_text_leaves_its_basin_out(
    site: Site, tmp_path: Path, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a store may hold it that was made before such tables were refused."""
    monkeypatch.setattr(incoming, "ATTRIBUTE_UNITS", {})
    text = whole.isel(time=slice(0, 1100)).assign(
        gauge_lat=("basin", np.array(["44.1", "44 N", "45", "", "46.5"], object))
    )
    store = Store(site.operation.store.with_name("text"))
    store.append(text, source="history")
    first = ISSUE.replace(year=2003, month=9, day=1)
    known = weather.known(store, BASINS, first, ISSUE.replace(day=1), fill_days=3)
    assert known.basins == ("01", "03", "05")
    assert known.lacking == (
        "the store has no latitude (gauge_lat) of basin 02, 04, from which potential evaporation follows: ingest a "
        "table of attributes that has it",
    )
    site.operation.store.rename(tmp_path / "numbers")
    store.path.rename(site.operation.store)
    assert cycle.run(site.operation, ISSUE).record["left_out"] == ["02", "04"]
