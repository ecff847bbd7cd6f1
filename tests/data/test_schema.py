from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import (
    FORCING,
    TIME_VARIABLES,
    DataError,
    assemble,
    attribute_columns,
    attributes,
    with_attributes,
)


def test_a_region_has_the_form_of_the_schema(region: xr.Dataset) -> None:
    assert [str(b) for b in region["basin"].values] == ["01013500", "02177000"]
    assert region["time"].dtype == "datetime64[ns]"
    for name in ("prcp", "tmin", "tmax", "streamflow"):
        variable = region[name]
        assert variable.dims == ("basin", "time")
        assert variable.dtype == np.float32
        assert variable.attrs["units"] == TIME_VARIABLES[name].unit
        assert variable.attrs["long_name"]
    assert region["gauge_lat"].dims == ("basin",)
    assert region["area_gages2"].attrs["units"] == "km2"


def test_flow_is_no_forcing() -> None:
    assert set(FORCING) == set(TIME_VARIABLES) - {"streamflow"}


def test_attributes_come_back_as_a_table_with_missing_categories_missing(region: xr.Dataset) -> None:
    table = attributes(region)
    assert list(table.index) == ["01013500", "02177000"]
    assert list(table.columns) == ["gauge_lat", "area_gages2", "geol_1st_class", "geol_2nd_class"]
    assert table["gauge_lat"].tolist() == [41.0, 41.0]
    assert table["geol_1st_class"].tolist() == ["Metamorphics", "Metamorphics"]
    assert region["geol_2nd_class"].values.tolist() == ["", ""]
    assert table["geol_2nd_class"].isna().all()


def test_attribute_columns_are_lists_by_name(region: xr.Dataset) -> None:
    columns = attribute_columns(region)
    assert columns["geol_1st_class"] == ["Metamorphics", "Metamorphics"]
    assert columns["area_gages2"] == [500.0, 500.0]


def test_rows_of_a_table_follow_the_basins_of_the_region(region: xr.Dataset) -> None:
    table = pd.DataFrame({"elev_mean": [3.0, 1.0, 2.0]}, index=["03", "02177000", "01013500"])
    assert with_attributes(region, table)["elev_mean"].values.tolist() == [2.0, 1.0]


def test_a_table_without_a_basin_is_refused_by_name() -> None:
    table = pd.DataFrame({"elev_mean": [3.0]}, index=["1"])
    table.attrs["source"] = "attributes.csv"
    with pytest.raises(DataError, match=r"attributes\.csv: no row for basin 2, 3, 4, 5, 6 and 1 more: add"):
        assemble(list("1234567"), np.array(["2000-01-01"]), {}, table)
