from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dhbv.data.packs import read_pack
from dhbv.data.region import open_region
from dhbv.data.schema import DataError, attributes

from .conftest import BASINS, small_region


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """As packs are: integers with a scale, flow in ft3 s-1 beyond the forcing, a table beside it."""
    ds = small_region().drop_vars(["gauge_lat", "area_gages2", "geol_1st_class", "geol_2nd_class"])
    ds["streamflow"] = ds["streamflow"].assign_attrs(units="ft3 s-1")
    ds = ds.reindex(
        time=np.arange(np.datetime64("2000-02-25", "ns"), np.datetime64("2000-03-08", "ns"), 86400 * 10**9)
    )
    ds["streamflow"] = ds["streamflow"].fillna(1.0)
    packed = {"dtype": "int16", "scale_factor": 0.01, "_FillValue": -32768}
    path = tmp_path / "pack.nc"
    ds.transpose("time", "basin").to_netcdf(path, encoding=dict.fromkeys(("prcp", "tmin", "tmax"), packed))
    table = "gauge_id,gauge_lat,area_gages2,geol_porostiy\n02177000,42.0,100.0,0.2\n01013500,41.0,50.0,0.1\n"
    (tmp_path / "pack_attributes.csv").write_text(table)
    return path


def _write(ds: xr.Dataset, folder: Path) -> Path:
    path = folder / "pack.nc"
    ds.to_netcdf(path)
    return path


def test_a_dataset_of_the_schema_comes_back_equal(region: xr.Dataset, tmp_path: Path) -> None:
    region["streamflow"][0, 1] = np.nan
    back = open_region(_write(region, tmp_path))
    assert back.drop_attrs(deep=False).identical(region)
    assert attributes(back).equals(attributes(region))


def test_a_pack_is_read_in_canonical_units_over_the_days_of_the_forcing(pack: Path) -> None:
    ds, true = open_region(pack), small_region()
    assert (ds["time"].values == true["time"].values).all()
    for name in ("prcp", "tmin", "tmax"):
        np.testing.assert_allclose(ds[name].values, true[name].values, atol=0.0051)
        assert ds[name].dtype == np.float32
    depth = true["streamflow"].values * 0.028316846592 * 86.4 / np.array([[50.0], [100.0]])
    np.testing.assert_allclose(ds["streamflow"].values, depth, rtol=1e-6)
    assert ds["streamflow"].attrs["units"] == "mm d-1"
    assert ds["geol_porosity"].values.tolist() == [0.1, 0.2]


def test_a_pack_without_precipitation_is_named(region: xr.Dataset, tmp_path: Path) -> None:
    path = _write(region.assign(prcp=region["prcp"] * np.nan), tmp_path)
    with pytest.raises(
        DataError, match=r"pack\.nc: variable prcp has no value: fill it, or choose other basins$"
    ):
        read_pack(path)


def test_only_the_asked_basins_and_days_are_returned_in_order(pack: Path) -> None:
    whole = open_region(pack)
    part = open_region(pack, basins=[BASINS[1], BASINS[0]], start="2000-02-27", end="2000-03-01")
    assert part.equals(whole.isel(basin=[1, 0], time=slice(1, 5)))


def test_days_dated_at_noon_are_days(region: xr.Dataset, tmp_path: Path) -> None:
    noon = region.assign_coords(time=region["time"] + np.timedelta64(12, "h"))
    back = open_region(_write(noon, tmp_path), start="2000-02-26", end="2000-02-27")
    assert (back["time"].values == region["time"].values[:2]).all()


def test_attributes_given_win_over_those_inside_and_inside_over_beside(
    region: xr.Dataset, tmp_path: Path
) -> None:
    path = _write(region, tmp_path)
    table = tmp_path / "my_attributes.csv"
    table.write_text("basin,gauge_lat\n01013500,1.0\n02177000,2.0\n")
    assert open_region(path)["gauge_lat"].values.tolist() == [41.0, 41.0]
    given = open_region(path, attributes=table)
    assert given["gauge_lat"].values.tolist() == [1.0, 2.0]
    assert given["area_gages2"].values.tolist() == [500.0, 500.0]


def test_several_tables_beside_the_pack_name_the_option(pack: Path) -> None:
    other = pack.with_name("other_attributes.csv")
    other.write_text("basin,gauge_lat,area_gages2\n01013500,1.0,1.0\n02177000,2.0,1.0\n")
    with pytest.raises(DataError, match=r"other_attributes.csv, pack_attributes.csv.*--attributes FILE"):
        open_region(pack)
    assert open_region(pack, attributes=other)["area_gages2"].values.tolist() == [1.0, 1.0]


def test_no_table_names_the_option_and_the_need(pack: Path) -> None:
    pack.with_name("pack_attributes.csv").unlink()
    with pytest.raises(DataError, match=r"no attributes .*areas for streamflow.*--attributes FILE"):
        open_region(pack)


