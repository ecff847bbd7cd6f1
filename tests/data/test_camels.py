from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dhbv.data.camels import read_camels
from dhbv.data.region import open_region
from dhbv.data.schema import DataError, attributes

from .conftest import AREAS, BASINS, Download, Edit


def test_a_download_becomes_a_region(download: Download) -> None:
    ds = open_region(download.folder)
    assert tuple(ds["basin"].values) == BASINS
    assert ds.sizes == {"basin": 2, "time": 10}
    assert str(ds["time"].values[4])[:10] == "2000-01-01"
    np.testing.assert_array_equal(ds["prcp"].values[1], np.arange(10) + 1.0)
    np.testing.assert_array_equal(ds["tmax"].values[0], np.arange(10) + 8.0)
    np.testing.assert_array_equal(ds["tmin"].values[0], -2.0)
    np.testing.assert_array_equal(ds["vp"].values, 500.0)


def test_flow_is_depth_over_area_gages2_with_nan_for_missing(download: Download) -> None:
    flow = read_camels(download.folder)["streamflow"].values
    for row, basin in zip(flow, BASINS, strict=True):
        by_hand = (100.0 + np.arange(10)) * 0.028316846592 * 86.4 / AREAS[basin]
        by_hand[3] = np.nan
        np.testing.assert_allclose(row, by_hand, rtol=1e-6)


def test_attributes_are_joined_and_cleaned(download: Download) -> None:
    table = attributes(read_camels(download.folder))
    assert table["geol_1st_class"].tolist() == ["Metamorphics", "Metamorphics"]
    assert table["geol_porosity"].iloc[0] == 0.1714
    assert np.isnan(table["geol_porosity"].iloc[1])
    assert "geol_porostiy" not in table


def test_columns_are_found_by_name_whatever_their_order_case_and_unit(download: Download) -> None:
    before = read_camels(download.folder)

    def rewrite(lines: list[str]) -> list[str]:
        rows = [line.split() for line in lines[4:]]
        swapped = [[*r[:3], *r[4:8], f"{float(r[9]) + 273.15:.2f}", r[8], r[10]] for r in rows]
        header = "YEAR MNTH DAY DAYL(s) PRCP(mm/day) SRAD(W/m2) SWE(mm) Tmin(K) Tmax(C) Vp(Pa)"
        return [*lines[:3], header, *(" ".join(r) for r in swapped)]

    download.edit(download.forcing(), rewrite)
    after = read_camels(download.folder)
    for name in ("prcp", "tmin", "tmax", "srad", "vp"):
        np.testing.assert_allclose(after[name].values, before[name].values, atol=1e-4)


def test_the_forcing_set_is_chosen_by_preference_or_by_name(download: Download) -> None:
    root = download.folder / "basin_mean_forcing"
    shutil.copytree(root / "maurer_extended", root / "daymet")
    daymet = root / f"daymet/01/{BASINS[0]}_lump_x_forcing_leap.txt"
    download.edit(daymet, lambda lines: [line.replace("500.00", "600.00") for line in lines])
    assert float(read_camels(download.folder)["vp"][0, 0]) == 500.0
    assert float(read_camels(download.folder, forcing_set="daymet")["vp"][0, 0]) == 600.0
    with pytest.raises(DataError, match="no forcing set 'nldas': there are daymet, maurer_extended"):
        read_camels(download.folder, forcing_set="nldas")


def test_the_only_set_is_taken_and_of_several_unknown_ones_none(tmp_path: Path) -> None:
    download = Download(tmp_path, forcing_set="mine")
    assert read_camels(download.folder).sizes["basin"] == 2
    (tmp_path / "basin_mean_forcing" / "yours").mkdir()
    with pytest.raises(DataError, match="no forcing set to choose by itself: there are mine, yours"):
        read_camels(download.folder)


def test_basins_come_in_the_order_asked(download: Download) -> None:
    ds = read_camels(download.folder, basins=BASINS[::-1])
    assert tuple(ds["basin"].values) == BASINS[::-1]
    assert float(ds["gauge_lat"][0]) == 41.5
    assert float(ds["prcp"][0, 0]) == 1.0


def test_unknown_basins_are_named_with_the_nearest(download: Download) -> None:
    with pytest.raises(
        DataError, match=r"2 unknown basins: 1013500 \(nearest: 01013500\); zzz \(nearest: none\)"
    ):
        read_camels(download.folder, basins=["1013500", "zzz"])


def test_time_spans_the_forcing_of_all_basins(download: Download) -> None:
    download.write_basin(BASINS[1], "2000-01-01", 10)
    ds = read_camels(download.folder)
    assert ds.sizes["time"] == 14
    assert int(ds["prcp"].isnull().sum()) == 8
    with pytest.raises(
        DataError, match=r"basin 01013500, prcp: missing .* first on 2000-01-07.*--start, --end"
    ):
        open_region(download.folder)
    assert open_region(download.folder, start="2000-01-01", end="2000-01-06").sizes["time"] == 6


def test_flow_may_start_late_and_end_beyond_the_forcing(download: Download) -> None:
    download.edit(download.flow(), lambda lines: [*lines[2:], f"{BASINS[0]} 2000 01 07 9.0 A"])
    flow = read_camels(download.folder)["streamflow"].values[0]
    assert flow.shape == (10,)
    assert np.isnan(flow).nonzero()[0].tolist() == [0, 1, 3]


