"""Where a component's water comes from: a saved state, a spin-up over a history, or nothing."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bmi.configuration import BmiConfig
from bmi.quality import Quality
from dhbv.errors import ConfigurationError, DhbvError, StateError
from dhbv.normalisation import Attributes
from dhbv.physics.hargreaves import mean_temperature, potential_evaporation
from dhbv.runtime import Runtime
from dhbv.state import State

COLD_DAYS = 365
"""How long a cold start is flagged: by then the fast stores have forgotten it."""

_log = logging.getLogger("bmi")


class Start(NamedTuple):
    """The state to begin with, valid on the first day of the run, and what there is to say of it."""

    state: State
    quality: Quality


Source = Callable[[Runtime, NDArray[np.float64] | None, np.datetime64], Start]
"""Makes the first state of a model, for latitudes [N] and the local day that begins."""


def first_state(
    config: BmiConfig,
    folder: Path,
    runtime: Runtime,
    latitude: NDArray[np.float64] | None,
    day: np.datetime64,
) -> Start:
    """How the configuration in `folder` says to start; a `Source` once both are given.

    Raises:
        ConfigurationError, StateError, DhbvError: if that cannot be; file and remedy are in the message.
    """
    if config.state is not None:
        return _from_file(folder / config.state, config, runtime, day)
    if config.spin_up is not None:
        return _from_history(folder / config.spin_up, config, runtime, latitude, day)
    _log.warning(
        "%s: cold start with nearly empty stores at %s; flow is too low for the first months. Give a saved state "
        "as `state`, or a forcing history as `spin_up`, in the configuration",
        ", ".join(config.catchments[:3]), day,
    )  # fmt: skip
    return Start(runtime.cold_state(day), Quality.COLD_START)


def gap(days: int, config: BmiConfig, what: str) -> Quality:
    """The flag of a start that misses what it starts from by `days`, which `what` describes.

    Raises:
        ConfigurationError: if it is more than max_gap.
    """
    if days == 0:
        return Quality(0)
    message = f"{what}, {abs(days)} days {'before' if days > 0 else 'after'} the run starts"
    if abs(days) > config.max_gap:
        raise ConfigurationError(
            f"{message}, and max_gap is {config.max_gap}: give a state or a history up to the start, correct "
            "start_time, or raise max_gap"
        )
    _log.warning("%s: %s; the run goes on, flagged in `quality`", ", ".join(config.catchments[:3]), message)
    return Quality.GAP


def _from_file(path: Path, config: BmiConfig, runtime: Runtime, day: np.datetime64) -> Start:
    try:
        time = path.stat().st_mtime_ns
    except OSError as error:
        raise StateError(f"cannot read the state {path}: {error.strerror}") from error
    state = _read(path, time)
    try:
        state = state.select(config.catchments).astype(runtime.dtype)
        runtime.storage(state)  # refuses a state of another model
    except StateError as error:
        raise StateError(f"{path}: {error}") from None
    flag = gap(int((day - state.time).astype(int)), config, f"the state {path} is valid at {state.time}")
    return Start(state, flag)


@functools.lru_cache(maxsize=2)
def _read(path: Path, modified: int) -> State:
    """A state file, read once for all the instances that take their catchment from it."""
    return State.read(path)


def _from_history(
    path: Path, config: BmiConfig, runtime: Runtime, latitude: NDArray[np.float64] | None, day: np.datetime64
) -> Start:
    from dhbv.data.nextgen import read_forcing

    history = read_forcing(path, config.catchments, utc_offset=config.utc_offset)
    history = history.sel(time=history["time"].values < day)
    if not history.sizes["time"]:
        raise ConfigurationError(f"the forcing history {path} has no day before {day}, where the run starts")
    tmin, tmax = _daily(history, "tmin"), _daily(history, "tmax")
    if "pet" in history:
        ep = _daily(history, "pet")
    elif latitude is None:
        raise DhbvError(
            f"the forcing history {path} has no variable pet, which a run with pet: input needs: add it, or spin up "
            "with pet: hargreaves and give the state"
        )
    else:
        ep = potential_evaporation(tmin, tmax, latitude, history["time"].dt.dayofyear.values[:, None])
    forcing = np.stack([_daily(history, "prcp"), mean_temperature(tmin, tmax), ep], -1)
    first, days = history["time"].values[0].astype("datetime64[D]"), len(forcing)
    state = runtime.spin_up(forcing, first)
    quality = gap(
        int((day - state.time).astype(int)), config, f"the forcing history {path} ends before {state.time}"
    )
    if days < COLD_DAYS:
        _log.warning(
            "%s: the forcing history %s has only %d days: a start is flagged as cold below %d",
            ", ".join(config.catchments[:3]), path, days, COLD_DAYS,
        )  # fmt: skip
        quality |= Quality.COLD_START
    return Start(state, quality)


def _daily(history: object, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = history[name].transpose("time", "basin").values.astype(np.float64)  # type: ignore[index]
    return values


def attribute_flags(attributes: Attributes) -> NDArray[np.int64]:
    """What is to be said of each catchment's attributes [N]."""
    flags = np.zeros(len(attributes.values), np.int64)
    flags[attributes.unknown.any(1)] |= Quality.ATTRIBUTE_MISSING
    flags[attributes.beyond.any(1)] |= Quality.ATTRIBUTE_OUTSIDE
    return flags


def day_of_year(day: np.datetime64) -> int:
    """1 to 366."""
    return int((day - day.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)) + 1
