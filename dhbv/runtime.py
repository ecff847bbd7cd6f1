"""A trained model as a stream, one day at a time, any number of basins at once; numpy alone.

forcing → gA → parameters → one day of HBV → routing → fluxes, with everything carried from day
to day in a `State`: `step(state, forcing) → state, outputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dhbv.errors import DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.network_stream import NetworkStream
from dhbv.normalisation import normalise_attributes, normalise_forcing
from dhbv.physics import hbv, unit_hydrograph, variables
from dhbv.physics.parameters import PARAMETERS, ROUTING_PARAMETERS
from dhbv.physics.weather import check_weather
from dhbv.state import State

Float = NDArray[np.floating]

OUTPUTS = tuple(variables.VARIABLES)
"""All a day can tell: every row of the variable table."""


class Runtime:
    """The model of one directory over fixed basins.

    Args:
        model: the model directory.
        basins: B names.
        attributes: for each attribute name a sequence of B values; see `normalise_attributes`.
        dtype: float64, or float32 for large batches.
        kernel: `numpy`, or `compiled` for many basins and days at once, which runs HBV through
            `dhbv.kernels.native` (and as numpy, saying so, where there is no compiler).

    Raises:
        DhbvError: if an attribute the model needs is absent or no number.
    """

    def __init__(
        self,
        model: ModelDirectory,
        basins: Sequence[str],
        attributes: Mapping[str, Sequence[object]],
        *,
        dtype: DTypeLike = np.float64,
        kernel: Literal["numpy", "compiled"] = "numpy",
    ) -> None:
        self.model = model
        self.basins = tuple(basins)
        self.dtype = np.dtype(dtype)
        self.attributes = normalise_attributes(attributes, model.statistics)
        if len(self.attributes.values) != len(self.basins):
            raise DhbvError(f"{len(self.attributes.values)} rows of attributes for {len(self.basins)} basins")
        self._simulate: Callable[..., tuple[hbv.Stores, dict[str, Float]]] = hbv.simulate
        if kernel == "compiled":
            from dhbv.kernels import native

            self._simulate = native.simulate
        self._form = model.config.model.form
        self._components = model.config.model.components
        self._network = NetworkStream(model.weights, model.config.model, self.attributes.values, self.dtype)
        self._base: Float | None = None
        if self._network.base is not None:
            self._set_base(self._network.base)

    def cold_state(self, time: np.datetime64) -> State:
        """A state with nearly empty stores, valid at 00:00 of `time`.

        Raises:
            StateError: if the model's static parameters must first be read at the end of a spin-up.
        """
        if self._network.frozen_size:
            raise StateError(
                "this model (gA kind 'lstm') reads its static parameters at the end of a spin-up: "
                "start it from a spin-up over a forcing history, or from a saved state"
            )
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
        hidden, cell, parameters = self._learned(state, forcing)
        wanted = {*variables.RUNOFF, *(name for name in outputs if variables.VARIABLES[name].stage == "step")}
        stores, water = self._simulate(hbv.Stores(*state.stores), forcing, parameters, tuple(wanted))
        unrouted = np.stack([water[name] for name in variables.RUNOFF], 1)
        routed, runoff = unit_hydrograph.route(unrouted, self._ordinates, state.runoff)
        water |= dict(zip(variables.ROUTED, np.moveaxis(routed, 1, 0), strict=True))
        water["runoff"] = routed[:, 0] + routed[:, 1] + routed[:, 2]
        for name in outputs:
            if name not in water:
                water[name] = self._output(name, forcing, parameters, unrouted, state.runoff)
        after = replace(
            state, time=state.time + np.timedelta64(len(forcing), "D"),
            stores=np.stack(stores), runoff=runoff.copy(), hidden=hidden, cell=cell,
        )  # fmt: skip
        return after, {name: water[name] for name in outputs}

    def _learned(self, state: State, forcing: Float) -> tuple[Float, Float, dict[str, Float]]:
        """The LSTM's memory after the days of `forcing`, and all parameters: [B, M] or [time, B, M]."""
        hidden, cell, dynamic = state.hidden, state.cell, self._form.dynamic
        assert self._base is not None
        logits = np.empty((len(forcing), len(self.basins), len(dynamic), self._components), self.dtype)
        for n, x in enumerate(normalise_forcing(forcing, self.model.statistics)):
            hidden, cell = self._network.step(x, hidden, cell)
            if dynamic:
                logits[n] = self._network.daily(hidden, self._base)
        daily = {name: _value(name, logits[:, :, k]) for k, name in enumerate(dynamic)}
        return hidden, cell, self._static | daily

    def storage(self, state: State) -> Float:
        """All water in the model [B], mm: the stores and what is on its way through routing."""
        self._accept(state)
        in_transit = unit_hydrograph.routing_store(self._ordinates, state.runoff).sum(0)
        stored: Float = state.stores.sum(0).mean(-1) + in_transit
        return stored

    def _output(
        self, name: str, forcing: Float, parameters: Mapping[str, Float], unrouted: Float, history: Float
    ) -> Float:
        """An output [time, B] that is neither a flux or store of the step nor a routed flux."""
        if name == "routing_store":
            to_come = unit_hydrograph.still_to_come(self._ordinates)
            in_transit: Float = unit_hydrograph.route(unrouted, to_come, history)[0].sum(1)
            return in_transit
        if name in ("prcp", "pet"):
            return forcing[..., 0 if name == "prcp" else 2]
        # Plain HBV has no γ: its evaporation curve is the straight line of γ = 1.
        value = parameters[name].mean(-1) if name in parameters else np.ones(len(self.basins), self.dtype)
        return np.broadcast_to(value, forcing.shape[:2])

    def _set_base(self, base: Float) -> None:
        """Turn base logits into the static parameters and the unit hydrograph."""
        components, routing = self._network.split(base)
        self._base = base
        names = enumerate(self._form.parameters)
        self._static = {name: _value(name, components[:, k]) for k, name in names}
        a, tau = (_value(p.name, routing[:, k]) for k, p in enumerate(ROUTING_PARAMETERS))
        self._ordinates = unit_hydrograph.unit_hydrograph(a, tau)[:, None]

    def _empty_state(self, time: np.datetime64, frozen: Float) -> State:
        basins, components = len(self.basins), self._components
        memory = np.zeros((basins, self._network.hidden_size), self.dtype)
        return State(
            weights=self.model.weights_sha256,
            basins=self.basins,
            time=time.astype("datetime64[D]"),
            stores=np.full((len(hbv.Stores._fields), basins, components), hbv.INITIAL_STORAGE, self.dtype),
            runoff=np.zeros((unit_hydrograph.MEMORY, len(variables.ROUTED), basins), self.dtype),
            hidden=memory,
            cell=memory,
            frozen=frozen,
        )

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
        expected = self._empty_state(
            state.time, np.zeros((len(self.basins), self._network.frozen_size), self.dtype)
        )
        for name in ("stores", "runoff", "hidden", "cell", "frozen"):
            have, want = getattr(state, name), getattr(expected, name)
            if have.shape != want.shape or have.dtype != want.dtype:
                raise StateError(
                    f"the state's {name} is {have.dtype}{list(have.shape)}, this runtime needs "
                    f"{want.dtype}{list(want.shape)}: open the runtime with dtype={have.dtype}, or spin it up"
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


def _value(name: str, logits: Float) -> Float:
    """A parameter's value from its logits, of any shape: lower + σ(logits) · (upper − lower)."""
    return PARAMETERS[name].scale(0.5 + 0.5 * np.tanh(0.5 * logits))
