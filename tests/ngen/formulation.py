"""What ngen does with the modules of one catchment: `bmi_python`, one; `bmi_multi`, a chain (§2, §8)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from typing import Any

from tests.ngen.adapter import Adapter, Slot
from tests.ngen.forcing import Forcing
from tests.ngen.hydrofabric import Catchment
from tests.ngen.protocols import MassBalance
from tests.ngen.realization import Realization
from tests.ngen.rules import LAYER_STEP, Judge
from tests.ngen.units import NotConvertible, convert

Restore = Callable[[Adapter, str], None]
"""Called with a component and its record's key, once it is initialised and has its parameters."""


class Module:
    """One component of a formulation, initialised as ngen does.

    Attributes:
        aliases: the module's own name of each output by the name others know it by.
        key: `<catchment>:<model_type_name>`, under which its state is kept.
    """

    def __init__(
        self, params: Mapping[str, Any], catchment: Catchment, run: Realization, judge: Judge, restore: Restore | None
    ) -> None:  # fmt: skip
        self._judge = judge
        self.key = f"{catchment.name}:{params['model_type_name']}"
        path = params.get("module_path")
        self.model = Adapter(
            params["python_type"], run.config_file(dict(params), catchment.name), judge,
            module_path=run.root / path if path else None,
        )  # fmt: skip
        self._time_units = self.model.call("get_time_units")
        try:
            self._length = convert(float(LAYER_STEP), "s", self._time_units or "no unit")
        except NotConvertible as error:
            raise judge.abort("§4", f"time units {self._time_units!r}: {error}") from None
        for name, value in params.get("model_params", {}).items():
            self._set_parameter(name, value, catchment)
        if restore is not None:
            restore(self.model, self.key)
        self._start = self.model.call("get_start_time")
        if self._start != 0.0:
            raise judge.abort("§5", f"bad init_time: get_start_time is {self._start!r}, not 0")
        self._offset = run.start
        outputs = self.model.item_names("output")
        self._map: dict[str, str] = params.get("variables_names_map", {})
        self.aliases = {self._map.get(name, name): name for name in outputs}
        self._allow_beyond_end = bool(params.get("allow_exceed_end_time", False))
        self._cached: dict[str, Slot] | None = {} if params.get("cache_input_variable_metadata") else None
        self._steps = 0
        self.mass = MassBalance(self.model, params.get("mass_balance"))

    def _set_parameter(self, name: str, value: Any, catchment: Catchment) -> None:
        if isinstance(value, dict) and value.get("source") == "hydrofabric":
            value = catchment.properties[value["from"]]
        if isinstance(value, (str, bool)):
            self._judge.misread("§8", f"model_params: {name} is {value!r}, no number or list: it is left out")
            return
        self.model.set(name, value, self.model.parameter_slot(name))

    def advance(self, provider: Callable[[str, dt.datetime], tuple[str, Any]]) -> None:
        """One step of the layer: the clock, the inputs, `update` or `update_until`.

        Args:
            provider: gives unit and value of a name at a time.
        """
        model = self.model
        now = model.call("get_current_time")
        if self._steps == 0 and now != self._start:
            raise self._judge.abort(
                "§5", f"bad init_time: get_current_time is {now!r}, get_start_time {self._start!r}"
            )
        if abs(now - self._start - self._steps * self._length) > 1e-6 * self._length:
            self._judge.misread(
                "§5", f"after {self._steps} steps of {self._length} {self._time_units} get_current_time is {now!r}, "
                "so the forcing of another hour would be asked for"
            )  # fmt: skip
        if not self._allow_beyond_end and now + self._length > model.call("get_end_time"):
            raise self._judge.abort("§5", f"the step from {now!r} ends after get_end_time")
        now = model.call("get_current_time")
        time = self._offset + dt.timedelta(seconds=round(convert(now, self._time_units, "s")))
        inputs = model.item_names("input")
        both = set(inputs) & set(self.aliases.values())
        if both:
            self._judge.misread("§3", f"{', '.join(sorted(both))}: both input and output")
        for name in inputs:
            slot = self._slot(name)
            model.set(name, self._converted(name, slot, *provider(self._map.get(name, name), time)), slot)
        if model.call("get_time_step") == self._length:
            model.call("update")
        else:
            model.call("update_until", now + self._length)
        self._steps += 1

    def _slot(self, name: str) -> Slot:
        if self._cached is None:
            return self.model.input_slot(name)
        if name not in self._cached:
            self._cached[name] = self.model.input_slot(name)
        return self._cached[name]

    def _converted(self, name: str, slot: Slot, unit: str, value: Any) -> Any:
        try:
            return convert(value, unit, slot.units)
        except NotConvertible as error:
            if slot.length > 1:
                raise self._judge.abort("§4", f"array input {name}: {error}") from None
            self._judge.misread("§4", f"input {name}: {error}: the value comes unconverted")
            return value

    def read(self, alias: str, unit: str | None = None) -> tuple[str, float]:
        """Unit and value of an output, converted to `unit` if one is given."""
        name = self.aliases[alias]
        value, own = self.model.read(name), self.model.units(name)
        if unit is None:
            return own, value
        try:
            return unit, convert(value, own, unit)
        except NotConvertible as error:
            self._judge.misread("§4", f"output {name}: {error}: its number is taken for {unit}")
            return unit, value


