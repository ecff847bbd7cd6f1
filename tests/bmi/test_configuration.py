"""One YAML file, read strictly; every mistake is named with the file and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi.configuration import BmiConfig, attribute_columns, latitudes
from dhbv import configuration
from dhbv.errors import ConfigurationError

SMALLEST = {"model": "m", "catchments": "[cat-1]", "attributes": "a.csv", "start_time": "2000-12-20 00:00:00"}


def config_at(folder: Path, **changes: Any) -> tuple[BmiConfig, Path]:
    path = folder / "config.yaml"
    content = {key: value for key, value in (SMALLEST | changes).items() if value is not None}
    path.write_text("\n".join(f"{key}: {value}" for key, value in content.items()), encoding="utf-8")
    return configuration.load(path, BmiConfig), path


def test_the_smallest_configuration_is_hourly_utc_hargreaves_routed_and_cold(tmp_path: Path) -> None:
    config, _ = config_at(tmp_path)
    told = (
        config.time_step,
        config.utc_offset,
        config.pet,
        config.hillslope_routing,
        config.state,
        config.spin_up,
    )
    assert told == (3600, 0, "hargreaves", True, None, None)
    assert config.max_gap == 31
    inputs = config.inputs
    policies = (inputs.missing, inputs.negative, inputs.kelvin, inputs.unset, inputs.hold_hours)
    assert policies == ("hold", "fill", "convert", "hold", 24)


@pytest.mark.parametrize(
    "time",
    ["2000-12-20 07:00:00", "2000-12-20T07:00:00Z", "2000-12-20 07:00:00+00:00", "'2000-12-20T07:00:00'"],
)
@pytest.mark.filterwarnings("error")
def test_a_start_is_any_whole_hour_of_utc_however_written(tmp_path: Path, time: str) -> None:
    config, _ = config_at(tmp_path, start_time=time)
    assert config.begins == np.datetime64("2000-12-20T07", "h")


@pytest.mark.parametrize(("time", "offset"), [("00", 0), ("05", -5), ("15", 9), ("12", 12), ("10", 14)])
def test_a_daily_run_starts_at_a_local_midnight(tmp_path: Path, time: str, offset: int) -> None:
    daily = {"start_time": f"2000-12-20 {time}:00:00", "time_step": 86400}
    config, _ = config_at(tmp_path, utc_offset=offset, **daily)
    assert config.begins == np.datetime64(f"2000-12-20T{time}", "h")
    with pytest.raises(ConfigurationError, match=rf"{time}:00:00 is no midnight of \{offset - 1:+d} h"):
        config_at(tmp_path, utc_offset=offset - 1, **daily)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "blue"}, r"top level: Object contains unknown field `colour`"),
        ({"time_step": 900}, r"time_step: Invalid enum value 900 .*900"),
        ({"model": None}, r"top level: Object missing required field `model`"),
        ({"catchments": "[]"}, r"catchments must be a list of at least one id"),
        ({"catchments": "[a, a]"}, r"catchments must be a list of at least one id, each once"),
        ({"start_time": "2000-12-20 06:30:00"}, r"start_time must be a whole hour of UTC, not 2000-12-20 06:30:00"),
        ({"start_time": "2000-12-20 06:00:01"}, r"start_time must be a whole hour of UTC, not 2000-12-20 06:00:01"),
        ({"start_time": "2000-12-20T06:00:00.5"}, r"start_time must be a whole hour of UTC, not .*06:00:00.5"),
        ({"start_time": "'2000-12-20T00:00:00+05:00'"}, r"start_time must be a whole hour of UTC, not .*05:00"),
        ({"start_time": "2000-12-20"}, r"start_time: Expected `datetime`, got `date`"),
        ({"time_step": 86400, "start_time": "2000-12-20 06:00:00"}, r"06:00:00 is no midnight of \+0 h"),
        ({"utc_offset": 15}, r"utc_offset: Expected `int` <= 14"),
        ({"utc_offset": -13}, r"utc_offset: Expected `int` >= -12"),
        ({"pet": "penman"}, r"pet: Invalid enum value 'penman'"),
        ({"state": "a.state", "spin_up": "h.nc"}, r"state and spin_up both say how to start: leave one out"),
        ({"max_gap": -1}, r"max_gap: Expected `int` >= 0"),
        ({"inputs": "{missing: ignore}"}, r"inputs.missing: Invalid enum value 'ignore'"),
        ({"inputs": "{negative: convert}"}, r"inputs.negative: Invalid enum value 'convert'"),
        ({"inputs": "{hold: 3}"}, r"inputs: Object contains unknown field `hold`"),
        ({"inputs": "{hold_hours: -1}"}, r"inputs.hold_hours: Expected `int` >= 0"),
        ({"inputs": "{hold_hours: 1 days}"}, r"inputs.hold_hours: .*'1 days'\): give a plain number of hours$"),
        ({"max_gap": "1 days"}, r"max_gap: Expected `int`, got `str` \(given: '1 days'\): give a plain number of days$"),
        ({"utc_offset": "-5 h"}, r"utc_offset: .*\(given: '-5 h'\): give a plain number of hours$"),
        ({"time_step": "1 hour"}, r"time_step: .*: give one of 3600, 86400, a plain number of seconds$"),
        ({"time_step": "7200"}, r"time_step: Invalid enum value 7200 .*: give one of 3600, 86400, a plain"),
        ({"inputs": "{unset: keep}"}, r"inputs.unset: Invalid enum value 'keep' .*: give one of hold, fill, refuse$"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_file(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        config_at(tmp_path, **changes)
    assert str(raised.value).startswith(f"{tmp_path / 'config.yaml'}: ")


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the configuration .*none\.yaml"):
        configuration.load(tmp_path / "none.yaml", BmiConfig)


# Attributes


def test_attributes_of_one_catchment_are_values_and_of_several_lists(tmp_path: Path) -> None:
    config, path = config_at(tmp_path, attributes="{p_mean: 2, geol: Granite, aridity: null}")
    assert attribute_columns(config, path) == {"p_mean": (2.0,), "geol": ("Granite",), "aridity": (None,)}
    assert isinstance(attribute_columns(config, path)["p_mean"][0], float)
    config, path = config_at(tmp_path, catchments="[a, b]", attributes="{p_mean: [2, 3.5], geol: [x, null]}")
    assert attribute_columns(config, path) == {"p_mean": (2.0, 3.5), "geol": ("x", None)}


@pytest.mark.parametrize(("values", "count"), [("[1.0, 2.0, 3.0]", 3), ("1.0", 1)])
def test_a_list_of_another_length_is_named(tmp_path: Path, values: str, count: int) -> None:
    config, path = config_at(tmp_path, catchments="[a, b]", attributes=f"{{p_mean: {values}}}")
    message = rf"config\.yaml: attributes\.p_mean: {count} values for 2 catchments: give one for each"
    with pytest.raises(ConfigurationError, match=message):
        attribute_columns(config, path)


TABLE = 'gauge_id,p_mean,geol,gauge_lat\n02,2.5,"Granite, red",44.5\n\nother,,,\n01, 3e0 ,NA,NaN\n'


def test_a_table_gives_the_catchments_in_the_order_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE, encoding="utf-8")
    config, path = config_at(tmp_path, catchments="['01', '02', other]")
    assert attribute_columns(config, path) == {
        "p_mean": [3.0, 2.5, None], "geol": [None, "Granite, red", None], "gauge_lat": [None, 44.5, None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,p_mean\ncat-2,1", r"a\.csv has no row for catchment cat-1: its first column \(id\) must hold the catch"),
        ("id,p_mean,geol\ncat-1,2.5", r"a\.csv has 2 cells for catchment cat-1 and 3 columns: leave missing values em"),
        ("id,p_mean\ncat-1,2.5,red", r"a\.csv has 3 cells for catchment cat-1 and 2 columns: .* holds a comma"),
        ("", r"cannot read the attribute table .*a\.csv"),
        (None, r"cannot read the attribute table .*a\.csv.*No such file"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_table_is_named_with_its_file(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    config, path = config_at(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        attribute_columns(config, path)


def test_latitudes_are_degrees_north_of_each_catchment(tmp_path: Path) -> None:
    config, path = config_at(tmp_path, catchments="[a, b, c]", attributes="{gauge_lat: [-90, 44.5, 90]}")
    assert latitudes(config, path, attribute_columns(config, path)).tolist() == [-90.0, 44.5, 90.0]


@pytest.mark.parametrize(
    ("attributes", "file", "message"),
    [
        ("{p_mean: 1}", "config.yaml", r"no attribute gauge_lat \(degrees north\), .* add it, or set pet: input"),
        ("{gauge_lat: north}", "config.yaml", r"gauge_lat of catchment cat-1 is 'north', no latitude"),
        ("{gauge_lat: 90.5}", "config.yaml", r"gauge_lat of catchment cat-1 is 90.5, no latitude in degrees north"),
        ("{gauge_lat: -91}", "config.yaml", r"gauge_lat of catchment cat-1 is -91.0, no latitude in degrees north"),
        ("{gauge_lat: .nan}", "config.yaml", r"gauge_lat of catchment cat-1 is nan, no latitude"),
        ("a.csv", "a.csv", r"gauge_lat of catchment cat-1 is None, no latitude .*: correct it, or set pet: input"),
    ],
)  # fmt: skip
def test_what_is_no_latitude_is_named_where_it_stands(
    tmp_path: Path, attributes: str, file: str, message: str
) -> None:
    (tmp_path / "a.csv").write_text("id,gauge_lat\ncat-1,", encoding="utf-8")
    config, path = config_at(tmp_path, attributes=attributes)
    with pytest.raises(ConfigurationError, match=message) as raised:
        latitudes(config, path, attribute_columns(config, path))
    assert str(raised.value).startswith(f"{tmp_path / file}: ")
