"""The driver lets a component pass that keeps ngen's rules, and refuses one for each rule it breaks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ngen import probes
from tests.ngen.adapter import Adapter
from tests.ngen.domain import Domain, area, hourly, names, write
from tests.ngen.probes import DEPTH, EP, STORE, Good, P, T
from tests.ngen.protocols import MASS, restore, save
from tests.ngen.rules import CALLS, NEVER_CALLED, DriverError, Judge
from tests.ngen.units import NotConvertible, convert

BALANCE = {"check": True, "tolerance": 1e-9, "fatal": True, "frequency": 1}
GOOD = "tests.ngen.probes.Good"


def probe_domain(folder: Path, size: int = 1, days: int = 2, *, config: Any = None, **params: Any) -> Domain:
    text = json.dumps(config or {})
    given = {"python_type": GOOD, "model_type_name": "probe", "mass_balance": BALANCE} | params
    return write(folder, hourly(days, size), lambda name: text, **given)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A maker of broken probes: broken(name=value, …) → the python_type of `Good` with these replaced."""

    def make(**members: Any) -> str:
        monkeypatch.setattr(probes, "Broken", type("Broken", (Good,), members), raising=False)
        return "tests.ngen.probes.Broken"

    return make


# What is right passes


def test_a_good_component_runs_and_its_numbers_are_ngens(tmp_path: Path) -> None:
    domain = probe_domain(tmp_path, 3, config={"k": 0.2})
    simulation = domain.run()
    assert simulation.steps == 48
    assert simulation.warnings == []
    for name, weather in hourly(2, 3).items():
        store, expected = 0.0, []
        for rain in weather["precip_rate"]:
            store += rain * 3600.0
            expected.append(0.2 * store / 1000.0)
            store *= 0.8
        np.testing.assert_allclose(simulation.depth[name], expected, rtol=1e-12)
        assert max(expected) > 0.0
        np.testing.assert_allclose(
            simulation.mass(name)[:, 0], 3600.0 * np.cumsum(weather["precip_rate"]), rtol=1e-12
        )
    flow = [np.array(simulation.depth[n]) * area(k) * 1e6 / 3600.0 for k, n in enumerate(names(3))]
    np.testing.assert_allclose(simulation.flow["nex-1"], flow[0] + flow[1], rtol=1e-12)
    np.testing.assert_allclose(simulation.flow["nex-2"], flow[2], rtol=1e-12)


def test_calls_come_in_ngens_order_and_no_others(tmp_path: Path) -> None:
    domain = probe_domain(
        tmp_path, output_variables=[DEPTH, STORE], allow_exceed_end_time=False, model_params={"k": 0.3}
    )
    with domain.open() as simulation:
        calls = simulation.adapter("cat-1").calls
        mass = ["get_var_itemsize", "get_var_type", "get_value_ptr", "get_var_units"]
        assert calls == [
            "initialize", "get_time_units", "get_var_itemsize", "get_var_nbytes", "get_var_type", "set_value",
            "get_start_time", "get_output_item_count", "get_output_var_names", *4 * mass, *2 * ["get_var_units"],
        ]  # fmt: skip
        before = len(calls)
        simulation.run(1)
        value = ["get_var_type", "get_var_itemsize", "get_value_at_indices", "get_var_units"]
        one_input = ["get_var_itemsize", "get_var_units", "get_var_type", "get_var_nbytes", "set_value"]
        assert calls[before:] == [
            "get_current_time", "get_end_time", "get_current_time", "get_input_item_count", "get_input_var_names",
            *2 * one_input, "get_time_step", "update", *value, *4 * ["get_value_ptr"], *2 * value,
        ]  # fmt: skip
        simulation.run(1)
    assert calls.count("finalize") == 1
    assert calls[-1] == "finalize"
    assert set(calls) <= CALLS
    assert not CALLS & NEVER_CALLED


def test_the_two_lists_are_the_whole_bmi() -> None:
    from bmipy import Bmi

    assert {name for name in vars(Bmi) if not name.startswith("_")} == CALLS | NEVER_CALLED


