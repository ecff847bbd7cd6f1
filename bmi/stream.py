"""The daily core run step by step: calendar, the day's hours, its water given out, books and flags.

The hours of a local day are gathered, the core runs at its end, and the day's water leaves evenly
over the next day. In daily steps the water leaves with the step.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi import start
from bmi.configuration import BmiConfig
from bmi.day import Day
from bmi.inputs import Inputs
from bmi.ledger import Ledger
from bmi.quality import Quality
from bmi.saved import Saved
from bmi.variables import INPUT_FAULTS, OUTPUT_LAG, OUTPUTS, QUALITY, ROW, RUNOFF_DEPTH
from dhbv.errors import DhbvError, StateError
from dhbv.physics.hargreaves import extraterrestrial_radiation
from dhbv.runtime import Runtime
from dhbv.state import State

Float = NDArray[Any]
_log = logging.getLogger("bmi")

_STANDING, _COMING, _GIVEN = range(3)
"""Flags that last, those of the water given out next, and of the water given out now."""


class Stream:
    """N catchments between two steps.

    Args:
        config: the component's configuration.
        inputs: its weather, whose holds and counts are part of what is saved.
    """

    def __init__(self, config: BmiConfig, inputs: Inputs) -> None:
        size = len(config.catchments)
        self._config, self._inputs = config, inputs
        self._hours = config.time_step // 3600
        self._clock = _hours_of(config.begins)
        """UTC in hours, since numpy's dates take microseconds; from the state once it runs, not from the BMI clock."""
        self.ledger = Ledger(size)
        self._values = np.zeros((len(OUTPUTS), size))
        self.outputs = dict(zip(OUTPUTS, self._values, strict=True))
        """Every output [N] by name, fixed in memory."""
        self._of_the_day = self._values[1 : 1 + len(ROW)]
        """The rows of the variable table, in its order."""
        self.outputs[OUTPUT_LAG][:] = 0.0 if self._hours == 24 else 86400.0
        inputs.faults = self.outputs[INPUT_FAULTS]  # counted where they are shown
        self._day = Day(size)
        self._flags = np.zeros((3, size), np.int64)
        self._quality = np.zeros(size, np.int64)
        """Of the day whose water is given out."""
        self._share: Float = np.zeros(size)
        self._given = False
        """Whether the outputs show this day's water."""
        self._storage: Float = np.zeros(size)
        self._cold_until = self._today
        self._restored = False
        self._told_flat = False
        self._runtime: Runtime | None = None
        self._state: State | None = None
        self._radiation: Float | None = None
        """[366, N] Ra of each day of the year for Hargreaves; None where Ep is given."""

    @property
    def runtime(self) -> Runtime | None:
        """The model; none before it runs."""
        return self._runtime

    @property
    def now(self) -> Any:
        """UTC, where the next step begins."""
        return np.datetime64(self._clock, "h")

    @property
    def _today(self) -> Any:
        """The local day."""
        return np.datetime64((self._clock + self._config.utc_offset) // 24, "D")

    @property
    def _hour(self) -> int:
        """Of the local day, 0 to 23."""
        return (self._clock + self._config.utc_offset) % 24

    def begin(
        self,
        runtime: Runtime,
        latitude: Float | None,
        source: start.Source,
        stores: Mapping[str, Float] = MappingProxyType({}),
    ) -> None:
        """Start the model as `source` says, and set `stores`; with a latitude [N], Ep is Hargreaves'."""
        first = source(runtime, latitude, self._today)
        for name, values in stores.items():  # one that is refused is refused before the model runs
            runtime.with_store(first.state, name, values.tolist())
        quality = first.quality | Quality.NO_DAY
        if Quality.COLD_START in quality:
            self._cold_until = self._today + start.COLD_DAYS
        self._run(runtime, latitude)
        self._flags[_STANDING] = start.attribute_flags(runtime.attributes) | quality
        self._quality[:] = self.outputs[QUALITY][:] = self._flags[_STANDING]
        self._show(runtime, first.state)
        self._share[:] = first.state.discharge / 24.0
        self._given = False
        self.ledger.open(self._held())
        for name, values in stores.items():
            self.set_store(name, values)

    def _run(self, runtime: Runtime, latitude: Float | None) -> None:
        self._runtime = runtime
        self._radiation = None
        if latitude is not None:
            self._radiation = extraterrestrial_radiation(latitude, np.arange(1, 367)[:, None])

    def advance(self, p: Float, tmin: Float, tmax: Float, ep: Float | None) -> None:
        """One step with its weather, each [N]: rates p and ep in mm h-1, temperatures in degC."""
        depth = p if self._hours == 1 else self._hours * p
        self._day.add(self._hours, depth, tmin, tmax, None if ep is None else self._hours * ep)
        self.ledger.flow(depth, 0.0 if self._hours == 24 else self._share)
        self._clock += self._hours
        if self._hours == 24:
            self._end_day()
            self.ledger.flow(0.0, 24.0 * self._share)
            self._give()
        else:
            self._give()
            if self._hour == 0:
                self._end_day()
        self.ledger.close(self._held())

    def set_store(self, name: str, values: Float) -> None:
        """Set the depth of a store [N], mm, and book what that adds or removes."""
        runtime, state = self._running()
        before = self._storage.copy()
        self._show(runtime, runtime.with_store(state, name, values.tolist()))
        change = self._storage - before
        self.ledger.book(change)
        self.ledger.close(self._held())
        self._flags[_COMING, change != 0.0] |= Quality.STORE_SET

    def _give(self) -> None:
        """The step's share of a day's water leaves: the same in each of its steps."""
        if self._given:
            return
        np.multiply(self._share, self._hours / 1000.0, out=self.outputs[RUNOFF_DEPTH])
        self.outputs[QUALITY][:] = self._quality
        self._given = True

    def _held(self) -> Float:
        """All water in the component [N], mm."""
        hours_left = 0 if self._hours == 24 else 24 - self._hour
        held: Float = self._storage + self._day.p + hours_left * self._share
        return held

    def _end_day(self) -> None:
        """Run the day that is complete."""
        runtime, state = self._running()
        day = self._today - 1
        radiation = None if self._radiation is None else self._radiation[start.day_of_year(day) - 1]
        weather = self._day.forcing(radiation)
        state, outputs = runtime.step(state, weather)
        if not np.isfinite(state.discharge).all():
            catchment = self._config.catchments[int(np.argmin(np.isfinite(state.discharge)))]
            raise DhbvError(
                f"catchment {catchment}: the discharge of {day} is not finite, although its weather is: the weights "
                f"of {runtime.model.path} cannot be run; use another version"
            )
        self._of_the_day[:] = list(outputs.values())
        self._state = state
        self._share[:] = state.discharge / 24.0
        self._storage[:] = runtime.storage(state)
        self._given = False
        self.ledger.flow(0.0, outputs["et"])
        self.ledger.end_day()
        self._inputs.usual_temperature[:] = weather[:, 1]
        self._flag_day(day)
        self._day.empty()

    def _flag_day(self, day: Any) -> None:
        """The flags of the `day` just run become those of its water."""
        standing, coming, given = self._flags
        np.bitwise_or(coming, self._inputs.flags, out=given)
        if self._day.hours != 24:
            given |= Quality.INCOMPLETE_DAY
        elif self._radiation is not None:
            self._flag_flat(day, given)
        coming[:] = self._inputs.flags[:] = 0
        standing &= ~Quality.NO_DAY
        if self._today >= self._cold_until:
            standing &= ~Quality.COLD_START
        np.bitwise_or(standing, given, out=self._quality)

    def _flag_flat(self, day: Any, given: NDArray[np.int64]) -> None:
        """Flag where the temperature never changed on a `day`: Hargreaves' Ep is zero then."""
        flat = self._day.tmin == self._day.tmax
        if not flat.any():
            return
        given[flat] |= Quality.INCOMPLETE_DAY
        if not self._told_flat:
            self._told_flat = True
            _log.warning(
                "catchment %s: the temperature of %s is the same all day, so Hargreaves evaporation is zero; such days "
                "are flagged in `quality`, and further ones are without a word",
                self._config.catchments[int(np.argmax(flat))], day,
            )  # fmt: skip

    def _show(self, runtime: Runtime, state: State) -> None:
        """Go on from `state`, and show what it tells by itself."""
        standing = runtime.standing(state)
        for name, row in ROW.items():
            if row.name in standing:
                self.outputs[name][:] = standing[row.name]
        # After a gap the run has another date than the state.
        self._state = replace(state, time=self._today)
        self._storage[:] = runtime.storage(state)

    def _running(self) -> tuple[Runtime, State]:
        assert self._runtime is not None, "begin or restore first"
        assert self._state is not None
        return self._runtime, self._state

    def save(self) -> bytes:
        """Everything needed to go on bit by bit."""
        _, state = self._running()
        run = {
            "start": str(self._config.begins),
            "now": str(self.now),
            "cold_until": str(self._cold_until),
            "hours": self._day.hours,
        }
        return Saved(state, self._setting(), run, self._carried()).to_bytes()

    def restore(self, data: bytes, runtime: Runtime, latitude: Float | None, elapsed: Any) -> None:
        """Go on from what `save` gave; anything else leaves the stream as it was.

        Args:
            data: the bytes.
            runtime: the model they must fit.
            latitude: as in `begin`.
            elapsed: time since the configured start by the BMI clock, whole hours.

        Raises:
            StateError: if they are damaged, foreign, or of another model, catchments or configuration.
            ConfigurationError: if their date is too far from the run's.
        """
        saved = Saved.from_bytes(data)
        ours = self._setting()
        other = [key for key in ours if saved.setting.get(key) != ours[key]]
        if other:
            told = ", ".join(f"{key} {saved.setting.get(key)} (here {ours[key]})" for key in other)
            raise StateError(
                f"the component state was saved with {told}: restore it with the same configuration"
            )
        runtime.storage(saved.core)  # refuses a state of another model or other catchments
        carried = self._carried()
        for name, array in carried.items():
            if name not in saved.arrays or saved.arrays[name].shape != array.shape:
                raise StateError(f"the component state is not complete: no {name}; start from a spin-up")
        now, quality = self._calendar_of(saved, elapsed)
        self._run(runtime, latitude)
        self._restored = True
        self._clock = _hours_of(np.datetime64(saved.run["now"], "h"))
        self._state = saved.core
        self._cold_until, self._day.hours = np.datetime64(saved.run["cold_until"], "D"), saved.run["hours"]
        for name, array in carried.items():
            array[:] = saved.arrays[name]
        # Other parameters of routing hold another depth of the same days' runoff.
        storage = runtime.storage(saved.core)
        self.ledger.book(storage - self._storage)
        self._storage[:] = storage
        self._go_to(now, quality)

    def go_back(self) -> None:
        """Where it was restored, to the configured start: the BMI clock begins anew there (`reset_time`).

        Raises:
            ConfigurationError: if that is too far from its date.
        """
        if self._restored:
            self._go_to(self._config.begins, self._gap(self.now, self._config.begins))

    def _go_to(self, now: Any, quality: Quality) -> None:
        """Go on at another time, with a flag that says so."""
        _, state = self._running()
        hours_left = 24 - self._hour
        self._clock = _hours_of(now)
        self._state = replace(state, time=self._today)
        # Where a gap moves the hour of the day, what is left of its water leaves over the hours now left.
        self._share *= hours_left / (24 - self._hour)
        self._given = False
        shown = self.outputs[QUALITY]
        shown[:] = shown.astype(np.int64) | quality
        self._flags[_STANDING] |= quality
        self._quality |= quality
        self.ledger.close(self._held())

    def _setting(self) -> dict[str, Any]:
        """What must be the same where a saved stream goes on."""
        return {
            key: getattr(self._config, key) for key in ("time_step", "utc_offset", "pet", "hillslope_routing")
        }

    def _carried(self) -> dict[str, Float]:
        """The arrays beside the core's state that make up the stream."""
        return {
            "day": self._day.sums,
            "outputs": self._values,
            "flags": self._flags,
            "quality": self._quality,
            "books": self.ledger.books,
            "share": self._share,
            "storage": self._storage,
            **self._inputs.carried(),
        }

    def _calendar_of(self, saved: Saved, elapsed: Any) -> tuple[Any, Quality]:
        """When a restored state goes on: at its own time, if it is of this run or fits its date."""
        then, begun = (np.datetime64(saved.run[key], "h") for key in ("now", "start"))
        configured = self._config.begins
        expected = configured + elapsed
        if begun == configured:
            if then != expected:
                _log.warning(
                    "%s: goes on at %s UTC, the date of the restored state, as the same run that starts %s; for another "
                    "date give start_time that of the new run, or set `reset_time`",
                    ", ".join(self._config.catchments[:3]), then, configured,
                )  # fmt: skip
            return then, Quality(0)
        return expected, self._gap(then, expected)

    def _gap(self, then: Any, expected: Any) -> Quality:
        """The flag of going on at `expected` from a state of `then`; see `start.gap`."""
        hours = int((expected - then).astype(int))
        days = -(-abs(hours) // 24) * (1 if hours > 0 else -1)
        what = f"the restored state is valid at {then} UTC and the run at {expected}"
        return start.gap(days, self._config, what)


def _hours_of(time: np.datetime64) -> int:
    """A whole hour as their number since 1970."""
    return int(time.astype("datetime64[h]").astype(np.int64))