def test_no_table_is_needed_for_depths_and_given_evaporation(region: xr.Dataset, tmp_path: Path) -> None:
    bare = region.drop_vars(["gauge_lat", "area_gages2", "geol_1st_class", "geol_2nd_class"])
    path = _write(bare, tmp_path)
    with pytest.raises(DataError, match="latitudes for evaporation"):
        open_region(path)
    path.unlink()
    with_pet = bare.assign(pet=bare["prcp"].assign_attrs(units="mm d-1"))
    assert "pet" in open_region(_write(with_pet, tmp_path))


def test_the_table_must_have_every_asked_basin(pack: Path) -> None:
    table = pack.with_name("pack_attributes.csv")
    table.write_text("\n".join(table.read_text().splitlines()[:2]))
    with pytest.raises(DataError, match=r"pack_attributes\.csv: no row for basin 01013500"):
        open_region(pack)
    assert open_region(pack, basins=["02177000"]).sizes["basin"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.rename(basin="gauge"), "dimensions and coordinates basin and time are needed, it has gauge"),
        (lambda d: d.rename(prcp="rain"), "no variable prcp, it has .*rain"),
        (lambda d: d.assign_coords(basin=[1013500, 2177000]), "basin ids are numbers.*e.g. 01013500"),
        (lambda d: d.assign_coords(time=np.arange(6)), "time is no calendar"),
        (lambda d: d.assign_coords(basin=["a", "a"]), "basin a appears more than once"),
        (lambda d: d.isel(time=[0, 1, 3, 4]), "days are missing between 2000-02-27 and 2000-02-29"),
        (lambda d: d.isel(time=[0, 2, 1]), "date 2000-02-27 comes after 2000-02-28"),
        (lambda d: d.assign(prcp=d["prcp"] * np.nan), "variable prcp has no value"),
        (lambda d: d.assign(prcp=d["prcp"].drop_attrs()), "variable prcp has unit '': set its units to one of"),
        (lambda d: d.assign(tmin=d["tmin"][0]), "variable tmin has dimensions .*needs basin and time"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_pack_is_refused(region: xr.Dataset, tmp_path: Path, change, message: str) -> None:
    path = _write(change(region.reset_coords(drop=True)), tmp_path)
    with pytest.raises(DataError, match=rf"pack\.nc: .*{message}"):
        read_pack(path)


def test_what_is_no_netcdf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pack.nc"
    path.write_text("no NetCDF")
    with pytest.raises(DataError, match=r"pack\.nc: not readable as NetCDF"):
        read_pack(path)
    with pytest.raises(DataError, match="no such file"):
        read_pack(tmp_path / "nowhere.nc")


def test_flow_reproduces_the_mean_that_camels_tells(shared: Path) -> None:
    """`q_mean` is of 1989-10-01..2009-09-30; Daymet's days hold all of it."""
    ds = open_region(
        shared / "camels_us" / "camels_us_daymet.nc", start="1989-10-01", end="2009-09-30",
        basins=["01013500", "01022500", "14306500", "11264500", "09066300"],
    )  # fmt: skip
    flow = ds["streamflow"].astype("float64").mean("time")
    np.testing.assert_allclose(flow, ds["q_mean"], rtol=1e-3)


def test_the_time_of_the_maurer_pack_is_that_of_its_forcing(shared: Path) -> None:
    ds = open_region(shared / "camels_us" / "camels_us_maurer.nc", basins=["14306500", "01022500"])
    assert str(ds["time"].values[0])[:10] == "1980-01-01"
    assert str(ds["time"].values[-1])[:10] == "2008-12-31"
    assert ds["gauge_lat"].values == pytest.approx([44.386, 44.608], abs=1e-3)


def test_observations_of_stores_and_fluxes_are_read_in_canonical_units(
    region: xr.Dataset, tmp_path: Path
) -> None:
    region["observed_swe"] = region["prcp"].assign_attrs(units="cm").where(region["tmin"] > -100.0)
    region["observed_swe"][0, 0] = np.nan
    region["observed_et"] = region["prcp"].assign_attrs(units="kg m-2 s-1")
    back = open_region(_write(region, tmp_path))
    np.testing.assert_allclose(back["observed_swe"].values, 10.0 * region["observed_swe"].values)
    np.testing.assert_allclose(back["observed_et"].values, 86400.0 * region["prcp"].values, rtol=1e-6)
    assert back["observed_swe"].attrs["units"] == "mm"
    region["observed_swe"].attrs["units"] = "mm d-1"
    with pytest.raises(DataError, match=r"observed_swe has unit 'mm d-1'.*\(wanted: mm\)"):
        open_region(_write(region, tmp_path / "."))
