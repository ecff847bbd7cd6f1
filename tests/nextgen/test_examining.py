"""`dhbv ngen check` finds every planted fault, names the remedy and leaves with 1 where a run would fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dhbv.data.schema import assemble
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen import catchments
from dhbv.nextgen.commands import component
from dhbv.nextgen.examining import CHECKS, examine
from dhbv.nextgen.findings import Finding
from tests.nextgen.conftest import IDS, write_forcing, write_netcdf_forcing
from tests.nextgen.test_setup import saved_state
from tests.small_models import small_model
from tests.test_cli import dhbv

Run = Callable[..., Path]


def findings(folder: Path, *verdicts: str) -> list[Finding]:
    return [f for f in examine(folder, component()) if f.verdict in (verdicts or ("note", "fails"))]


def edit_realization(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "realization.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def edit_catchment(folder: Path, name: str, **changes: Any) -> None:
    """A change to None takes the key away."""
    path = folder / "config" / f"{name}.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | changes
    text = yaml.safe_dump({k: v for k, v in content.items() if v is not None})
    path.write_text(f"{catchments.HEADER}model x\n{text}", encoding="utf-8")


def params(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["global"]["formulations"][0]["params"]
    return found


@pytest.fixture
def whole(run: Run, model: ModelDirectory, tmp_path: Path) -> Path:
    """A run that starts from a state: nothing to remark."""
    return run("--states", saved_state(tmp_path / "s", model, "2015-12-01"))


def test_a_whole_run_has_no_finding(whole: Path) -> None:
    result = dhbv("ngen", "check", whole, "--json", "-")
    assert result.code == 0, result.err
    lines = json.loads(result.out)
    assert [line["check"] for line in lines] == list(CHECKS), "one line for each check"
    assert {line["verdict"] for line in lines} == {"ok"}
    assert "nothing stops this run" in result.err
    for label in CHECKS:
        assert label in result.err


def test_a_cold_start_is_a_note(run: Run) -> None:
    (line,) = findings(run())
    assert (line.check, line.verdict) == ("start", "note")
    assert "nearly empty stores in all catchments" in line.result
    assert "--states or --spin-up" in line.remedy


def test_the_worst_of_a_check_stands_last(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding("", v, f"{v} {k}") for k, v in enumerate(("fails", "note", "ok", "note", "fails", "ok"))]
    monkeypatch.setitem(CHECKS, "outputs", lambda run: iter(found))
    lines = examine(whole, component())
    assert list(dict.fromkeys(f.check for f in lines)) == list(CHECKS)
    results = [f.result for f in lines if f.check == "outputs"]
    assert results == ["ok 2", "ok 5", "note 1", "note 3", "fails 0", "fails 4"], "else in the order found"


REALIZATION: list[tuple[str, Callable[[dict[str, Any]], object], str, str]] = [
    ("removed key", lambda c: params(c).update(uses_forcing_file=True), "realization", "uses_forcing_file was removed and stops ngen"),
    ("removed file", lambda c: params(c).update(forcing_file="a.csv"), "realization", "forcing_file was removed and stops ngen"),
    ("no configuration", lambda c: params(c).pop("init_config"), "realization", "no init_config, without which ngen stops"),
    ("required key", lambda c: params(c).pop("model_type_name"), "realization", "no model_type_name, without which ngen stops"),
    ("one config", lambda c: params(c).update(init_config="./config/cat-1.yml"), "realization", "all catchments would be one"),
    ("end first", lambda c: c["time"].update(end_time="2015-11-01 00:00:00"), "realization", "end_time lies before"),
    ("no t-route", lambda c: c.update(routing={"t_route_config_file_with_path": "./config/troute.yaml"}), "realization",
     "config/troute.yaml is not there"),
    ("main output", lambda c: params(c).update(main_output_variable="runoff"), "outputs", "runoff is no output, which stops ngen"),
    ("wrong unit", lambda c: params(c).update(main_output_variable="land_surface_water__runoff_volume_flux"), "outputs",
     "is no depth in m: nexus flows would be wrong"),
    ("unknown output", lambda c: params(c)["output_variables"].append("Q_OUT"), "outputs", "no output Q_OUT, which stops ngen"),
    ("headings", lambda c: params(c)["output_header_fields"].pop(), "outputs", "8 output_variables and 7 output_header_fields"),
    ("start", lambda c: c["time"].update(start_time="2015-12-02 00:00:00"), "catchments", "start_time is not that of the realization: all"),
    ("place", lambda c: params(c).update(init_config="./configs/{{id}}.yml"), "catchments", "no file ./configs/{{id}}.yml"),
    ("routed twice", lambda c: c.update(routing={"t_route_config_file_with_path": "realization.json"}), "catchments", "water is routed twice"),
    ("no forcing", lambda c: c["global"]["forcing"].update(path="./nowhere/"), "forcing", "nowhere: no such file or folder"),
    ("provider", lambda c: c["global"]["forcing"].update(provider="NetCDF"), "forcing", "is no NetCDF forcing"),
    ("null", lambda c: c["global"]["forcing"].update(provider="NullForcingProvider"), "forcing", "gives no weather"),
    ("pattern", lambda c: c["global"]["forcing"].update(file_pattern="aorc_{{id}}.csv"), "forcing", "no forcing file aorc_{{id}}.csv"),
    ("too long", lambda c: c["time"].update(end_time="2015-12-05 00:00:00"), "forcing", "covers 2015-12-01T00..2015-12-03T23 of"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "check", "text"), [r[1:] for r in REALIZATION], ids=[r[0] for r in REALIZATION]
)
def test_faults_of_the_realization(
    whole: Path, change: Callable[[dict[str, Any]], object], check: str, text: str
) -> None:
    edit_realization(whole, change)
    found = findings(whole, "fails")
    assert [f for f in found if f.check == check and text in f.result and f.remedy], found


CATCHMENT: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("unknown key", {"modle": "x"}, "catchments", "fails", "unknown field `modle`"),
    ("other id", {"catchments": ["cat-9"]}, "catchments", "fails", "not the catchment of the file's name: cat-2"),
    ("daily", {"time_step": 86400}, "catchments", "fails", "ngen's catchments run hourly: cat-2"),
    ("pet", {"pet": "input"}, "catchments", "fails", "no other module gives potential evaporation: cat-2"),
    ("unrouted", {"hillslope_routing": False}, "catchments", "note", "reaches the nexus unrouted in cat-2"),
    ("no model", {"model": "../elsewhere"}, "model", "fails", "is not a model directory"),
    ("two models", {"model": "../elsewhere"}, "model", "fails", "2 models in one run"),
    ("no attribute table", {"attributes": "nothing.csv"}, "attributes", "fails", "cannot read the attribute table"),
    ("no state", {"state": "gone.state"}, "start", "fails", "cannot read the state"),
    ("no history", {"state": None, "spin_up": "gone"}, "start", "fails", "no such file or folder"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "check", "verdict", "text"), [c[1:] for c in CATCHMENT], ids=[c[0] for c in CATCHMENT]
)
def test_faults_of_one_catchment(
    whole: Path, changes: dict[str, Any], check: str, verdict: str, text: str
) -> None:
    edit_catchment(whole, "cat-2", **changes)
    assert [
        f
        for f in findings(whole)
        if (f.check, f.verdict) == (check, verdict) and text in f.result and f.remedy
    ]


def test_attributes_are_told_by_name(whole: Path) -> None:
    content = yaml.safe_load((whole / "config" / "cat-2.yml").read_text())["attributes"]
    edit_catchment(whole, "cat-2", attributes=content | {"p_mean": None, "aridity": 99.0})
    missing, beyond = findings(whole)
    assert (missing.check, missing.verdict) == ("attributes", "note")
    assert missing.result == "p_mean: missing (cat-2)"
    assert beyond.result == "aridity: outside the training range: 99 (cat-2)"
    for name in IDS:
        edit_catchment(whole, name, attributes={k: v for k, v in content.items() if k != "p_mean"})
    (line,) = findings(whole, "fails")
    assert line.result == "no catchment has p_mean"


def test_a_damaged_model_is_told(whole: Path, model: ModelDirectory) -> None:
    weights = model.path / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    result = dhbv("ngen", "check", whole)
    assert result.code == 1
    assert "is damaged: its sha256 is not the one in manifest.json" in " ".join(result.err.split())


def test_states_of_other_weights_and_other_days_are_told(whole: Path, tmp_path: Path) -> None:
    other = small_model(tmp_path / "other", seed=5)
    saved_state(whole / "config" / "start.state", other, "2015-12-01")
    (line,) = findings(whole)
    assert line.verdict == "fails"
    assert "was made by weights" in line.result
    for name in IDS:
        edit_catchment(whole, name, model="../../other")
    assert not findings(whole)
    saved_state(whole / "config" / "start.state", other, "2015-11-21")
    (line,) = findings(whole)
    assert (line.verdict, line.result) == (
        "note",
        "start.state is valid at 2015-11-21, 10 days from the start",
    )
    saved_state(whole / "config" / "start.state", other, "2015-10-01")
    (line,) = findings(whole)
    assert line.verdict == "fails"


@pytest.mark.parametrize(
    ("first", "days", "verdict", "text"),
    [
        ("2014-12-01", 365, "ok", "365 days up to the start"),
        ("2014-12-01", 380, "ok", "365 days up to the start"),
        ("2015-06-01", 183, "note", "has 183 days and ends 0 days before the start"),
        ("2014-01-01", 690, "note", "has 690 days and ends 9 days before the start"),
        ("2014-01-01", 600, "fails", "2014-01-01..2015-08-23, 99 days short of the start (at most 31)"),
        ("2015-12-01", 20, "fails", "2015-12-01..2015-12-20, 0 days short of the start"),
    ],
)
def test_a_history_must_reach_the_start(
    run: Run, tmp_path: Path, first: str, days: int, verdict: str, text: str
) -> None:
    t = np.tile(np.linspace(0.0, 9.0, days), (3, 1))
    series = {"prcp": np.ones((3, days)), "tmin": t, "tmax": t + 5.0}
    assemble(IDS, np.datetime64(first) + np.arange(days), series).to_netcdf(tmp_path / "history.nc")
    (line,) = [
        f
        for f in findings(run("--spin-up", tmp_path / "history.nc"), "ok", "note", "fails")
        if f.check == "start"
    ]
    assert (line.verdict, text in line.result) == (verdict, True), line


FORCING = [
    ({"kelvin": 0.0}, "taken as K, has a median of -268 degC", "TMP_2maboveground [degC] or [K]"),
    ({"rate": 0.7}, "taken as mm s-1, reaches 12600 mm h-1, more than ever fell", "precip_rate [mm h-1]"),
    ({"hours": 71}, "covers 2015-12-01T00..2015-12-03T22", "mend or replace"),
    (
        {"column": "APCP_surface"},
        "APCP_surface alone, which ngen does not give as a rate",
        "variables_names_map",
    ),
    ({"column": "rain"}, "no prcp: it needs one of", "mend or replace"),
]


@pytest.mark.parametrize(("changes", "text", "remedy"), FORCING)
def test_faults_of_forcing(
    whole: Path, tmp_path: Path, changes: dict[str, Any], text: str, remedy: str
) -> None:
    shutil.rmtree(tmp_path / "forcing")
    write_forcing(tmp_path / "forcing", **changes)
    (line,) = findings(whole, "fails")
    assert text in line.result
    assert remedy in line.remedy


@pytest.mark.parametrize(("offset", "fails"), [(0, True), (-5, False)])
def test_a_temperature_that_never_changes_within_a_day_is_a_fault(
    whole: Path, tmp_path: Path, offset: int, fails: bool
) -> None:
    """Daily means in every hour: Hargreaves evaporation is zero then. Of other days two values are in each."""
    level(tmp_path / "forcing")
    for name in IDS[:2]:
        edit_catchment(whole, name, utc_offset=offset)
    lines = [f for f in findings(whole, "fails") if f.check == "forcing"]
    assert bool(lines) == fails
    for line in lines:
        assert (
            "never changes within a day, so Hargreaves evaporation would be zero in cat-1, cat-2"
            in line.result
        )
        assert "give hourly temperatures" in line.remedy
    for name in IDS[:2]:
        edit_catchment(whole, name, pet="input")
    assert not [f for f in findings(whole, "fails") if f.check == "forcing"], "others give evaporation"


def level(forcing: Path) -> None:
    """The same temperature in all hours of a day, in two of three catchments."""
    for name in IDS[:2]:
        file = forcing / f"{name}.csv"
        header, *rows = file.read_text().splitlines()
        rows = [f"{row.rpartition(',')[0]},{280 + n // 24}" for n, row in enumerate(rows)]
        file.write_text("\n".join([header, *rows]) + "\n")


def test_a_history_whose_temperature_never_changes_within_a_day_is_a_fault(whole: Path) -> None:
    level(write_forcing(whole / "config" / "history"))
    for name in IDS:
        edit_catchment(whole, name, state=None, spin_up="history")
    (line,) = findings(whole, "fails")
    assert line.check == "start"
    assert "history: catchment cat-1, cat-2 (2 of 3): tmin equals tmax on every day" in line.result


def test_a_start_time_that_says_utc_is_the_same(whole: Path) -> None:
    for name in IDS:
        path = whole / "config" / f"{name}.yml"
        text = path.read_text()
        assert text.count("2015-12-01 00:00:00") == 1
        path.write_text(text.replace("2015-12-01 00:00:00", "2015-12-01 00:00:00Z"))
    assert not findings(whole)


@pytest.mark.parametrize("name", ["dhbv.yml", "d_{{id}}.yml"])
@pytest.mark.parametrize("absolute", [False, True])
def test_a_catchments_file_may_lie_in_a_folder_of_its_own(whole: Path, name: str, absolute: bool) -> None:
    for catchment in IDS:
        edit_catchment(whole, catchment, model="../../../model", state="../../config/start.state")
        place = whole / "by [id]" / catchment / name.replace("{{id}}", catchment)
        place.parent.mkdir(parents=True)
        (whole / "config" / f"{catchment}.yml").rename(place)
    (whole / "by [id]" / "cat-7").mkdir()
    (whole / "by [id]" / "cat-7" / "d_cat-2.yml").write_text("model: none\n")
    root = str(whole) if absolute else "."
    edit_realization(whole, lambda c: params(c).update(init_config=f"{root}/by [id]/{{{{id}}}}/{name}"))
    assert not findings(whole)


@pytest.mark.parametrize("key", ["model", "state", "spin_up"])
def test_what_a_container_does_not_see_is_a_fault(
    run: Run, model: ModelDirectory, tmp_path: Path, key: str
) -> None:
    box = tmp_path / "box"
    forcing, history = (
        write_netcdf_forcing(box / "forcings" / "forcings.nc"),
        write_forcing(tmp_path / "history"),
    )
    saved_state(tmp_path / "s", model, "2015-12-02")
    folder = run(
        "--layout",
        "ngiab",
        "--forcing",
        forcing,
        "--states",
        tmp_path / "s",
        "--start",
        "2015-12-02",
        name="box",
    )
    assert not findings(folder, "fails")
    outside = {"model": model.path, "state": tmp_path / "s", "spin_up": history}[key]
    path = folder / "config" / "cat_config" / "dhbv" / "cat-2.yml"
    content = yaml.safe_load(path.read_text()) | {key: str(outside)}
    if key == "spin_up":
        del content["state"]
    path.write_text(yaml.safe_dump(content))
    (line,) = findings(folder, "fails") if key != "model" else [
        f for f in findings(folder, "fails") if f.check == "start"
    ]  # fmt: skip
    assert line.result == f"{key} lies outside the run folder, which NGIAB sees alone: cat-2"


def test_a_gap_in_forcing_is_a_fault(whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "forcing" / "cat-2.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:30] + lines[31:]) + "\n")
    (line,) = findings(whole, "fails")
    assert "hours are missing between 2015-12-02T04 and 2015-12-02T06" in line.result


@pytest.mark.parametrize(("policy", "verdict"), [("hold", "note"), ("refuse", "fails")])
def test_missing_weather_matters_as_the_configuration_says(
    whole: Path, tmp_path: Path, policy: str, verdict: str
) -> None:
    file = tmp_path / "forcing" / "cat-2.csv"
    lines = file.read_text().splitlines()
    lines[4] = lines[4].rpartition(",")[0] + ",-9999"
    file.write_text("\n".join(lines) + "\n")
    edit_catchment(whole, "cat-2", inputs={"missing": policy})
    (line,) = findings(whole)
    assert line.verdict == verdict
    assert line.result == "TMP_2maboveground is missing or negative in 1 hours, first 2015-12-01T03 in cat-2"


def test_netcdf_without_a_catchment_is_a_fault(whole: Path) -> None:
    write_netcdf_forcing(whole / "f.nc", ids=IDS[:2])
    edit_realization(whole, lambda c: c["global"].update(forcing={"provider": "NetCDF", "path": "./f.nc"}))
    (line,) = findings(whole, "fails")
    assert "1 unknown basin: cat-10" in line.result


def test_netcdf_forcing_of_no_catchment_is_not_looked_at(whole: Path) -> None:
    write_netcdf_forcing(whole / "f.nc")
    edit_realization(whole, lambda c: c["global"].update(forcing={"provider": "NetCDF", "path": "./f.nc"}))
    edit_realization(whole, lambda c: params(c).pop("init_config"))
    assert [f.check for f in findings(whole, "fails")] == ["realization", "catchments"]


def test_a_state_is_of_the_local_day(run: Run, model: ModelDirectory, tmp_path: Path) -> None:
    """Midnight of UTC is still the evening before in New Hampshire."""
    assert not findings(run("--utc-offset", -5, "--states", saved_state(tmp_path / "s", model, "2015-11-30")))


def test_other_files_are_no_catchments(whole: Path) -> None:
    (whole / "config" / "cat-99.yml.bak").write_text("model: none\n")
    (whole / "config" / "troute.yaml").write_text("{}\n")
    assert not findings(whole)


def test_what_is_no_run_folder_is_one_finding(tmp_path: Path) -> None:
    (line,) = findings(tmp_path)
    assert (line.check, line.verdict) == ("realization", "fails")
    assert "it has neither realization.json nor config/realization.json" in line.result
    (tmp_path / "realization.json").write_text("{")
    assert "is no JSON" in findings(tmp_path)[0].result
    (tmp_path / "realization.json").write_text("{}")
    assert "a realization needs time.start_time" in findings(tmp_path)[0].result
    result = dhbv("ngen", "check", tmp_path)
    assert result.code == 1


def test_a_realization_of_other_models_is_none_of_ours(whole: Path) -> None:
    edit_realization(whole, lambda c: params(c).update(python_type="lstm.bmi_lstm.bmi_LSTM"))
    (line,) = findings(whole)
    assert "no module with python_type bmi.DeltaHbv" in line.result


def test_other_modules_of_a_bmi_multi_may_be_asked_for(
    run: Run, model: ModelDirectory, tmp_path: Path
) -> None:
    folder = run("--multi", "--states", saved_state(tmp_path / "s", model, "2015-12-01"))
    edit_realization(folder, lambda c: params(c)["output_variables"].append("QINSUR"))
    edit_realization(folder, lambda c: params(c)["output_header_fields"].append("QINSUR"))
    for name in IDS:
        edit_catchment(folder, name, pet="input")
    assert not findings(folder)


def test_a_catchment_with_a_formulation_of_its_own(whole: Path) -> None:
    (whole / "own.yml").write_bytes((whole / "config" / "cat-2.yml").read_bytes())
    (whole / "config" / "cat-2.yml").unlink()

    def own(content: dict[str, Any]) -> None:
        formulation = json.loads(json.dumps(content["global"]["formulations"][0]))
        formulation["params"]["init_config"] = "./own.yml"
        content["catchments"] = {
            "cat-2": {"formulations": [formulation], "forcing": content["global"]["forcing"]}
        }

    edit_realization(whole, own)
    failing = findings(whole, "fails")
    # The file moved, and so its relative paths lead elsewhere.
    assert {f.check for f in failing} <= {"model", "start"}
    edit_catchment_at = yaml.safe_load((whole / "own.yml").read_text())
    edit_catchment_at |= {"model": "../model", "state": "config/start.state"}
    (whole / "own.yml").write_text(yaml.safe_dump(edit_catchment_at))
    assert not findings(whole)
