"""`dhbv ngen init` writes what ngen runs and the component loads, from every source a user may have."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from bmi import configuration as accepted
from bmi.inputs import P
from bmi.variables import OUTPUTS, RUNOFF_DEPTH
from dhbv import configuration
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen import catchments, realization, setup, states
from dhbv.registry import Registry
from dhbv.runtime import Runtime
from dhbv.state import State
from tests.conftest import attribute_table
from tests.nextgen.conftest import (
    ATTRIBUTES,
    IDS,
    write_attributes,
    write_forcing,
    write_hydrofabric,
    write_netcdf_forcing,
)
from tests.test_cli import dhbv, mistake

Run = Callable[..., Path]


def document(folder: Path, place: str = "realization.json") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / place).read_text(encoding="utf-8"))
    return content


def loaded(file: Path) -> accepted.BmiConfig:
    return configuration.load(file, accepted.BmiConfig)


def saved_state(path: Path, model: ModelDirectory, day: str, names: tuple[str, ...] = IDS) -> Path:
    table = attribute_table(len(names))
    Runtime(model, names, table).cold_state(np.datetime64(day, "D")).write(path)
    return path


def test_names_are_those_of_the_component() -> None:
    assert realization.MAIN_OUTPUT == RUNOFF_DEPTH
    assert set(realization.OUTPUTS) <= set(OUTPUTS)
    assert setup.PRECIPITATION == P
    defaults = {f.name: f.default for f in msgspec.structs.fields(accepted.BmiConfig)}
    assert defaults["max_gap"] == states.MAX_GAP


@pytest.mark.parametrize("suffix", [".nc", ".nc4", ".netcdf", ".NC"])
def test_forcing_is_taken_by_every_suffix_that_readers_take(run: Run, tmp_path: Path, suffix: str) -> None:
    forcing = write_netcdf_forcing(tmp_path / f"f{suffix}")
    folder = run("--forcing", forcing)
    assert document(folder)["global"]["forcing"]["provider"] == "NetCDF"


def test_every_catchments_file_is_a_configuration_of_the_component(run: Run, model: ModelDirectory) -> None:
    folder = run("--utc-offset", -5)
    files = {f.stem: f for f in (folder / "config").iterdir()}
    assert set(files) == set(IDS)
    for name, file in files.items():
        config = loaded(file)
        assert config.catchments == (name,)
        assert config.start_time == dt.datetime(2015, 12, 1)
        assert config.utc_offset == -5
        assert config.hillslope_routing
        assert (file.parent / config.model).resolve() == model.path.resolve()
        assert config.attributes == ATTRIBUTES
        assert catchments.version(file) == str(model.path)


def test_the_realization_keeps_the_contract(run: Run) -> None:
    content = document(run())
    (formulation,) = content["global"]["formulations"]
    assert formulation["name"] == "bmi_python"
    params = formulation["params"]
    assert params["python_type"] == "bmi.DeltaHbv"
    assert params["init_config"] == "./config/{{id}}.yml"
    assert params["main_output_variable"] == "land_surface_water__runoff_depth"
    assert params["allow_exceed_end_time"] is True
    assert params["cache_input_variable_metadata"] is True
    assert params["mass_balance"]["check"] is True
    assert len(params["output_variables"]) == len(params["output_header_fields"])
    assert not {"forcing_file", "uses_forcing_file", "variables_names_map"} & set(params)
    forcing = content["global"]["forcing"]
    assert forcing == {"provider": "CsvPerFeature", "path": "../forcing/", "file_pattern": "{{id}}.csv"}
    assert content["time"] == {
        "start_time": "2015-12-01 00:00:00", "end_time": "2015-12-03 23:00:00", "output_interval": 3600,
    }  # fmt: skip
    assert "routing" not in content
    assert content["output"]["root"] == "./outputs/"


def test_in_a_bmi_multi_the_module_keeps_its_parameters(run: Run) -> None:
    alone, multi = (
        document(run(*options, name=name))["global"]["formulations"][0]
        for name, options in (("a", ()), ("m", ("--multi",)))
    )
    assert multi["name"] == "bmi_multi"
    (module,) = multi["params"]["modules"]
    assert module["name"] == "bmi_python"
    shown = ("output_variables", "output_header_fields")
    assert module["params"] == {k: v for k, v in alone["params"].items() if k not in shown}
    assert all(multi["params"][key] == alone["params"][key] for key in shown)
    assert multi["params"]["main_output_variable"] == alone["params"]["main_output_variable"]
    assert multi["params"]["allow_exceed_end_time"] is True


def test_water_is_routed_once(run: Run) -> None:
    folder = run("--t-route")
    assert document(folder)["routing"] == {"t_route_config_file_with_path": "./config/troute.yaml"}
    assert not any(loaded(f).hillslope_routing for f in (folder / "config").glob("*.yml"))


def test_ngiabs_layout_holds_all_a_container_sees(tmp_path: Path, model: ModelDirectory, run: Run) -> None:
    forcing = write_netcdf_forcing(tmp_path / "box" / "forcings" / "forcings.nc")
    folder = run("--layout", "ngiab", "--forcing", forcing, "--states", saved_state(tmp_path / "s", model, "2015-12-01"),
                 name="box")  # fmt: skip
    content = document(folder, "config/realization.json")
    assert content["global"]["forcing"] == {"provider": "NetCDF", "path": "./forcings/forcings.nc"}
    assert content["output_root"] == "./outputs/ngen"
    assert (
        content["global"]["formulations"][0]["params"]["init_config"] == "./config/cat_config/dhbv/{{id}}.yml"
    )
    for name in IDS:
        file = folder / "config" / "cat_config" / "dhbv" / f"{name}.yml"
        config = loaded(file)
        place = (file.parent / config.model).resolve()
        assert place.is_relative_to(folder.resolve())
        assert place.name == model.weights_sha256[:12]
        assert (file.parent / (config.state or "")).resolve().is_relative_to(folder.resolve())
    assert dhbv("ngen", "check", folder).code == 0


def test_ngiab_forcing_must_lie_in_the_run_folder(tmp_path: Path, model: ModelDirectory) -> None:
    arguments = (
        "ngen",
        "init",
        model.path,
        "--attributes",
        write_attributes(tmp_path / "a.csv"),
        "--layout",
        "ngiab",
    )
    message = mistake(*arguments, "--forcing", write_forcing(tmp_path / "f"), "--out", tmp_path / "box")
    assert "lies outside" in message
    assert "put the forcing at" in message
    assert not (tmp_path / "box").exists()


def test_ngiab_history_must_lie_in_the_run_folder(tmp_path: Path, model: ModelDirectory) -> None:
    box = tmp_path / "box"
    write_netcdf_forcing(box / "forcings" / "forcings.nc")
    arguments = ("ngen", "init", model.path, "--attributes", write_attributes(tmp_path / "a.csv"), "--out", box,
                 "--layout", "ngiab", "--start", "2015-12-03")  # fmt: skip
    message = mistake(*arguments, "--spin-up", write_forcing(tmp_path / "history"))
    assert "history lies outside" in message
    assert "put the history into it" in message
    assert not (box / "config").exists()
    (box / "link").symlink_to(tmp_path / "history")
    assert "link lies outside" in mistake(*arguments, "--spin-up", box / "link"), (
        "a container cannot follow it"
    )
    result = dhbv(*arguments, "--spin-up", write_forcing(box / "history"))
    assert result.code == 0, result.err
    config = loaded(box / "config" / "cat_config" / "dhbv" / "cat-1.yml")
    assert config.spin_up == "../../../history"
    assert dhbv("ngen", "check", box).code == 0


def test_forcing_may_come_later_if_the_window_is_told(tmp_path: Path, model: ModelDirectory) -> None:
    table = write_attributes(tmp_path / "a.csv")
    arguments = ("ngen", "init", model.path, "--attributes", table, "--out", tmp_path / "run")
    assert "give --forcing PATH, or both --start and --end" in mistake(*arguments, "--start", "2016-01-01")
    result = dhbv(*arguments, "--start", "2016-01-01", "--end", "2016-01-31T23:00:00")
    assert result.code == 0
    assert "there is no forcing yet" in result.err
    content = document(tmp_path / "run")
    assert content["global"]["forcing"]["path"] == "./forcing/"
    assert content["time"]["end_time"] == "2016-01-31 23:00:00"
    assert loaded(tmp_path / "run" / "config" / "cat-1.yml").start_time == dt.datetime(2016, 1, 1)


def test_the_window_lies_within_the_forcing(tmp_path: Path, model: ModelDirectory, run: Run) -> None:
    folder = run("--start", "2015-12-02T06:00:00", "--end", "2015-12-03")
    assert document(folder)["time"]["start_time"] == "2015-12-02 06:00:00"
    assert loaded(folder / "config" / "cat-1.yml").start_time == dt.datetime(2015, 12, 2, 6)
    message = mistake("ngen", "init", model.path, "--attributes", tmp_path / "attributes.csv",
                      "--forcing", tmp_path / "forcing", "--end", "2016-01-01", "--out", tmp_path / "b")  # fmt: skip
    assert "covers 2015-12-01 00:00:00..2015-12-03 23:00:00, not" in message


def test_an_hours_amount_is_mapped(tmp_path: Path, run: Run) -> None:
    write_forcing(tmp_path / "forcing", column="APCP_surface", rate=0.7)
    params = document(run())["global"]["formulations"][0]["params"]
    assert params["variables_names_map"] == {P: "APCP_surface"}


def test_a_hydrofabric_gives_what_the_table_lacks(tmp_path: Path, run: Run) -> None:
    write_attributes(tmp_path / "attributes.csv", area_gages2=[None, 77.0, None], gauge_lat=None)
    folder = run("--hydrofabric", write_hydrofabric(tmp_path / "h.gpkg"))
    first, second = (
        yaml.safe_load((folder / "config" / f"{n}.yml").read_text())["attributes"] for n in IDS[:2]
    )
    assert first["area_gages2"] == 4.0
    assert second["area_gages2"] == 77.0, "what is given goes first"
    assert first["gauge_lat"] == pytest.approx(39.14351071467265)
    assert first["elev_mean"] == pytest.approx(305.94, abs=0.01), "kept for another model"


def test_a_climate_gives_what_the_table_lacks(tmp_path: Path, model: ModelDirectory, run: Run) -> None:
    from dhbv.data.schema import assemble

    days = 3 * 365 + 1
    p = np.tile(np.where(np.arange(days) % 4 == 0, 8.0, 0.0), (3, 1))
    t = np.tile(5.0 + 10.0 * np.sin(np.arange(days) / 58.0), (3, 1))
    assemble(
        IDS, np.datetime64("2010-01-01") + np.arange(days), {"prcp": p, "tmin": t - 3, "tmax": t + 3}
    ).to_netcdf(tmp_path / "history.nc")
    (tmp_path / "attributes.csv").write_text(
        "id,geol_1st_class,area_gages2,aridity\n" + "".join(f"{n},Metamorphics,2.0,1.25\n" for n in IDS)
    )
    folder = run(
        "--hydrofabric", write_hydrofabric(tmp_path / "h.gpkg"), "--climate", tmp_path / "history.nc"
    )
    content = yaml.safe_load((folder / "config" / "cat-2.yml").read_text())["attributes"]
    assert content["p_mean"] == pytest.approx(2.0, rel=0.01)
    assert content["aridity"] == 1.25
    assert 0.0 <= content["frac_snow"] <= 1.0


def test_attributes_that_no_catchment_has_are_listed(tmp_path: Path, model: ModelDirectory) -> None:
    (tmp_path / "a.csv").write_text("id,aridity\n" + "".join(f"{n},1.25\n" for n in IDS))
    arguments = ("ngen", "init", model.path, "--attributes", tmp_path / "a.csv", "--forcing",
                 write_forcing(tmp_path / "f"), "--out", tmp_path / "run")  # fmt: skip
    message = mistake(*arguments)
    assert "3 attributes that no catchment has: p_mean, area_gages2, geol_1st_class" in message
    assert "--climate FILE" in message
    assert not (tmp_path / "run").exists()
    write_attributes(tmp_path / "a.csv", gauge_lat=[40.0, None, 40.0])
    assert "no attribute gauge_lat (degrees north) in every catchment" in mistake(*arguments)


def test_gaps_are_shown_in_one_table(tmp_path: Path, model: ModelDirectory) -> None:
    write_attributes(tmp_path / "a.csv", p_mean=[2.0, None, 900.0])
    result = dhbv("ngen", "init", model.path, "--attributes", tmp_path / "a.csv", "--forcing",
                  write_forcing(tmp_path / "f"), "--out", tmp_path / "run", "--json", "-")  # fmt: skip
    gaps = json.loads(result.out)["gaps"]
    assert [(g["attribute"], g["problem"], g["catchments"]) for g in gaps] == [
        ("p_mean", "missing", ["cat-2"]), ("p_mean", "outside the training range: 900", ["cat-10"]),
    ]  # fmt: skip
    assert "1 of 3" in result.err
    assert loaded(tmp_path / "run" / "config" / "cat-2.yml").attributes["p_mean"] is None


def test_a_champion_is_resolved_once(tmp_path: Path, model: ModelDirectory, run: Run) -> None:
    store = Registry(tmp_path / "registry")
    version = store.publish(model.path, who="test")
    store.promote(version.id, who="test", why="first")
    result = dhbv("ngen", "init", f"{tmp_path / 'registry'}@champion", "--attributes", write_attributes(tmp_path / "a.csv"),
                  "--forcing", write_forcing(tmp_path / "f"), "--out", tmp_path / "run", "--json", "-")  # fmt: skip
    assert json.loads(result.out)["model"].endswith(f"@{version.id}")
    for name in IDS:
        file = tmp_path / "run" / "config" / f"{name}.yml"
        assert catchments.version(file).endswith(f"@{version.id}")
        assert (file.parent / loaded(file).model).resolve() == version.path.resolve()
        assert "champion" not in loaded(file).model


def test_a_state_is_held_against_model_catchments_and_start(
    tmp_path: Path, model: ModelDirectory, run: Run
) -> None:
    folder = run("--states", saved_state(tmp_path / "good", model, "2015-12-01"))
    assert loaded(folder / "config" / "cat-1.yml").state == "start.state"
    assert State.read(folder / "config" / "start.state").basins == IDS
    arguments = ("ngen", "init", model.path, "--attributes", tmp_path / "attributes.csv", "--forcing",
                 tmp_path / "forcing", "--out", tmp_path / "b", "--states")  # fmt: skip
    late = saved_state(tmp_path / "late", model, "2016-03-01")
    assert "is valid at 2016-03-01, 91 days from the start" in mistake(*arguments, late)
    few = saved_state(tmp_path / "few", model, "2015-12-01", IDS[:2])
    assert "holds 2 catchments and lacks cat-10 (1 of 3)" in mistake(*arguments, few)
    assert "leave one out" in mistake(*arguments, late, "--spin-up", tmp_path / "forcing")
    assert not (tmp_path / "b").exists()


def test_nothing_that_exists_is_overwritten(tmp_path: Path, model: ModelDirectory, run: Run) -> None:
    folder = run()
    arguments = ("ngen", "init", model.path, "--attributes", tmp_path / "attributes.csv", "--forcing",
                 tmp_path / "forcing", "--out", folder)  # fmt: skip
    assert "exists: move it away or choose another --out" in mistake(*arguments)
    (folder / "realization.json").unlink()
    assert dhbv(*arguments).code == 0, "what a kill left behind is replaced"
    (folder / "realization.json").unlink()
    (folder / "config" / "cat-2.yml").write_text("catchment_id: cat-2\n")
    assert "was not written by dhbv ngen: move it away" in mistake(*arguments)
    assert (folder / "config" / "cat-2.yml").read_text() == "catchment_id: cat-2\n"


def test_help_shows_an_example() -> None:
    for command in ("init", "check", "update"):
        result = dhbv("ngen", command, "--help")
        assert result.code == 0
        assert f"Example: dhbv ngen {command}" in result.out
