from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from dhbv.configuration import Period
from dhbv.data.checks import check, check_dates
from dhbv.data.schema import DataError


def test_a_flawless_region_passes(region: xr.Dataset) -> None:
    check(region, "file")


def test_missing_flow_and_crossed_temperatures_pass(region: xr.Dataset) -> None:
    region["streamflow"][0] = np.nan
    region["tmax"][1, 2] = region["tmin"][1, 2] - 1.0
    check(region, "file")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("prcp", -1.5, r"prcp: negative precipitation \(-1\.5 mm d-1\) first on 2000-02-28, 1 basin-days"),
        (
            "tmin",
            np.nan,
            r"tmin: missing or infinite forcing \(nan degC\) first on 2000-02-28.*leave out these basins",
        ),
        ("tmax", np.inf, r"tmax: missing or infinite forcing \(inf degC\) first on 2000-02-28"),
        ("streamflow", -999.0, r"streamflow: negative or infinite flow \(-999 mm d-1\).*02-28.*write NaN"),
        ("streamflow", np.inf, r"streamflow: negative or infinite flow \(inf mm d-1\) first on 2000-02-28"),
    ],
)
def test_a_bad_value_is_named_with_file_basin_and_date(
    region: xr.Dataset, name: str, value: float, message: str
) -> None:
    region[name][1, 2] = value
    with pytest.raises(DataError, match=rf"^some\.nc: basin 02177000, {message}"):
        check(region, "some.nc")


def test_optional_forcing_is_checked_where_it_is_given(region: xr.Dataset) -> None:
    region["vp"] = region["tmin"] * np.nan
    with pytest.raises(DataError, match=r"basin 01013500, vp: missing .*12 basin-days in 2 basins"):
        check(region, "file")


def test_forcing_is_needed_on_the_days_that_are_looked_at_alone(region: xr.Dataset) -> None:
    region["tmin"][1, 2] = np.nan
    region["prcp"][0, 1] = -1.0
    after, whole = (Period(start=dt.date(2000, 2, day), end=dt.date(2001, 1, 1)) for day in (29, 28))
    check(region, "file", needed=after)
    with pytest.raises(DataError, match=r"basin 02177000, tmin: .* first on 2000-02-28, 1 basin-days"):
        check(region, "file", needed=whole)


def test_other_observations_are_depths_or_missing(region: xr.Dataset) -> None:
    swe = region["prcp"].copy()
    swe[0, 0] = np.nan
    check(region.assign(observed_swe=swe), "file")
    swe[1, 2] = -9999.0
    message = r"basin 02177000, observed_swe: negative or infinite observation \(-9999 mm\) first on 2000-02-28.*NaN"
    with pytest.raises(DataError, match=message):
        check(region.assign(observed_swe=swe), "file")


def test_no_daily_range_in_a_basin_names_the_remedy(region: xr.Dataset) -> None:
    region["tmax"][1] = region["tmin"][1]
    message = r"basin 02177000: tmin equals tmax .*2000-02-26.*maurer_extended, nldas_extended or daymet"
    with pytest.raises(DataError, match=message):
        check(region, "file")
    region["pet"] = region["prcp"]
    check(region, "file")


def test_no_flow_at_all_is_no_overlap(region: xr.Dataset) -> None:
    region["streamflow"][:] = np.nan
    with pytest.raises(DataError, match=r"do not overlap.*2000-02-26\.\.2000-03-02"):
        check(region, "file")


def test_a_missing_variable_is_named(region: xr.Dataset) -> None:
    with pytest.raises(
        DataError, match=r"file: no variable tmin: a region needs prcp, tmin, tmax, streamflow"
    ):
        check(region.drop_vars("tmin"), "file")


def test_a_basin_twice_is_named(region: xr.Dataset) -> None:
    with pytest.raises(DataError, match="basin 01013500 appears more than once"):
        check(region.isel(basin=[0, 1, 0]), "file")


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (["2000-02-28", "2000-02-29", "2000-02-29"], "date 2000-02-29 appears more than once"),
        (["2000-02-28", "2000-02-29", "2000-02-27"], "date 2000-02-27 comes after 2000-02-29: sort"),
        (["2000-02-28", "2000-03-01"], "days are missing between 2000-02-28 and 2000-03-01: fill"),
        ([], "holds no day"),
    ],
)
def test_dates_must_follow_one_another(days: list[str], message: str) -> None:
    with pytest.raises(DataError, match=f"^flow.txt: .*{message}"):
        check_dates(np.array(days, dtype="datetime64[D]"), "flow.txt")


def test_records_of_flow_may_have_gaps_but_not_disorder() -> None:
    days = np.array(["2000-02-28", "2000-03-01"], dtype="datetime64[D]")
    check_dates(days, "flow.txt", gaps=True)
    with pytest.raises(DataError, match="sort the days"):
        check_dates(days[::-1], "flow.txt", gaps=True)