def test_a_call_that_ngen_never_makes_cannot_be_made(tmp_path: Path) -> None:
    domain = probe_domain(tmp_path)
    with domain.open() as simulation:
        for name in NEVER_CALLED:
            with pytest.raises(AssertionError, match=f"ngen never calls {name}"):
                simulation.adapter("cat-1").call(name)


def test_metadata_of_inputs_is_asked_once_where_it_may_be_kept(tmp_path: Path) -> None:
    domain = probe_domain(tmp_path, cache_input_variable_metadata=True, output_variables=[DEPTH])
    calls = domain.run().adapter("cat-1").calls
    assert calls.count("get_var_nbytes") == 2
    assert calls.count("set_value") == 2 * 48


def test_another_step_length_is_reached_by_update_until(tmp_path: Path, broken: Callable[..., str]) -> None:
    domain = probe_domain(tmp_path, python_type=broken(get_time_step=lambda self: 900.0))
    calls = domain.run(3).adapter("cat-1").calls
    assert calls.count("update_until") == 3
    assert "update" not in calls


@pytest.mark.parametrize(("units", "seconds"), [("h", 3600.0), ("hours", 3600.0), ("min", 60.0)])
def test_time_in_other_units_is_converted(
    tmp_path: Path, broken: Callable[..., str], units: str, seconds: float
) -> None:
    kind = broken(time_units=units, get_time_step=lambda self: 3600.0 / seconds)
    given = probe_domain(tmp_path / "a", python_type=kind).run()
    assert given.depth == probe_domain(tmp_path / "b").run().depth
    assert "update" in given.adapter("cat-1").calls


def test_netcdf_and_csv_forcing_are_one(tmp_path: Path) -> None:
    a = probe_domain(tmp_path / "a", 3).run()
    assert probe_domain(tmp_path / "b", 3, provider="NetCDF").run().depth == a.depth


def test_every_name_of_the_weather_is_known_by_its_column_too(tmp_path: Path) -> None:
    plain = probe_domain(tmp_path / "a").run()
    mapped = probe_domain(tmp_path / "b", variables_names_map={P: "precip_rate", T: "TMP_2maboveground"})
    assert mapped.run().depth == plain.depth


def test_a_unit_in_the_header_overrides_the_default(tmp_path: Path) -> None:
    plain = probe_domain(tmp_path / "a").run()
    weather = {
        name: {"precip_rate [mm h-1]": 3600.0 * w["precip_rate"], "T2D": w["TMP_2maboveground"]}
        for name, w in hourly(2, 1).items()
    }
    for provider in ("CsvPerFeature", "NetCDF"):
        domain = write(tmp_path / provider, weather, lambda _: "{}", python_type=GOOD, provider=provider)
        np.testing.assert_allclose(domain.run().depth["cat-1"], plain.depth["cat-1"], rtol=1e-12)


def test_weather_before_the_start_is_passed_over(tmp_path: Path) -> None:
    late = {}
    for provider in ("CsvPerFeature", "NetCDF"):
        domain = write(
            tmp_path / provider,
            hourly(2, 1),
            lambda _: '{"k": 1.0}',
            first=10,
            python_type=GOOD,
            provider=provider,
        )
        late[provider] = domain.run().depth["cat-1"]
        assert len(late[provider]) == 38
    whole = (
        write(tmp_path / "whole", hourly(2, 1), lambda _: '{"k": 1.0}', python_type=GOOD).run().depth["cat-1"]
    )
    assert late["CsvPerFeature"] == late["NetCDF"] == whole[10:]


def test_parameters_come_from_the_realization_or_the_hydrofabric(tmp_path: Path) -> None:
    plain = probe_domain(tmp_path / "a", config={"k": 0.35}).run()
    number = probe_domain(tmp_path / "b", model_params={"k": 0.35}).run()
    listed = probe_domain(tmp_path / "c", model_params={"k": [0.35]}).run()
    fabric = probe_domain(tmp_path / "d", model_params={"k": {"source": "hydrofabric", "from": "areasqkm"}})
    assert number.depth == listed.depth == plain.depth
    with fabric.open() as simulation:
        assert simulation.adapter("cat-1").pointer("k")[0] == area(0)