def test_an_attribute_file_replaces_those_of_the_download(download: Download, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("gauge_id,gauge_lat,area_gages2\n01013500,1.0,10.0\n02177000,2.0,10.0\n")
    ds = open_region(download.folder, attributes=file)
    assert list(attributes(ds).columns) == ["gauge_lat", "area_gages2"]


def _replace(line: int, old: str, new: str) -> Edit:
    return lambda lines: [text.replace(old, new) if n == line else text for n, text in enumerate(lines)]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_replace(3, "prcp(", "rain("), r"basin 01013500: no column prcp; the header has year, .*rain"),
        (_replace(3, "mm/day", "inches"), r"variable prcp has unit 'inches': set its units to one of mm d-1"),
        (_replace(3, "Year", "Jahr"), "no header line that starts with Year"),
        (_replace(6, "2.00", "Ice"), r"line 7: prcp is 'Ice' where a number belongs"),
        (_replace(6, "500.00", ""), r"line 7: vp is missing where a number belongs"),
        (_replace(6, "12 30", "02 30"), r"line 7: there is no day 1999-02-30"),
        (lambda x: x[:6] + x[7:], r"basin 01013500: days are missing between 1999-12-29 and 1999-12-31"),
        (lambda x: [*x, x[-1]], r"basin 01013500: the date 2000-01-06 appears more than once"),
        (lambda x: [*x[:4], x[5], x[4], *x[6:]], r"the date 1999-12-28 comes after 1999-12-29: sort"),
        (lambda x: x[:4], "holds no day"),
    ],
)  # fmt: skip
def test_a_broken_forcing_file_is_named(download: Download, edit: Edit, message: str) -> None:
    download.edit(download.forcing(), edit)
    with pytest.raises(DataError, match=rf"01013500_lump_x_forcing_leap\.txt.*{message}"):
        read_camels(download.folder)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_replace(2, "102.00", "Eqp"), "line 3: flow is 'Eqp' where a number belongs"),
        (lambda x: [*x, x[-1]], "basin 01013500: the date 2000-01-06 appears more than once"),
        (lambda x: x[::-1], "the date 2000-01-05 comes after 2000-01-06"),
        (
            lambda x: [line.replace(" 1999 ", " 1989 ").replace(" 2000 ", " 1990 ") for line in x],
            r"streamflow \(1989-12-28\.\.1990-01-06\) and forcing \(1999-12-28\.\.2000-01-06\) do not overlap",
        ),
    ],
)
def test_a_broken_flow_file_is_named(download: Download, edit: Edit, message: str) -> None:
    download.edit(download.flow(), edit)
    with pytest.raises(DataError, match=rf"01013500_streamflow_qc\.txt.*{message}"):
        read_camels(download.folder)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("basin_mean_forcing", "basin_mean_forcing: no such folder: give the folder of the CAMELS download"),
        ("usgs_streamflow", "usgs_streamflow: no such folder"),
        ("camels_attributes_v2.0", r"no camels_attributes_v2\.0/camels_\*\.txt: unpack"),
        ("camels_attributes_v2.0/camels_topo.txt", "no attribute area_gages2.*camels_topo.txt"),
        ("usgs_streamflow/02/02177000_streamflow_qc.txt", "no file .* for basin 02177000: download it"),
    ],
)
def test_what_is_missing_is_named(download: Download, lost: str, message: str) -> None:
    path = download.folder / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match=message):
        read_camels(download.folder)


def test_a_basin_without_attributes_is_named(download: Download) -> None:
    file = download.folder / "camels_attributes_v2.0"
    for name in ("topo", "geol"):
        download.edit(file / f"camels_{name}.txt", lambda lines: lines[:2])
    with pytest.raises(DataError, match=r"camels_attributes_v2\.0: no row for basin 02177000"):
        read_camels(download.folder)


def test_the_original_maurer_set_is_refused_with_the_remedy(download: Download) -> None:
    def flatten(line: str) -> str:
        *before, tmax, _, vp = line.split("\t")
        return "\t".join([*before, tmax, tmax, vp])

    download.edit(download.forcing(), lambda lines: [*lines[:4], *map(flatten, lines[4:])])
    with pytest.raises(DataError, match=r"basin 01013500: tmin equals tmax .*maurer_extended"):
        open_region(download.folder)


def test_the_real_download_equals_the_pack(shared: Path) -> None:
    raw = open_region(shared / "camels_us_raw")
    basins = [str(b) for b in raw["basin"].values]
    pack = open_region(shared / "camels_us" / "camels_us_maurer.nc", basins=basins)
    assert len(basins) == 12
    assert (raw["time"].values == pack["time"].values).all()
    for name in ("prcp", "tmin", "tmax"):
        np.testing.assert_array_equal(raw[name].values, pack[name].values)
    np.testing.assert_allclose(raw["streamflow"].values, pack["streamflow"].values, rtol=1e-6)
    theirs = attributes(pack)
    for name, column in attributes(raw).items():
        if name != "gauge_name":
            assert column.equals(theirs[name]), name
