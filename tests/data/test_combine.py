"""The mean of several weather products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dhbv.data import DataError, model_forcing, open_region
from dhbv.data.combine import SINGLE, combine
from dhbv.data.schema import assemble
from dhbv.data.synthetic import synthetic_region


@pytest.fixture(scope="module")
def first() -> xr.Dataset:
    return synthetic_region(n_basins=3, years=2, start="1999-10-01").region


@pytest.fixture
def second(first: xr.Dataset) -> xr.Dataset:
    """Another product: more rain, colder, one basin less and one more, other flow, some months later."""
    ds = first.isel(basin=[2, 1]).copy(deep=True)
    ds["prcp"] = 1.5 * ds["prcp"]
    ds["tmin"], ds["tmax"] = ds["tmin"] - 2.0, ds["tmax"] - 1.0
    ds["streamflow"] = ds["streamflow"] + 100.0
    ds = ds.assign_coords(time=ds["time"] + np.timedelta64(100, "D"))
    foreign = ds.isel(basin=[0]).assign_coords(basin=np.array(["elsewhere"], dtype=object))
    return xr.concat([ds, foreign], "basin")


def test_it_is_the_mean_where_both_know_the_day_and_else_the_one_that_does(
    first: xr.Dataset, second: xr.Dataset
) -> None:
    both = combine({"maurer": first, "daymet": second})
    assert list(both["basin"].values) == ["syn-002", "syn-003"]
    assert both["time"].values[0] == first["time"].values[0]
    assert both["time"].values[-1] == second["time"].values[-1]
    for basin in both["basin"].values:
        for day in ("1999-10-01", "2000-01-08", "2000-01-09", "2001-09-30", "2001-10-01", "2002-01-08"):
            there = {"basin": basin, "time": day}
            for name in ("prcp", "tmin", "tmax"):
                known = [
                    float(ds[name].sel(there)) for ds in (first, second) if np.datetime64(day) in ds["time"]
                ]
                assert float(both[name].sel(there)) == pytest.approx(np.mean(known), rel=1e-6), (name, day)
    assert both.attrs[SINGLE] == 200
    assert both.attrs["source"] == ("mean of maurer 1999-10-01..2001-09-30; daymet 2000-01-09..2002-01-08")
    assert np.isfinite(model_forcing(both)).all()


def test_flow_is_the_firsts_and_its_gaps_the_seconds(first: xr.Dataset, second: xr.Dataset) -> None:
    gap = first.copy(deep=True)
    gap["streamflow"].loc[{"time": "2000-06-01"}] = np.nan
    both = combine({"a": gap, "b": second})
    there = {"basin": "syn-003"}
    np.testing.assert_array_equal(
        both["streamflow"].sel(there, drop=True).sel(time="2000-05-31"),
        first["streamflow"].sel(there).sel(time="2000-05-31"),
    )
    for day in ("2000-06-01", "2002-01-01"):
        assert float(both["streamflow"].sel(there | {"time": day})) == float(
            second["streamflow"].sel(there | {"time": day})
        )
    assert float(both["elev_mean"].sel(there)) == float(first["elev_mean"].sel(there))


def test_a_variable_that_one_lacks_is_left_out(first: xr.Dataset) -> None:
    richer = first.assign(pet=first["prcp"] * 0.0 + 2.0)
    assert "pet" not in combine({"a": richer, "b": first})
    assert float(combine({"a": richer, "b": richer})["pet"].mean()) == 2.0


def test_a_product_with_itself_is_itself_and_can_be_written_and_read(
    first: xr.Dataset, tmp_path: Path
) -> None:
    same = combine({"a": first, "b": first})
    same.to_netcdf(tmp_path / "both.nc")
    again = open_region(tmp_path / "both.nc")
    np.testing.assert_array_equal(model_forcing(again), model_forcing(first))
    np.testing.assert_array_equal(again["geol_1st_class"].values, first["geol_1st_class"].values)
    assert same.attrs[SINGLE] == 0


def test_what_cannot_be_combined_is_said(first: xr.Dataset, second: xr.Dataset) -> None:
    with pytest.raises(DataError, match="1 weather product to combine: give two or more"):
        combine({"a": first})
    with pytest.raises(DataError, match="a, b have no basin in common"):
        combine({"a": first, "b": second.isel(basin=[2])})
    later = second.assign_coords(time=second["time"] + np.timedelta64(1000, "D"))
    with pytest.raises(
        DataError, match=r"no product knows the days after 2001-09-30 \(a 1999-10-01\.\.2001-09-30, b 2002"
    ):
        combine({"a": first, "b": later})


def test_products_of_a_source_without_attributes(first: xr.Dataset) -> None:
    bare = assemble(
        ["x"], first["time"].values, {n: first[n].values[:1] for n in ("prcp", "tmin", "tmax", "streamflow")}
    )
    both = combine({"a": bare, "b": bare})
    assert all(variable.dims == ("basin", "time") for variable in both.data_vars.values())