def test_the_output_interval_changes_nothing(tmp_path: Path) -> None:
    domain = probe_domain(tmp_path)
    plain = domain.run()
    rewrite(domain.realization, '"output_interval": 3600', '"output_interval": 86400')
    assert domain.run().depth == plain.depth


def test_a_catchment_may_have_a_formulation_and_forcing_of_its_own(tmp_path: Path) -> None:
    domain = probe_domain(tmp_path, 2)
    content = json.loads(domain.realization.read_text())
    (formulation,) = content["global"]["formulations"]
    own = formulation | {"params": formulation["params"] | {"model_params": {"k": 1.0}}}
    forcing = content["global"]["forcing"] | {"file_pattern": "cat-1.*"}
    content["catchments"] = {"cat-2": {"formulations": [own], "forcing": forcing}}
    domain.realization.write_text(json.dumps(content))
    depth = domain.run().depth
    rain = hourly(2, 2)["cat-1"]["precip_rate"]
    np.testing.assert_allclose(depth["cat-2"], 3.6 * rain, rtol=1e-12)
    assert depth["cat-1"] == probe_domain(tmp_path / "plain", 2).run().depth["cat-1"]


def test_files_hold_what_was_computed(tmp_path: Path) -> None:
    domain = probe_domain(tmp_path, 2, output_variables=[STORE, DEPTH], output_header_fields=["S", "q"])
    simulation = domain.run()
    folder = simulation.write()
    with (folder / "cat-2.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["Time Step", "Time", "S", "q"]
    assert rows[2][:2] == ["1", "2000-12-20 01:00:00"]
    assert [float(row[3]) for row in rows[1:]] == simulation.depth["cat-2"]
    with (folder / "nex-1_output.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[1][:2] == ["1", "2000-12-20 01:00:00"]
    assert [float(row[2]) for row in rows] == simulation.flow["nex-1"]


def test_a_chain_of_modules_hands_values_on_in_the_units_wanted(tmp_path: Path) -> None:
    modules = chain()
    simulation = write(
        tmp_path, hourly(2, 1), lambda _: '{"k": 1.0}', modules=modules,
        output_variables=[EP, DEPTH, "TMP_2maboveground"], model_type_name="chain",
    ).run()  # fmt: skip
    weather = hourly(2, 1)["cat-1"]
    ep = 0.01 * np.maximum(weather["TMP_2maboveground"] - 268.15, 0.0)
    expected = np.maximum(3600.0 * weather["precip_rate"] - ep, 0.0) / 1000.0
    np.testing.assert_allclose(simulation.depth["cat-1"], expected, rtol=1e-11, atol=1e-18)
    np.testing.assert_allclose(simulation.outputs["cat-1"][EP], 24.0 * ep, rtol=1e-12)
    assert simulation.outputs["cat-1"]["TMP_2maboveground"] == list(weather["TMP_2maboveground"])
    assert set(simulation.save()) == {"cat-1:pet", "cat-1:store"}


def chain(**last: Any) -> list[dict[str, Any]]:
    common = {"init_config": "./config/{{id}}.yml", "allow_exceed_end_time": True}
    return [
        common | {"python_type": "tests.ngen.probes.Evaporation", "model_type_name": "pet", "main_output_variable": EP},
        common | {"python_type": "tests.ngen.probes.Drying", "model_type_name": "store", "main_output_variable": DEPTH} | last,
    ]  # fmt: skip


def test_a_chain_may_not_publish_a_name_twice(tmp_path: Path) -> None:
    for name, taken in (("precip_rate", "precip_rate"), (EP, EP)):
        modules = chain(variables_names_map={STORE: name})
        domain = write(tmp_path / name, hourly(2, 1), lambda _: "{}", modules=modules)
        with pytest.raises(
            DriverError, match=f"§8: output {taken} is a forcing or an earlier module's output"
        ):
            domain.open()


@pytest.mark.parametrize("dialect", ["A", "B"])
def test_a_saved_run_goes_on_as_if_unbroken(tmp_path: Path, dialect: Any) -> None:
    whole = probe_domain(tmp_path / "whole", 2).run()
    with probe_domain(tmp_path / "first", 2).open() as simulation:
        states = simulation.run(19).save(dialect)
        assert simulation.run().depth == whole.depth, "saving changes nothing"
    rest = write(
        tmp_path / "rest", hourly(2, 2), lambda _: "{}", first=19, python_type=GOOD, model_type_name="probe",
    ).run(restore=states, dialect=dialect)  # fmt: skip
    for name, depth in rest.depth.items():
        assert depth == whole.depth[name][19:]


def test_an_object_of_many_catchments_takes_arrays(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"size": 3}')
    model = Adapter(GOOD, tmp_path / "config.json", Judge())
    slot = model.input_slot(P)
    assert (slot.units, slot.length) == ("mm h-1", 3)
    model.set(P, [1.0, 2.0, 3.0], slot)
    model.call("update")
    assert model.pointer(DEPTH).tolist() == pytest.approx([0.0001, 0.0002, 0.0003])
    with pytest.raises(DriverError, match=f"§8: {P} takes 3 values and was given 1"):
        model.set(P, 1.0, slot)


# Units


@pytest.mark.parametrize(
    ("value", "source", "wanted", "expected"),
    [
        (1.0, "mm s^-1", "mm h-1", 3600.0), (273.15, "K", "degC", 0.0), (2.0, "mm", "m", 0.002),
        (5.0, "mm", "", 5.0), (5.0, "blah", "-", 5.0), (5.0, "mm", "dimensionless", 5.0), (1.0, "", "1", 1.0),
    ],
)  # fmt: skip
def test_units_convert(value: float, source: str, wanted: str, expected: float) -> None:
    assert convert(value, source, wanted) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [("K", "C"), ("kg m-2 s-1", "mm s-1"), ("m h-1", "m"), ("", "m"), ("blah", "m"), ("mm", "blah")],
)
def test_units_that_do_not_convert(source: str, wanted: str) -> None:
    with pytest.raises(NotConvertible):
        convert(1.0, source, wanted)


# What is wrong is refused


def returns(value: Any) -> Callable[..., Any]:
    return lambda self, *_: value


def zero_dimensional(self: Good, name: str) -> Any:
    return np.zeros(()) if name in MASS else Good.get_value_ptr(self, name)


def two_dimensional(self: Good, name: str) -> Any:
    return np.zeros((1, 1)) if name in MASS else Good.get_value_ptr(self, name)


def single_precision(self: Good, name: str) -> Any:
    value = Good.get_value_ptr(self, name)
    return value.astype(np.float32) if name in MASS else value


def long_mass(self: Good, name: str) -> Any:
    return np.zeros(2) if name in MASS else Good.get_value_ptr(self, name)


def leaking(self: Good) -> None:
    Good.update(self)
    self.values[MASS[0]] += 1e-6


def not_a_number(self: Good) -> None:
    Good.update(self)
    self.values[DEPTH][:] = np.nan


def nan_mass(self: Good) -> None:
    Good.update(self)
    self.values[MASS[2]][:] = np.nan


def only_whole_days(self: Good) -> None:
    Good.update(self)
    self.time = self.time // 86400.0 * 86400.0


def units_of(**changed: str) -> dict[str, Any]:
    return {"units": Good.units | changed}


BREACHES: dict[str, tuple[dict[str, Any], str]] = {
    "double": ({"get_var_type": returns("double")}, r"§3: .* has type 'double' of 8 bytes; ngen knows .*float64 \(8\)"),
    "int64": ({"get_var_type": lambda s, n: "int64" if n == DEPTH else "float64"}, r"§3: land_surface_water__runoff_depth has type 'int64'"),
    "numpy.float64": ({"get_var_type": lambda s, n: "numpy.float64" if n == DEPTH else "float64"}, r"§3: .* has type 'numpy.float64'"),
    "<f8": ({"get_var_type": lambda s, n: "<f8" if n == DEPTH else "float64"}, r"§3: .* has type '<f8'"),
    "float16": ({"get_var_type": lambda s, n: "float16", "get_var_itemsize": returns(2)}, r"§3: .* has type 'float16' of 2 bytes"),
    "a dtype": ({"get_var_type": lambda s, n: np.dtype("f8")}, r"§3: .* has type dtype\('float64'\)"),
    "no bytes": ({"get_var_nbytes": lambda s, n: 0 if n == P else 8}, r"§3: .*precipitation_rate has 0 bytes of 8 each: ngen would send 0 values for ever"),
    "half a value": ({"get_var_nbytes": returns(12)}, r"§3: .* has 12 bytes of 8 each"),
    "count": ({"get_input_item_count": returns(3)}, r"§3: get_input_item_count is 3, but there are 2 names"),
    "output count": ({"get_output_item_count": returns(1)}, r"§3: get_output_item_count is 1, but there are 2 names"),
    "names": ({"get_output_var_names": returns("abc")}, r"§3: get_output_var_names must be a list or tuple of text"),
    "both": ({"inputs": (P, T, STORE)}, r"§3: store: both input and output"),
    "0-d": ({"get_value_ptr": zero_dimensional}, r"§3: get_value_ptr\(ngen::mass_in\) must be a 1-D numpy array"),
    "2-d": ({"get_value_ptr": two_dimensional}, r"§3: get_value_ptr\(ngen::mass_in\) must be a 1-D numpy array"),
    "nothing read": ({"get_value_at_indices": returns(None)}, r"§2: get_value_at_indices\(.*depth\) wrote nothing"),
    "coulomb": (units_of(**{T: "C"}), r"§4: input land_surface_air__temperature: 'K' is not convertible to 'C'"),
    "kg": (units_of(**{P: "kg m-2 s-1"}), r"§4: input atmosphere.*: 'mm s\^-1' is not convertible to 'kg m-2 s-1'"),
    "rate": (units_of(**{DEPTH: "mm h-1"}), r"§4: output land_surface_water__runoff_depth: 'mm h-1' is not convertible to 'm'"),
    "no unit": (units_of(**{DEPTH: ""}), r"§4: output .*: its number is taken for m"),
    "unknown unit": (units_of(**{DEPTH: "puddles"}), r"§4: output .*puddles.*: its number is taken for m"),
    "None unit": (units_of(**{DEPTH: None}), r"§4: get_var_units\(.*\) must be text, not None"),  # type: ignore[arg-type]
    "no time": ({"time_units": ""}, r"§4: time units ''"),
    "metres of time": ({"time_units": "m"}, r"§4: time units 'm': 's' is not convertible to 'm'"),
    "calendar": ({"time_units": "since ever"}, r"§4: time units 'since ever'"),
    "start": ({"get_start_time": returns(3600.0)}, r"§5: bad init_time: get_start_time is 3600.0, not 0"),
    "clock": ({"get_current_time": lambda s: s.time + 7200.0}, r"§5: bad init_time: get_current_time is 7200.0"),
    "daily": ({"update": only_whole_days}, r"§5: after 1 steps of 3600.0 s get_current_time is 0.0, so the forcing of another hour"),
    "end": ({"get_end_time": returns(7200.0)}, r"§5: the step from 7200.0 ends after get_end_time"),
    "NaN": ({"update": not_a_number}, r"§7: cat-1: land_surface_water__runoff_depth is NaN after step 0"),
    "raises": ({"update": lambda s: 1 / 0}, r"§9: update raised ZeroDivisionError"),
    "float32 mass": ({"get_value_ptr": single_precision}, r"§10: ngen::mass_in must be 1 float64.*it is float32\[1\]"),
    "long mass": ({"get_value_ptr": long_mass}, r"§10: ngen::mass_in must be 1 float64.*it is float64\[2\]"),
    "leak": ({"update": leaking}, r"§10: mass balance error .*e-0[67] after step 0"),
    "NaN mass": ({"update": nan_mass}, r"§10: mass balance error nan after step 0"),
    "mass units": ({"get_var_units": lambda s, n: "m" if n == MASS[1] else Good.get_var_units(s, n)}, r"§10: the masses have different units"),
    "no mass": ({"get_var_itemsize": lambda s, n: 1 / (n not in MASS) and Good.get_var_itemsize(s, n)}, r"§10: Error\(Integration\): mass balance is asked for, but §9"),
    "finalize": ({"finalize": lambda s: 1 / 0}, r"§9: finalize raised ZeroDivisionError"),
    "initialize": ({"initialize": lambda s, p: 1 / 0}, r"§9: initialize raised ZeroDivisionError"),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_refused_with_its_paragraph(
    tmp_path: Path, broken: Callable[..., str], breach: str
) -> None:
    members, message = BREACHES[breach]
    domain = probe_domain(
        tmp_path, python_type=broken(**members), allow_exceed_end_time=False, model_params={"k": 0.2}
    )
    with pytest.raises(DriverError, match=message):
        domain.run()


STATE_BREACHES: dict[str, tuple[str, dict[str, Any], str]] = {
    "unit": ("A", {"get_var_units": lambda s, n: "B" if n.endswith("size") else Good.get_var_units(s, n)}, r"§10: ngen::serialization_size must have the unit 'bytes', not 'B'"),
    "type": ("A", {"get_var_type": lambda s, n: "int32" if n.endswith("size") else Good.get_var_type(s, n), "get_var_itemsize": lambda s, n: 4 if n.endswith("size") else Good.get_var_itemsize(s, n)}, r"§10: ngen::serialization_size must be int64, not int32"),
    "none": ("A", {"get_var_units": lambda s, n: Good.units[n]}, r"§9: get_var_units raised KeyError"),
    "empty": ("A", {"set_value": lambda s, n, v: None}, r"§10: serialization_state is 0 uint8"),
    "size": ("B", {"get_value_ptr": lambda s, n: np.array([7], np.uint64) if n.endswith("size") else Good.get_value_ptr(s, n)}, r"§10: serialization_state is 72 uint8, and serialization_size 7 bytes"),
    "int64 in B": ("B", {"get_value_ptr": lambda s, n: Good.get_value_ptr(s, f"ngen::{n}")}, r"§10: serialization_size must be 1 uint64"),
}  # fmt: skip


@pytest.mark.parametrize("breach", STATE_BREACHES)
def test_a_breach_of_state_saving_is_refused(tmp_path: Path, broken: Callable[..., str], breach: str) -> None:
    dialect, members, message = STATE_BREACHES[breach]
    (tmp_path / "config.json").write_text("{}")
    model = Adapter(broken(**members), tmp_path / "config.json", Judge())
    with pytest.raises(DriverError, match=message):
        save(model, dialect)  # type: ignore[arg-type]


def test_the_bytes_announced_must_be_the_bytes_expected(tmp_path: Path, broken: Callable[..., str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    kind = broken(get_var_nbytes=lambda s, n: Good.get_value_ptr(s, n).nbytes)
    model = Adapter(kind, tmp_path / "config.json", Judge())
    with pytest.raises(DriverError, match=r"get_var_nbytes\(.*state\) is 0, not the 72 bytes just announced"):
        restore(model, "A", save(model, "A"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"python_type": "Good"}, r"§1: python_type 'Good' must be package.module.Class"),
        ({"python_type": "tests.ngen.probes.Nobody"}, r"§1: cannot import tests.ngen.probes.Nobody"),
        ({"python_type": "nowhere.Good"}, r"§1: cannot import nowhere.Good: No module named 'nowhere'"),
        ({"module_path": "./nowhere"}, r"§1: module_path .*nowhere is no existing folder"),
        ({"init_config": "./config/none.yml"}, r"§1: init_config .*none.yml is no readable file"),
        ({"uses_forcing_file": True}, r"§5: uses_forcing_file and forcing_file: parameter was removed"),
        ({"forcing_file": ""}, r"§5: uses_forcing_file and forcing_file: parameter was removed"),
        ({"variables_names_map": {T: "temperature"}}, r"§6: no forcing and no earlier module gives temperature"),
        ({"main_output_variable": "runoff"}, r"§8: main_output_variable runoff is no published output"),
        ({"output_variables": [DEPTH, "puddle"]}, r"§8: output_variables: puddle is no published output"),
        ({"output_variables": [P]}, r"§8: output_variables: atmosphere_water.* is no published output"),
        ({"output_variables": [DEPTH], "output_header_fields": ["a", "b"]}, r"§8: 2 output_header_fields for 1"),
        ({"model_params": {"k": [0.1, 0.2]}}, r"§8: k takes 1 values and was given 2"),
        ({"model_params": {"k": "large"}}, r"§8: model_params: k is 'large', no number or list: it is left out"),
        ({"model_params": {"k": True}}, r"§8: model_params: k is True, no number or list"),
        ({"model_params": {"fc": 1.0}}, r"§9: get_var_itemsize raised KeyError: 'fc'"),
        ({"mass_balance": BALANCE | {"frequency": -1}}, r"§10: mass_balance with frequency -1 never fires"),
    ],
)  # fmt: skip
def test_a_breach_of_the_realization_is_refused(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(DriverError, match=message):
        probe_domain(tmp_path, **params).run()


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("forcing/cat-1.csv", "2000-12-20 05:", "2000-12-20 07:", r"§6: .*cat-1.csv: row 6 is of 2000-12-20 07:00:00 and would be"),
        ("forcing/cat-1.csv", "2000-12-20 00:", "2000-12-20 01:", r"§6: .*cat-1.csv does not reach back to 2000-12-20"),
        ("forcing/cat-1.csv", "20 03:00:00,", "20 03:00:00,,", r"§6: .*cat-1.csv: column precip_rate has a cell that is no number"),
        ("realization.json", '2000-12-21 23', '2000-12-22 05', r"§6: .*cat-1.csv has 48 h from .* was asked for at 2000-12-22"),
        ("realization.json", "bmi_python", "bmi_fortran", r"§1: formulation 'bmi_fortran' is not bmi_python or bmi_multi"),
        ("realization.json", "{{id}}.csv", "{{id}}.txt", r"§6: 0 files in .*forcing match cat\\-1.txt"),
        ("realization.json", "CsvPerFeature", "NullForcingProvider", r"§8: forcing provider 'NullForcingProvider'"),
        ("catchments.geojson", "areasqkm", "acres", r"§7: .*: cat-1 has neither areasqkm nor area_sqkm"),
        ("catchments.geojson", "nex-1", "nex-9", r"§7: cat-1 drains to nex-9, which is no nexus"),
    ],
)  # fmt: skip
def test_a_breach_of_the_files_is_refused(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    domain = probe_domain(tmp_path)
    rewrite(tmp_path / file, old, new)
    with pytest.raises(DriverError, match=message):
        domain.run()


def test_a_lenient_driver_goes_on_where_ngen_does_and_warns_once(
    tmp_path: Path, broken: Callable[..., str]
) -> None:
    domain = probe_domain(tmp_path, python_type=broken(**units_of(**{T: "C", DEPTH: "mm h-1"})))
    simulation = domain.run(lenient=True)
    assert [w[:2] for w in simulation.warnings] == ["§4", "§4"]
    assert simulation.depth == probe_domain(tmp_path / "good").run().depth, "the number is taken as it is"
    with domain.open(lenient=True) as again:
        kelvin = again.run(1).adapter("cat-1").pointer(T)[0]
    assert kelvin == hourly(2, 1)["cat-1"]["TMP_2maboveground"][0], "kelvin arrive unconverted"


def test_a_daily_clock_gets_the_first_hour_for_ever(tmp_path: Path, broken: Callable[..., str]) -> None:
    kind = broken(update=only_whole_days)
    domain = probe_domain(tmp_path, python_type=kind, mass_balance={"check": False}, output_variables=[STORE])
    simulation = domain.run(lenient=True)
    assert any("get_current_time is 0.0" in w for w in simulation.warnings)
    assert simulation.adapter("cat-1")._model.values[P][0] == 3600.0 * hourly(2, 1)["cat-1"]["precip_rate"][0]


def test_nan_goes_to_the_nexus_where_nobody_minds(tmp_path: Path, broken: Callable[..., str]) -> None:
    simulation = probe_domain(tmp_path, python_type=broken(update=not_a_number)).run(lenient=True)
    assert np.isnan(simulation.flow["nex-1"]).all()


def test_an_array_input_in_the_wrong_unit_ends_the_run_even_so(
    tmp_path: Path, broken: Callable[..., str]
) -> None:
    kind = broken(**units_of(**{T: "C"}))
    domain = probe_domain(tmp_path, python_type=kind, config={"size": 2}, mass_balance=None)
    with pytest.raises(DriverError, match=r"§4: array input land_surface_air__temperature"):
        domain.run(lenient=True)
