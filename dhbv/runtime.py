"""A trained model as a stream, one day at a time, any number of basins at once; numpy alone.

forcing → gA → parameters → one day of HBV → routing → fluxes, with everything carried from day
to day in a `State`: `step(state, forcing) → state, outputs`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dhbv.errors import DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.network_stream import NetworkStream, NetworkWeights
from dhbv.normalisation import normalise_attributes, normalise_forcing, refuse_ungauged
from dhbv.physics import hbv, unit_hydrograph, variables
from dhbv.physics.parameters import PARAMETERS, ROUTING_PARAMETERS, Variant
from dhbv.physics.weather import check_weather
from dhbv.state import State

Float = NDArray[np.floating]

OUTPUTS = tuple(variables.VARIABLES)
"""All a day can tell: every row of the variable table."""

_STORES = tuple(v.name for v in variables.VARIABLES.values() if v.kind == "store" and v.stage == "step")
SETTABLE = (*_STORES, "routing_store")
"""Stores whose depth can be set in a state, for data assimilation."""


@functools.lru_cache(maxsize=32)
def _of_step(outputs: tuple[str, ...]) -> tuple[str, ...]:
    """What the day's step must tell: runoff, and those of `outputs` that arise there."""
    more = (n for n in outputs if n not in variables.RUNOFF and variables.VARIABLES[n].stage == "step")
    return (*variables.RUNOFF, *more)


@functools.lru_cache(maxsize=8)
def _shared_weights(model: ModelDirectory, dtype: np.dtype) -> NetworkWeights:
    """Once for all runtimes of a model: NextGen opens one for each of thousands of catchments."""
    return NetworkWeights(model.weights, model.config.model, dtype)


_NEEDS_SPIN_UP = (
    "this model (gA kind 'lstm') reads its static parameters at the end of a spin-up: "
    "start it from a spin-up over a forcing history, or from a saved state"
)


def check_parameter(
    form: Variant, name: str, basins: Sequence[str] = (), values: Sequence[float] = ()
) -> None:
    """Pass the name of one of the parameters of `form`, and values [B] that it may have in `basins`.

    Raises:
        DhbvError: naming the first basin whose value is out of the parameter's range, or what `form` has.
    """
    known = (*form.parameters, *(p.name for p in ROUTING_PARAMETERS))
    if name not in known:
        raise DhbvError(f"no parameter {name!r} in variant {form.name}: it has {', '.join(known)}")
    row = PARAMETERS[name]
    for basin, value in zip(basins, values, strict=True):
        if not row.lower <= value <= row.upper:
            raise DhbvError(
                f"basin {basin}: {name} ({row.symbol}) is {value:g} {row.unit}: it must lie in {row.lower:g} to "
                f"{row.upper:g}; correct it, or leave it out and take the learned value"
            )


