"""The weather as it is set from outside, and what becomes of values that cannot be true.

Every hour costs microseconds, so the usual case, all set and all plausible, takes four array operations.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bmi.configuration import InputsConfig
from bmi.quality import Quality
from dhbv.errors import DhbvError

Float = NDArray[np.float64]

P = "atmosphere_water__liquid_equivalent_precipitation_rate"
T = "land_surface_air__temperature"
T_MIN = "land_surface_air__time_min_of_temperature"
T_MAX = "land_surface_air__time_max_of_temperature"
EP = "water_potential_evaporation_flux"


class Input(NamedTuple):
    """What an input is and which values weather can have."""

    unit: str
    lower: float
    upper: float


_TEMPERATURE = Input("degC", -100.0, 70.0)
INPUTS = {
    P: Input("mm h-1", 0.0, 1000.0),
    EP: Input("mm h-1", 0.0, 20.0),
    T: _TEMPERATURE,
    T_MIN: _TEMPERATURE,
    T_MAX: _TEMPERATURE,
}
_KELVIN = (150.0, 350.0)
"""Numbers that can only be a temperature in kelvin."""
_FREEZING = 273.15
_FILL_VALUE = -900.0
"""At or below it a negative rate is a fill value (-999, -9999), above it a faulty measurement."""

_RAIN_HOLD = 3
"""Hours for which rain is held at most: a cloudburst repeated for a day would be a flood that never was."""

_OK, _MISSING, _NEGATIVE, _KELVINS, _UNSET, _CROSSED = range(6)
_FAULTS = {
    _MISSING: "missing", _NEGATIVE: "negative", _KELVINS: "kelvin", _UNSET: "unset", _CROSSED: "missing",
}  # fmt: skip
"""The faults and the keys of their policies."""

_log = logging.getLogger("bmi")


class Inputs:
    """The inputs of N catchments.

    Args:
        names: of the inputs, from `INPUTS`.
        catchments: their ids, for messages.
        policies: what is done with faulty values.
        usual_temperature: degC, fills a temperature before there is anything better.
        source: the configuration file, for messages.
        hours: in a step.
    """

    def __init__(
        self,
        names: Sequence[str],
        catchments: Sequence[str],
        policies: InputsConfig,
        usual_temperature: float,
        source: str,
        hours: int = 1,
    ) -> None:
        self.names, self._catchments = tuple(names), catchments
        self._policies, self._source, self._hours = policies, source, hours
        shape = (len(self.names), len(catchments))
        self.values = np.zeros(shape)
        """[input, N] as set from outside, never changed here."""
        self.good = np.zeros(shape)
        """[input, N] the last good value of each."""
        self.age = np.full(shape, np.inf)
        """[input, N] hours since `good` was given; infinite before the first."""
        self.flags = np.zeros(len(catchments), np.int64)
        """[N] what was done to the values since the last day's end, see `Quality`."""
        self.faults = np.zeros(len(catchments))
        """[N] values replaced so far."""
        self.usual_temperature = np.full(len(catchments), usual_temperature)
        """[N] degC, what a filled temperature is: the last day's mean."""
        self._lower = np.array([[INPUTS[name].lower] for name in self.names])
        self._upper = np.array([[INPUTS[name].upper] for name in self.names])
        self._temperature = np.array([[INPUTS[name].unit == "degC"] for name in self.names])
        hold = policies.hold_hours
        self._longest = np.array([[min(hold, _RAIN_HOLD) if name == P else hold] for name in self.names])
        self._row = {name: k for k, name in enumerate(self.names)}
        self._range = [self._row[T_MIN], self._row[T_MAX]] if T_MIN in self._row else []
        self._pointed: set[str] = set()
        self._set: set[str] = set()
        self._partly: dict[str, NDArray[np.bool_]] = {}
        """[N] where an input was set that was not set in all catchments."""
        self._used = (self._set, self._partly)
        """What was set for the last step."""
        self._told: set[int] = set()

    def was_set(self, name: str, where: Any = None) -> None:
        """The input `name` has a new value, in the catchments of the indices `where` or in all."""
        if where is None:
            self._set.add(name)
        else:
            self._partly.setdefault(name, np.zeros(len(self._catchments), bool))[where] = True

    def was_pointed_to(self, name: str) -> None:
        """Somebody holds the array of `name` and may set it unseen."""
        self._pointed.add(name)

    def repeat(self) -> None:
        """The caller wants another step with the values that were set for the last."""
        everywhere, partly = self._used
        self._set |= everywhere
        for name, where in partly.items():
            self.was_set(name, where)

    def carried(self) -> dict[str, NDArray[Any]]:
        """The arrays that a saved component needs to treat the next faults alike."""
        return {
            "age": self.age, "good": self.good, "faults": self.faults,
            "input_flags": self.flags, "usual_temperature": self.usual_temperature,
        }  # fmt: skip

    def take(self, now: np.datetime64) -> Float:
        """The weather of the step that begins at `now`, [input, N], all values possible.

        Raises:
            DhbvError: if a value is faulty and the policy is to refuse; nothing has changed then.
        """
        x = self.values
        possible = (x >= self._lower) & (x <= self._upper)
        whole = len(self._set) == len(self.names) and np.count_nonzero(possible) == x.size
        if whole and not (self._range and self._crossed().any()):
            self._taken()
            self.good[:] = x
            self.age.fill(0.0)
            return x
        return self._mended(now)

    def _mended(self, now: np.datetime64) -> Float:
        fault = self._classified()
        for kind, key in _FAULTS.items():
            found = np.argwhere(fault == kind)
            if found.size:
                self._tell_or_refuse(kind, key, found, now)
        used = self.values.copy()
        well = fault == _OK
        if self._policies.kelvin == "convert":
            well |= fault == _KELVINS
        self.age[:] = np.where(well, 0.0, self.age + self._hours)
        for kind, key in _FAULTS.items():
            where = fault == kind
            if where.any():
                self._replace(used, where, getattr(self._policies, key))
        self.good[:] = np.where(well, used, self.good)
        if self._range:  # what stands in for one may cross the other
            used[self._range] = np.sort(used[self._range], axis=0)
        self.faults += (fault != _OK).sum(0)
        self._taken()
        return used

    def _taken(self) -> None:
        self._used = (self._set, self._partly)
        self._set, self._partly = set(), {}

    def _crossed(self) -> NDArray[np.bool_]:
        """Where the day's lowest temperature lies above its highest, [N]."""
        low, high = self.values[self._range]
        crossed: NDArray[np.bool_] = low > high
        return crossed

    def _classified(self) -> NDArray[np.int_]:
        """What is wrong with each value [input, N]."""
        x, rate = self.values, ~self._temperature
        fault = np.where((x >= self._lower) & (x <= self._upper), _OK, _MISSING)
        fault[rate & (x < 0.0) & (x > _FILL_VALUE)] = _NEGATIVE
        fault[self._temperature & (x > _KELVIN[0]) & (x < _KELVIN[1])] = _KELVINS
        nowhere = np.zeros(len(self._catchments), bool)
        for name in set(self.names) - self._set - self._pointed:
            fault[self._row[name], ~self._partly.get(name, nowhere)] = _UNSET
        if self._range:
            crossed = self._crossed() & (fault[self._range] == _OK).all(0)
            fault[np.ix_(self._range, crossed)] = _CROSSED
        return fault

    def _replace(self, used: Float, where: NDArray[np.bool_], policy: str) -> None:
        if policy == "convert":
            used[where] -= _FREEZING
            self._flag(where, Quality.CONVERTED)
            return
        held = where & (self.age <= self._longest) if policy == "hold" else np.zeros_like(where)
        filled = where & ~held
        used[held] = self.good[held]
        usual = np.where(self._temperature, self.usual_temperature, 0.0)
        used[filled] = usual[filled]
        self._flag(held, Quality.HELD)
        self._flag(filled, Quality.FILLED)

    def _flag(self, where: NDArray[np.bool_], flag: Quality) -> None:
        self.flags[where.any(0)] |= flag

    def _tell_or_refuse(self, kind: int, key: str, found: NDArray[np.intp], now: np.datetime64) -> None:
        """One line at the first fault of a kind, or the error that the policy asks for."""
        k, n = (int(i) for i in found[0])
        name, policy = self.names[k], getattr(self._policies, key)
        value = "was not set" if kind == _UNSET else f"is {self.values[k, n]:g} {INPUTS[name].unit}"
        if kind == _CROSSED:
            value += f", above {T_MAX} {self.values[self._row[T_MAX], n]:g} degC,"
        what = f"catchment {self._catchments[n]}: {name} {value} at {now}"
        if policy == "refuse":
            raise DhbvError(
                f"{what} ({len(found)} such values in this step), and inputs.{key} is `refuse`: correct the "
                f"forcing, or set inputs.{key} to hold or fill in {self._source}"
            )
        if kind not in self._told:
            self._told.add(kind)
            _log.warning(
                "%s; it is replaced (inputs.%s: %s), counted in `input_faults` and flagged in `quality`, and "
                "further ones are too without a word", what, key, policy,
            )  # fmt: skip
