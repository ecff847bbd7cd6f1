"""NextGen forcing is read by ngen's names, units and times, and hours become local days."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.nextgen import read_forcing
from dhbv.data.nextgen_hours import catchment_ids, files_by_catchment, read_hours
from dhbv.data.schema import DataError

Float = NDArray[np.float64]
START = np.datetime64("2015-12-01T00", "h")
IDS = ("cat-2", "cat-1")


def rain(hours: int, size: int = 2) -> Float:
    """mm h-1, [catchment, hour]; every hour its own."""
    return 0.25 * (1.0 + np.arange(size)[:, None]) * (np.arange(hours) % 7)


def warmth(hours: int, size: int = 2) -> Float:
    """degC, [catchment, hour]; the least at 05, the greatest at 16, each day warmer."""
    hour = np.arange(hours)
    daily = np.interp(hour % 24, [0, 5, 16, 23], [2.0, -3.0, 9.0, 3.0])
    return daily + hour // 24 + 0.5 * np.arange(size)[:, None]


def write_netcdf(
    path: Path, hours: int = 48, *, precipitation: str = "precip_rate", temperature: str = "TMP_2maboveground",
    units: dict[str, str] | None = None, scale: float = 3600.0, kelvin: float = 273.15, time_unit: str | None = "ns",
    start: np.datetime64 = START, ids: tuple[str, ...] = IDS, fill: dict[tuple[str, int, int], float] | None = None,
) -> Path:  # fmt: skip
    """As ngen wants it; `fill` puts values at (column, catchment, hour)."""
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("catchment-id", len(ids))
        file.createDimension("time", hours)
        file.createVariable("ids", str, ("catchment-id",))[:] = np.array(ids, dtype=object)
        seconds = (start - np.datetime64(0, "h")).astype(int) * 3600.0 + 3600.0 * np.arange(hours)
        time = file.createVariable("Time", "f8", ("catchment-id", "time"))
        time[:] = np.tile(seconds * (1e9 if time_unit == "ns" else 1.0), (len(ids), 1))
        if time_unit is not None:
            time.units = time_unit
        columns = {
            precipitation: rain(hours, len(ids)) / scale,
            temperature: warmth(hours, len(ids)) + kelvin,
        }
        for name, values in columns.items():
            variable = file.createVariable(name, "f8", ("catchment-id", "time"))
            variable[:] = values
            if units and name in units:
                variable.units = units[name]
            for (column, catchment, hour), value in (fill or {}).items():
                if column == name:
                    variable[catchment, hour] = value
    return path


def write_csv(
    folder: Path, hours: int = 48, *, header: str = "time,precip_rate,TMP_2maboveground",
    edit: Any = lambda rows: rows,
) -> Path:  # fmt: skip
    folder.mkdir(exist_ok=True)
    p, t = rain(hours) / 3600.0, warmth(hours) + 273.15
    for k, name in enumerate(IDS):
        stamps = [str((START + h).astype("datetime64[s]")).replace("T", " ") for h in range(hours)]
        rows = [f"{stamps[h]},{p[k, h]:.12f},{t[k, h]:.6f}" for h in range(hours)]
        (folder / f"{name}.csv").write_text("\n".join([header, *edit(rows)]) + "\n", encoding="utf-8")
    return folder


def expected(first: int, days: int) -> dict[str, Float]:
    """By hand: sums and extremes of 24 hours from hour `first` on."""
    p, t = (x[:, first : first + 24 * days].reshape(2, days, 24) for x in (rain(240), warmth(240)))
    return {"prcp": p.sum(-1), "tmin": t.min(-1), "tmax": t.max(-1)}


def assert_days(ds: xr.Dataset, values: dict[str, Float], first: str) -> None:
    assert ds["basin"].values.tolist() == list(IDS)
    assert str(ds["time"].values[0])[:10] == first
    for name, array in values.items():
        np.testing.assert_allclose(
            ds[name].transpose("basin", "time").values, array, rtol=0, atol=2e-5, err_msg=name
        )


def test_netcdf_and_csv_become_the_same_days(tmp_path: Path) -> None:
    netcdf, csv = write_netcdf(tmp_path / "f.nc"), write_csv(tmp_path / "csv")
    for path in (netcdf, csv):
        ds = read_forcing(path, IDS)
        assert_days(ds, expected(0, 2), "2015-12-01")
        assert ds["prcp"].attrs["units"] == "mm d-1"
    assert read_forcing(netcdf)["basin"].values.tolist() == list(IDS), "the file's own order"
    assert read_forcing(netcdf, ["cat-1"]).sizes["basin"] == 1
    np.testing.assert_allclose(
        read_forcing(netcdf, ["cat-1"])["prcp"].values, expected(0, 2)["prcp"][1:], rtol=1e-6
    )


@pytest.mark.parametrize("path", ["f.nc", "csv"])
@pytest.mark.parametrize(("offset", "first", "begin"), [(-5, "2015-12-01", 5), (3, "2015-12-02", 21)])
def test_days_are_local_and_what_is_no_whole_day_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str, offset: int, first: str, begin: int
) -> None:
    write_netcdf(tmp_path / "f.nc", 72)
    write_csv(tmp_path / "csv", 72)
    with caplog.at_level(logging.WARNING):
        ds = read_forcing(tmp_path / path, IDS, utc_offset=offset)
    assert_days(ds, expected(begin, 2), first)
    assert f"{begin} hours before {first}" in caplog.text
    assert f"{24 - begin} hours after" in caplog.text


def test_nothing_is_told_of_whole_days(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_forcing(write_netcdf(tmp_path / "f.nc"))
    assert not caplog.records


@pytest.mark.parametrize("path", ["f.nc", "csv"])
def test_a_period_is_cut_in_local_days(tmp_path: Path, path: str) -> None:
    write_netcdf(tmp_path / "f.nc", 96)
    write_csv(tmp_path / "csv", 96)
    ds = read_forcing(tmp_path / path, IDS, utc_offset=-5, start="2015-12-02", end="2015-12-03")
    assert_days(ds, expected(29, 2), "2015-12-02")
    with pytest.raises(
        DataError, match=r"covers 2015-12-04T05..2015-12-04T23 of .*choose a period within it"
    ):
        read_forcing(tmp_path / path, IDS, utc_offset=-5, start="2015-12-04", end="2015-12-04")
    with pytest.raises(DataError, match="start 'soon' is not a date: write it as 2015-12-01"):
        read_forcing(tmp_path / path, IDS, start="soon")


COLUMNS = [
    ("RAINRATE", "T2D", {}, 3600.0, 273.15),
    ("APCP_surface", "TMP_2maboveground", {}, 1.0, 273.15),
    ("APCP_surface", "TMP_2maboveground", {"APCP_surface": "mm h^-1"}, 1.0, 273.15),
    ("atmosphere_water__rainfall_volume_flux", "land_surface_air__temperature", {}, 1.0, 273.15),
    ("precip_rate", "TMP_2maboveground", {"precip_rate": "mm/s", "TMP_2maboveground": "degC"}, 3600.0, 0.0),
    ("precip_rate", "T2D", {"precip_rate": "mm h-1"}, 1.0, 273.15),
    ("precip_rate", "T2D", {"precip_rate": "kg m-2 s-1"}, 3600.0, 273.15),
]


@pytest.mark.parametrize(("precipitation", "temperature", "units", "scale", "kelvin"), COLUMNS)
@pytest.mark.parametrize("form", ["netcdf", "csv"])
def test_every_name_and_unit_is_understood(
    tmp_path: Path,
    form: str,
    precipitation: str,
    temperature: str,
    units: dict[str, str],
    scale: float,
    kelvin: float,
) -> None:
    path = write_netcdf(
        tmp_path / "f.nc",
        precipitation=precipitation,
        temperature=temperature,
        units=units,
        scale=scale,
        kelvin=kelvin,
    )
    if form == "csv":
        names = [f"{n} [{units[n]}]" if n in units else n for n in (precipitation, temperature)]
        with xr.open_dataset(path, decode_times=False) as file:
            p, t = file[precipitation].values, file[temperature].values
        path = write_csv(tmp_path / "csv", header="time, " + ", ".join(names), edit=lambda rows: [])
        for k, name in enumerate(IDS):
            with (path / f"{name}.csv").open("a", encoding="utf-8") as file:
                file.writelines(f"{START + h}:00:00, {p[k, h]:.12f}, {t[k, h]:.6f}\n" for h in range(48))
    assert_days(read_forcing(path, IDS), expected(0, 2), "2015-12-01")


@pytest.mark.parametrize("unit", ["s", "seconds since 1970-01-01 00:00:00", None, "ns"])
def test_every_unit_of_time_is_understood(tmp_path: Path, unit: str | None) -> None:
    hours = read_hours(write_netcdf(tmp_path / "f.nc", time_unit=unit))
    assert hours.time[0] == START
    assert len(hours.time) == 48


def test_an_epoch_moves_the_time(tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "f.nc", time_unit="seconds since 1970-01-03 00:00:00")
    assert read_hours(path).time[0] == START + 48


def test_nanoseconds_without_a_unit_are_told_from_seconds(tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "f.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["Time"].delncattr("units")
    with pytest.raises(
        DataError, match=r"Time is no time in 's' since 1970: set its units attribute .* s or ns"
    ):
        read_hours(path)
    with netCDF4.Dataset(path, "a") as file:
        file["Time"].units = "fortnights"
    with pytest.raises(DataError, match="Time has unit 'fortnights', which ngen takes for seconds"):
        read_hours(path)


@pytest.mark.parametrize("value", [-9999.0, np.nan])
def test_a_missing_value_names_catchment_variable_and_hour(tmp_path: Path, value: float) -> None:
    path = write_netcdf(
        tmp_path / "f.nc", fill={("TMP_2maboveground", 1, 30): value, ("TMP_2maboveground", 1, 31): value}
    )
    with pytest.raises(
        DataError, match=r"catchment cat-1, TMP_2maboveground, 2015-12-02T06: .* is missing .*; 2 such values"
    ):
        read_forcing(path)
    hours = read_hours(path)
    assert np.isnan(hours.temperature[1, 30:32]).all(), "a check may look at it all the same"
    assert np.isfinite(hours.temperature).sum() == 2 * 48 - 2


def test_negative_rain_and_impossible_temperatures_are_refused(tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "f.nc", fill={("precip_rate", 0, 3): -1e-4})
    with pytest.raises(
        DataError, match=r"catchment cat-2, precip_rate, 2015-12-01T03: prcp is negative \(-0.36 mm h-1"
    ):
        read_forcing(path)
    path = write_netcdf(tmp_path / "celsius.nc", kelvin=0.0)
    with pytest.raises(
        DataError, match=r"is no temperature of the air \(-271.15 degC, read as K\).*\[degC\]"
    ):
        read_forcing(path)


def test_a_temperature_that_never_changes_within_a_day_is_refused(tmp_path: Path) -> None:
    """Hargreaves evaporation would be zero every day, and nothing would say so."""
    means = {("TMP_2maboveground", 1, h): 280.0 + h // 24 for h in range(72)}
    path = write_netcdf(tmp_path / "f.nc", 72, fill=means)
    with pytest.raises(
        DataError,
        match=r"f\.nc: catchment cat-1 \(1 of 2\): tmin equals tmax on every day from 2015-12-01, so Hargreaves "
        "evaporation would be zero: give hourly temperatures, or daily forcing with",
    ):
        read_forcing(path)
    assert read_forcing(path, ["cat-2"]).sizes["time"] == 3
    assert read_forcing(path, utc_offset=-5).sizes["time"] == 2, "of local days each has two of the means"
    changed = write_netcdf(tmp_path / "one.nc", 72, fill=means | {("TMP_2maboveground", 1, 40): 285.0})
    assert read_forcing(changed).sizes["time"] == 3, "one day with a range"


def test_a_gap_names_the_hours_around_it(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", edit=lambda rows: rows[:10] + rows[12:])
    with pytest.raises(
        DataError, match=r"cat-2.csv: hours are missing between 2015-12-01T09 and 2015-12-01T12"
    ):
        read_forcing(folder, IDS)
    write_csv(folder, edit=lambda rows: rows[:10] + rows[9:])
    with pytest.raises(DataError, match="the hour 2015-12-01T09 comes after 2015-12-01T09"):
        read_forcing(folder, IDS)
    write_csv(folder, edit=lambda rows: rows[::24])
    with pytest.raises(DataError, match="hours are missing between 2015-12-01T00 and 2015-12-02T00"):
        read_forcing(folder, IDS)


def test_a_gap_outside_the_period_does_not_matter(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", 72, edit=lambda rows: rows[:10] + rows[12:])
    assert_days(read_forcing(folder, IDS, start="2015-12-02"), expected(24, 2), "2015-12-02")
    with xr.open_dataset(write_netcdf(tmp_path / "f.nc", 72), decode_times=False) as file:
        file.isel(time=[*range(10), *range(12, 72)]).to_netcdf(tmp_path / "gap.nc")
    assert_days(read_forcing(tmp_path / "gap.nc", start="2015-12-02"), expected(24, 2), "2015-12-02")
    with pytest.raises(DataError, match="hours are missing between 2015-12-01T09 and 2015-12-01T12"):
        read_forcing(tmp_path / "gap.nc")


def test_a_cell_that_stops_ngen_names_its_line(tmp_path: Path) -> None:
    folder = write_csv(
        tmp_path / "csv", edit=lambda rows: [*rows[:5], rows[5].rpartition(",")[0] + ",", *rows[6:]]
    )
    with pytest.raises(
        DataError,
        match=r"cat-2.csv, line 7: TMP_2maboveground is '' where a number belongs, which stops ngen",
    ):
        read_forcing(folder, IDS)
    write_csv(folder, edit=lambda rows: [*rows[:5], rows[5].rpartition(",")[0] + ",NaN", *rows[6:]])
    with pytest.raises(
        DataError, match=r"catchment cat-2, TMP_2maboveground, 2015-12-01T05: temperature is missing"
    ):
        read_forcing(folder, IDS)


def test_catchments_must_have_the_same_hours(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv")
    lines = (folder / "cat-1.csv").read_text(encoding="utf-8").splitlines()
    (folder / "cat-1.csv").write_text("\n".join(lines[:-3]) + "\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"cat-1.csv: its hours .*2015-12-02T20 are not those of the other catchments"
    ):
        read_forcing(folder, IDS)


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    folder, netcdf = write_csv(tmp_path / "csv"), write_netcdf(tmp_path / "f.nc")
    with pytest.raises(DataError, match=r"no forcing file .* for catchment cat-7 \(1 of 2\)"):
        read_forcing(folder, ["cat-1", "cat-7"])
    with pytest.raises(DataError, match="1 unknown basin: cat-7"):
        read_forcing(netcdf, ["cat-7"])
    with pytest.raises(DataError, match="no such file or folder: give NextGen forcing"):
        read_forcing(tmp_path / "nowhere")
    (folder / "cat-2.csv").write_text("time,rain,TMP_2maboveground\n", encoding="utf-8")
    with pytest.raises(DataError, match="no prcp: it needs one of precip_rate, RAINRATE"):
        read_forcing(folder, ["cat-2"])
    (folder / "cat-2.csv").write_text("time,precip_rate [furlong],T2D\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"precip_rate has unit 'furlong': set it to one of mm d-1"):
        read_forcing(folder, ["cat-2"])
    with pytest.raises(DataError, match="holds no whole day of UTC"):
        read_forcing(write_netcdf(tmp_path / "short.nc", 20))


def test_files_are_found_by_ngens_pattern(tmp_path: Path) -> None:
    for name in ("aorc_cat-1_2015.csv", "aorc_cat-11_2015.csv", "cat-1.txt"):
        (tmp_path / name).touch()
    (found,) = files_by_catchment(tmp_path, ["cat-1"], ".*{{id}}_.*.csv")
    assert found.name == "aorc_cat-1_2015.csv"
    (tmp_path / "old_cat-1.csv").touch()
    with pytest.raises(DataError, match=r"no forcing file \{\{id\}\}.csv for catchment cat-1"):
        files_by_catchment(tmp_path, ["cat-1"])


def test_a_daily_file_of_the_schema_is_read_without_attributes(tmp_path: Path) -> None:
    ds = read_forcing(write_netcdf(tmp_path / "f.nc"), IDS)
    ds["pet"] = (("basin", "time"), np.full((2, 2), 1.5, np.float32), {"units": "mm d-1"})
    ds.to_netcdf(tmp_path / "daily.nc")
    again = read_forcing(tmp_path / "daily.nc", IDS, utc_offset=-5)
    assert_days(again, expected(0, 2), "2015-12-01")
    assert (again["pet"] == 1.5).all()
    one = read_forcing(tmp_path / "daily.nc", ["cat-1"], start="2015-12-02", end="2015-12-02")
    np.testing.assert_allclose(one["tmax"].values, expected(0, 2)["tmax"][1:, 1:], rtol=1e-6)
    # Flow may go on beyond the forcing.
    longer = ds.reindex(time=ds["time"].values[0] + np.arange(-2, 5) * np.timedelta64(1, "D"))
    longer.to_netcdf(tmp_path / "longer.nc")
    assert_days(read_forcing(tmp_path / "longer.nc", IDS), expected(0, 2), "2015-12-01")
    longer.assign(prcp=longer["prcp"] * np.nan).to_netcdf(tmp_path / "none.nc")
    with pytest.raises(
        DataError, match=r"none\.nc: variable prcp has no value: fill it, or choose other basins$"
    ):
        read_forcing(tmp_path / "none.nc")
    ds.drop_vars("tmax").to_netcdf(tmp_path / "poor.nc")
    with pytest.raises(DataError, match=r"neither hourly .* nor daily .*\(missing: tmax\)"):
        read_forcing(tmp_path / "poor.nc")


def test_the_real_domain_is_the_same_in_both_forms(shared: Path) -> None:
    domain = shared / "ngen_01073000"
    ids = catchment_ids(domain / "forcing")
    assert ids == catchment_ids(domain / "forcing.nc")
    assert len(ids) == 5
    csv, netcdf = read_forcing(domain / "forcing", ids), read_forcing(domain / "forcing.nc", ids)
    assert csv.sizes["time"] == 30
    for name in ("prcp", "tmin", "tmax"):
        np.testing.assert_allclose(csv[name], netcdf[name], atol=2e-5)
    # December 2015 was wet and mild on the Oyster River.
    assert 100.0 < float(csv["prcp"].sum("time").mean()) < 110.0
    assert 3.0 < float(0.5 * (csv["tmin"] + csv["tmax"]).mean()) < 6.0


def test_one_catchment_of_many_is_read_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = tuple(f"cat-{k}" for k in range(9))
    file = write_netcdf(tmp_path / "forcing.nc", ids=ids)
    read: list[tuple[int, ...]] = []
    values = xr.DataArray.values
    monkeypatch.setattr(
        xr.DataArray, "values", property(lambda self: (read.append(self.shape), values.fget(self))[1])
    )
    hours = read_hours(file, ["cat-7", "cat-6"])
    assert max(shape[0] for shape in read if len(shape) == 2) == 2, "of the others nothing but their ids"
    np.testing.assert_allclose(hours.prcp, rain(48, 9)[[7, 6]], rtol=1e-12)
    with netCDF4.Dataset(file, "a") as data:
        data["Time"][7] = data["Time"][7] + 3.6e12
    for wanted in (["cat-7"], None):
        with pytest.raises(
            DataError, match=r"forcing.nc: Time differs between catchments: ngen reads the first"
        ):
            read_hours(file, wanted)