class Runtime:
    """The model of one directory over fixed basins.

    Args:
        model: the model directory.
        basins: B names.
        attributes: for each attribute name a sequence of B values; see `normalise_attributes`.
        dtype: float64, or float32 for large batches.
        parameters: values [B] that replace learned static parameters in all components, by name, in the
            units of the parameter table.
        hillslope_routing: False lets runoff leave on its day, where a river network routes it on; what a state holds
            of days that were routed still leaves by the unit hydrograph.
        kernel: `numpy`, or `compiled` for many basins and days at once, which runs HBV through
            `dhbv.kernels.native` (and as numpy, saying so, where there is no compiler).

    Raises:
        DhbvError: if an attribute the model needs is absent or no number, a basin lacks past flow that the
            model learns from, or a parameter to replace is not one of the model's or out of its range.
    """

    def __init__(
        self,
        model: ModelDirectory,
        basins: Sequence[str],
        attributes: Mapping[str, Sequence[object]],
        *,
        parameters: Mapping[str, Sequence[float]] = MappingProxyType({}),
        hillslope_routing: bool = True,
        dtype: DTypeLike = np.float64,
        kernel: Literal["numpy", "compiled"] = "numpy",
    ) -> None:
        self.model = model
        self.basins = tuple(basins)
        self.dtype = np.dtype(dtype)
        self.attributes = normalise_attributes(attributes, model.statistics)
        if len(self.attributes.values) != len(self.basins):
            raise DhbvError(f"{len(self.attributes.values)} rows of attributes for {len(self.basins)} basins")
        refuse_ungauged(self.attributes, self.basins)
        self.simulate: Callable[..., tuple[hbv.Stores, dict[str, Float]]] = hbv.simulate
        if kernel == "compiled":
            from dhbv.kernels import native

            self.simulate = native.simulate
        self._form = model.config.model.form
        self._components = model.config.model.components
        self._network = NetworkStream(_shared_weights(model, self.dtype), self.attributes.values)
        for name, values in parameters.items():
            check_parameter(self._form, name, self.basins, values)
        self._replaced = {name: np.asarray(values, self.dtype) for name, values in parameters.items()}
        self._hillslope_routing = hillslope_routing
        self._shapes = self._state_shapes()
        self._base: Float | None = None
        if self._network.base is not None:
            self._set_base(self._network.base)

    def cold_state(self, time: np.datetime64) -> State:
        """A state with nearly empty stores, valid at 00:00 of `time`.

        Raises:
            StateError: if the model's static parameters must first be read at the end of a spin-up.
        """
        if self._network.frozen_size:
            raise StateError(_NEEDS_SPIN_UP)
        return self._empty_state(time, np.zeros((len(self.basins), 0), self.dtype))

    def spin_up(self, forcing: Float, start: np.datetime64) -> State:
        """The state after a history of weather [time, B, 3] that begins on the day `start`."""
        self._check(forcing, start)
        frozen = np.zeros((len(self.basins), 0), self.dtype)
        state = self._empty_state(start, frozen)
        if self._network.frozen_size:
            hidden, cell = state.hidden, state.cell
            for x in normalise_forcing(forcing.astype(self.dtype), self.model.statistics):
                hidden, cell = self._network.step(x, hidden, cell)
            state = replace(state, frozen=self._network.read_base(hidden))
        return self.run(state, forcing, outputs=())[0]

    def step(
        self, state: State, forcing: Float, outputs: Sequence[str] = OUTPUTS
    ) -> tuple[State, dict[str, Float]]:
        """One day: weather [B, 3] (P mm d-1, T degC, Ep mm d-1) → the next state, outputs [B] each.

        Raises:
            StateError: if the state belongs to other weights, basins or precision.
            DhbvError: if the weather is not finite, or P or Ep negative.
        """
        state, days = self.run(state, forcing[None], outputs)
        return state, {name: day[0] for name, day in days.items()}

    def run(
        self, state: State, forcing: Float, outputs: Sequence[str] = OUTPUTS
    ) -> tuple[State, dict[str, Float]]:
        """Many days: weather [time, B, 3] → the state after them, outputs [time, B] each; see `step`."""
        self._accept(state)
        self._check(forcing, state.time)
        forcing = np.asarray(forcing, self.dtype)
        hidden, cell, parameters = self.learned(state, forcing)
        stores, water = self.simulate(
            hbv.Stores(*state.stores), forcing, parameters, _of_step(tuple(outputs))
        )
        unrouted = np.stack([water[name] for name in variables.RUNOFF], 1)[:, None]
        # What flows off and, where asked for, what is still on its way: the same sum with other ordinates.
        ordinates = self.ordinates if "routing_store" in outputs else self.ordinates[:, :1]
        delayed = unrouted if self._hillslope_routing else np.zeros_like(unrouted)
        routed, runoff = unit_hydrograph.route(delayed, ordinates, state.runoff[:, None])
        if not self._hillslope_routing:  # nothing new is put on its way
            routed[:, 0] += unrouted[:, 0]
        water |= {name: routed[:, 0, k] for k, name in enumerate(variables.ROUTED)}
        water["runoff"] = routed[:, 0, 0] + routed[:, 0, 1] + routed[:, 0, 2]
        if "routing_store" in outputs:
            water["routing_store"] = routed[:, 1].sum(1)
        for name in outputs:
            if name not in water:
                water[name] = self._output(name, forcing, parameters)
        after = replace(
            state, time=state.time + np.timedelta64(len(forcing), "D"),
            stores=np.array(stores), runoff=runoff[:, 0].copy(),
            discharge=water["runoff"][-1] if len(forcing) else state.discharge,
            hidden=hidden, cell=cell,
        )  # fmt: skip
        return after, {name: water[name] for name in outputs}

    def learned(self, state: State, forcing: Float) -> tuple[Float, Float, dict[str, Float]]:
        """The LSTM's memory after the days of `forcing` [time, B, 3], and all parameters: [B, M] or [time, B, M].

        Raises:
            StateError: the state is not of this runtime's model or basins.
        """
        self._accept(state)
        hidden, cell, dynamic = state.hidden, state.cell, self._form.dynamic
        logits = np.empty((len(forcing), len(self.basins), len(dynamic), self._components), self.dtype)
        for n, x in enumerate(normalise_forcing(forcing, self.model.statistics)):
            hidden, cell = self._network.step(x, hidden, cell)
            if dynamic:
                logits[n] = self._network.daily(hidden)
        return hidden, cell, self._static | self._dynamic(logits)

    def _dynamic(self, logits: Float) -> dict[str, Float]:
        """Dynamic parameters [..., B, M] by name from their logits [..., B, D, M], but those that are replaced."""
        daily = _values(self._form.dynamic, logits)
        return {name: value for name, value in daily.items() if name not in self._replaced}

    def storage(self, state: State) -> Float:
        """All water in the model [B], mm: the stores and what is on its way through routing."""
        self._accept(state)
        stored: Float = state.stores.sum((0, 2)) / self._components + self._in_transit(state)
        return stored

    def standing(self, state: State) -> dict[str, Float]:
        """What a state tells by itself [B] each: its stores, the last day's discharge, β and γ."""
        self._accept(state)
        stores = hbv.Stores(*state.stores)
        known = {name: hbv.depth(name, stores).mean(-1) for name in _STORES}
        known["routing_store"] = self._in_transit(state)
        known["runoff"] = state.discharge
        parameters = self._static | self._dynamic(self._network.daily(state.hidden))
        return known | {
            name: self._shape_parameter(name, parameters) for name in variables.names(stage="parameter")
        }

    def with_store(self, state: State, name: str, values: Sequence[float]) -> State:
        """The state with the mean depth of a store set to `values` [B], mm; see `SETTABLE`.

        Components, and the days on their way through routing, change in proportion.

        Raises:
            DhbvError: if a value is negative or not finite, or the routing store of a dry basin is to be filled.
        """
        self._accept(state)
        wanted = np.asarray(values, self.dtype)
        if wanted.shape != (len(self.basins),) or not (np.isfinite(wanted) & (wanted >= 0.0)).all():
            raise DhbvError(
                f"{name} cannot be set to {list(values)[:5]}: a store takes one finite depth of at least 0 mm for each "
                f"of {len(self.basins)} basins"
            )
        if name == "routing_store":
            share = self._share(wanted, self._in_transit(state))
            if not np.isfinite(share).all():
                basin = self.basins[int(np.argmax(~np.isfinite(share)))]
                raise DhbvError(
                    f"basin {basin}: routing_store is empty and cannot be filled, since it does not say from which day"
                )
            return replace(state, runoff=state.runoff * share)
        stores = hbv.Stores(*state.stores)
        parts = ("snowpack", "snow_liquid") if name == "swe" else (name,)
        have: Float = hbv.depth(name, stores).mean(-1)
        share = self._share(wanted, have)[:, None]
        # A store that is empty in every component is filled evenly; an empty snowpack with ice.
        empty = ~np.isfinite(share)
        scaled = {
            part: np.where(empty, 0.0, getattr(stores, part) * np.where(empty, 0.0, share)) for part in parts
        }
        scaled[parts[0]] = scaled[parts[0]] + np.where(empty, wanted[:, None], 0.0)
        return replace(state, stores=np.stack(stores._replace(**scaled)))

    def parameter(self, name: str) -> Float:
        """A static parameter [B], the mean over components, in the unit of the parameter table.

        Raises:
            DhbvError: if the model has no such parameter, or reads it at the end of a spin-up and has seen no state yet.
        """
        check_parameter(self._form, name)
        if self._base is None:
            raise StateError(_NEEDS_SPIN_UP)
        value = self._static[name] if name in self._static else self._routing[name]
        mean: Float = value.mean(-1) if value.ndim == 2 else value
        return mean

    @staticmethod
    def _share(wanted: Float, have: Float) -> Float:
        """`wanted` / `have`; infinite where there is nothing to scale, 1 where nothing is wanted either."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.where(wanted == have, 1.0, wanted / have)

    def _in_transit(self, state: State) -> Float:
        """Water on its way through routing [B], mm."""
        in_transit: Float = unit_hydrograph.routing_store(self._to_come, state.runoff).sum(0)
        return in_transit

    def _shape_parameter(self, name: str, parameters: Mapping[str, Float]) -> Float:
        """β or γ as the mean over components; plain HBV has no γ: its evaporation curve is the line of γ = 1."""
        return parameters[name].mean(-1) if name in parameters else np.ones(len(self.basins), self.dtype)

    def _output(self, name: str, forcing: Float, parameters: Mapping[str, Float]) -> Float:
        """An output [time, B] that is neither a flux or store of the step nor a routed one."""
        if name in ("prcp", "pet"):
            return forcing[..., 0 if name == "prcp" else 2]
        value = self._shape_parameter(name, parameters)
        return value if value.ndim == 2 else np.broadcast_to(value, forcing.shape[:2])

    def _set_base(self, base: Float) -> None:
        """Turn base logits into the static parameters and the unit hydrograph."""
        components, routing = self._network.split(base)
        self._base = base
        self._static = _values(self._form.parameters, components) | self._network.shared
        routed = _values([p.name for p in ROUTING_PARAMETERS], routing[:, :, None])
        routed = {name: value[:, 0] for name, value in routed.items()}
        for name, value in self._replaced.items():
            if name in routed:
                routed[name] = value
            else:
                self._static[name] = np.repeat(value[:, None], self._components, 1)
        self._routing = routed
        u = unit_hydrograph.unit_hydrograph(*routed.values())
        to_come = unit_hydrograph.still_to_come(u)
        self.ordinates = np.stack([u, to_come], 1)[:, :, None]
        self._to_come = to_come[:, None]

    def _state_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array of this runtime's states."""
        basins, memory = len(self.basins), (len(self.basins), self._network.hidden_size)
        return {
            "stores": (len(hbv.Stores._fields), basins, self._components),
            "runoff": (unit_hydrograph.MEMORY, len(variables.ROUTED), basins),
            "discharge": (basins,),
            "hidden": memory,
            "cell": memory,
            "frozen": (basins, self._network.frozen_size),
        }

    def _empty_state(self, time: np.datetime64, frozen: Float) -> State:
        dry = {name: np.zeros(shape, self.dtype) for name, shape in self._shapes.items()}
        stores = np.full_like(dry["stores"], hbv.INITIAL_STORAGE)
        changes = {"stores": stores, "frozen": frozen}
        return State(self.model.weights_sha256, self.basins, time.astype("datetime64[D]"), **(dry | changes))

    def _accept(self, state: State) -> None:
        """Raise StateError unless the state is this runtime's own kind; take its frozen parameters."""
        if state.weights != self.model.weights_sha256:
            raise StateError(
                f"the state was made by weights {state.weights[:12]}…, this model has "
                f"{self.model.weights_sha256[:12]}…: states do not fit other weights; "
                "use the model that made it, or spin this one up over a forcing history"
            )
        if state.basins != self.basins:
            raise StateError(
                f"the state holds {len(state.basins)} basins ({', '.join(state.basins[:3])} …), this run "
                f"{len(self.basins)} ({', '.join(self.basins[:3])} …), and their order counts: "
                "open the runtime with the state's basins"
            )
        for name, shape in self._shapes.items():
            have = getattr(state, name)
            if have.shape != shape or have.dtype != self.dtype:
                raise StateError(
                    f"the state's {name} is {have.dtype}{list(have.shape)}, this runtime needs "
                    f"{self.dtype}{list(shape)}: open the runtime with dtype={have.dtype}, or spin it up"
                )
        if self._network.frozen_size and state.frozen is not self._base:
            self._set_base(state.frozen)

    def _check(self, forcing: Float, first: np.datetime64) -> None:
        """Raise DhbvError unless weather [time, B, 3] from the day `first` can be run."""
        if forcing.ndim != 3 or forcing.shape[1:] != (len(self.basins), 3):
            raise DhbvError(
                f"weather must have the shape [time, {len(self.basins)}, 3], not {list(forcing.shape)}"
            )
        check_weather(forcing, self.basins, first)


def _values(names: Sequence[str], logits: Float) -> dict[str, Float]:
    """Values [..., M] of the P parameters `names` from their logits [..., P, M]: lower + σ(logits) · (upper − lower)."""
    fractions = 0.5 + 0.5 * np.tanh(0.5 * logits)
    return {name: PARAMETERS[name].scale(fractions[..., k, :]) for k, name in enumerate(names)}