class Formulation:
    """All modules of a catchment."""

    def __init__(
        self, catchment: Catchment, run: Realization, judge: Judge, *, restore: Restore | None = None
    ) -> None:
        self.catchment, self._judge = catchment, judge
        name, params = run.formulation(catchment.name)
        nested = [m["params"] for m in params["modules"]] if name == "bmi_multi" else [params]
        self._forcing: Forcing = run.forcing(catchment.name)
        self.modules: list[Module] = []
        for module in nested:
            self.modules.append(Module(module, catchment, run, judge, restore))
            self._no_name_twice()
        self._main: str = params["main_output_variable"]
        if self._main not in self._published:
            raise judge.abort("§8", f"main_output_variable {self._main} is no published output")
        self.written, self.headers = self._outputs(params)
        for alias in self.written:
            if alias in self._published:
                self._published[alias].model.units(self._published[alias].aliases[alias])

    @property
    def _published(self) -> dict[str, Module]:
        return {alias: module for module in self.modules for alias in module.aliases}

    def _no_name_twice(self) -> None:
        if len(self.modules) == 1:
            return
        *earlier, last = self.modules
        taken = {*self._forcing.series, *(alias for module in earlier for alias in module.aliases)}
        if twice := taken & set(last.aliases):
            raise self._judge.abort(
                "§8", f"output {', '.join(sorted(twice))} is a forcing or an earlier module's output"
            )

    def _outputs(self, params: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        names = list(params.get("output_variables", self.modules[-1].aliases))
        headers = list(params.get("output_header_fields", names))
        if len(headers) != len(names):
            self._judge.misread(
                "§8", f"{len(headers)} output_header_fields for {len(names)} output_variables"
            )
            headers = names
        return names, headers

    def step(self, number: int, time: dt.datetime) -> tuple[float, list[float]]:
        """Step `number` from `time`: the main output in m, and every written output."""
        for k, module in enumerate(self.modules):
            module.advance(lambda name, at, k=k: self._provide(name, at, k))  # type: ignore[misc]
        _, depth = self._published[self._main].read(self._main, "m")
        if math.isnan(depth):
            self._judge.misread(
                "§7", f"{self.catchment.name}: {self._main} is NaN after step {number} and goes to the nexus"
            )
        for module in self.modules:
            module.mass.check(number)
        return depth, [self._written(name, time) for name in self.written]

    def _provide(self, name: str, time: dt.datetime, before: int) -> tuple[str, float]:
        """An input of module number `before`: what an earlier module published, else the weather."""
        for module in self.modules[:before]:
            if name in module.aliases:
                return module.read(name)
        if name not in self._forcing.series:
            raise self._judge.abort("§6", f"no forcing and no earlier module gives {name}")
        return self._forcing.series[name].unit, self._forcing.value(name, time)

    def _written(self, name: str, time: dt.datetime) -> float:
        if name in self._published:
            return self._published[name].read(name)[1]
        if len(self.modules) > 1 and name in self._forcing.series:
            return self._forcing.value(name, time)
        raise self._judge.abort("§8", f"output_variables: {name} is no published output")
