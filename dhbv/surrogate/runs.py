"""Runs of a simulator under known weather with drawn parameters: made here, or read from a file made elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.configuration import Config
from dhbv.data.schema import basin_ids, some
from dhbv.errors import DhbvError, gist
from dhbv.files import written_whole
from dhbv.surrogate.inputs import inputs
from dhbv.surrogate.sampling import draw, near
from dhbv.surrogate.simulator import Description, Simulator

_AT_ONCE = 512
"""Runs that share a call of the simulator, and memory."""

VARIABLES = {
    "parameters": ("run", "parameter"),
    "basin": ("run",),
    "outputs": ("run", "time", "output"),
}
"""What a file of runs holds, and its dimensions; `parameter` and `output` are named by their coordinates, `time` is
unbroken days, `basin` the id whose weather drove the run, and the attribute `simulator` a `Description` as JSON."""


class Runs(NamedTuple):
    """What a surrogate learns from."""

    about: Description
    basins: tuple[str, ...]
    """Whose weather drove the runs, each once."""
    time: NDArray[np.datetime64]
    """[time], unbroken days."""
    basin: NDArray[np.int64]
    """[run], positions among the basins."""
    fractions: NDArray[np.float32]
    """[run, parameter], places in the ranges."""
    outputs: NDArray[np.float32]
    """[time, run, output]"""

    @property
    def digest(self) -> str:
        sha = hashlib.sha256(msgspec.json.encode([self.about, self.basins, str(self.time[0])]))
        for array in (self.basin, self.fractions, self.outputs):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()


def simulate(
    simulator: Simulator,
    weather: NDArray[np.float32],
    fractions: NDArray[np.floating],
    basin: NDArray[np.int64],
    on_progress: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Outputs [time, run, output] of runs with parameters at `fractions` [run, parameter].

    Args:
        simulator: called with many runs at once.
        weather: [time, basin, input].
        fractions: [run, parameter] of the ranges.
        basin: [run], positions in the weather.
        on_progress: called with the number of runs that are done.
    """
    values = simulator.description.values(fractions)
    made = np.empty((len(weather), len(basin), len(simulator.description.outputs)), np.float32)
    by_basin = weather.transpose(1, 0, 2)
    for k in range(0, len(basin), _AT_ONCE):
        some_runs = slice(k, k + _AT_ONCE)
        made[:, some_runs] = simulator(values[some_runs], by_basin[basin[some_runs]]).transpose(1, 0, 2)
        on_progress(min(k + _AT_ONCE, len(basin)))
    return made


def make(
    simulator: Simulator,
    region: xr.Dataset,
    draws: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
    *,
    around: NDArray[np.floating] | None = None,
) -> Runs:
    """`draws` runs for each basin of `region` through all its days, each with parameters of its own.

    Where `around` gives places [basin, parameter], every other draw is near that of its basin.
    """
    about = simulator.description
    basins = tuple(basin_ids(region))
    basin = np.tile(np.arange(len(basins)), draws)
    fractions = draw(len(basin), len(about.parameters), seed)
    if around is not None:
        odd = np.repeat(np.arange(draws) % 2 == 1, len(basins))
        fractions[odd] = near(around, draws // 2, seed)
    outputs = simulate(simulator, inputs(region, about.inputs), fractions, basin, on_progress)
    return Runs(about, basins, region["time"].values.astype("datetime64[D]"), basin, fractions, outputs)


def write(runs: Runs, path: Path) -> None:
    """Put `runs` into a NetCDF file that `read` understands."""
    about = runs.about
    ds = xr.Dataset(
        {
            "parameters": (VARIABLES["parameters"], about.values(runs.fractions)),
            "basin": (VARIABLES["basin"], np.array(runs.basins, object)[runs.basin]),
            "outputs": (VARIABLES["outputs"], runs.outputs.transpose(1, 0, 2)),
        },
        coords={
            "parameter": [p.name for p in about.parameters],
            "output": list(about.outputs),
            "time": runs.time.astype("datetime64[ns]"),
        },
        attrs={"simulator": msgspec.json.encode(about).decode()},
    )
    with written_whole(path) as draft:
        ds.to_netcdf(draft)


def read(path: Path) -> Runs:
    """The runs in a NetCDF file.

    Raises:
        DhbvError: if something is missing, not finite, out of its range or out of order; names file, variable and run.
    """
    try:
        with xr.open_dataset(path) as kept:
            ds = kept.load()
    except (OSError, ValueError) as error:
        raise DhbvError(
            f"{path}: cannot be read as NetCDF ({gist(error)}); see docs/surrogate.md for its form"
        ) from None
    remedy = "see docs/surrogate.md for the form of a file of runs"
    for name, dims in VARIABLES.items():
        if name not in ds or set(ds[name].dims) != set(dims):
            found = f"has the dimensions {', '.join(map(str, ds[name].dims))}" if name in ds else "is missing"
            raise DhbvError(f"{path}: the variable {name} ({', '.join(dims)}) {found}: {remedy}")
    about = _description(ds, path, remedy)
    for dim, names in (("parameter", [p.name for p in about.parameters]), ("output", list(about.outputs))):
        there = [str(n) for n in ds[dim].values] if dim in ds.coords else []
        if there != names:
            raise DhbvError(
                f"{path}: the coordinate {dim} is {', '.join(there) or 'missing'}, the attribute simulator says "
                f"{', '.join(names)}: make them agree"
            )
    time = ds["time"].values.astype("datetime64[D]")
    if len(time) < 2 or (np.diff(time) != np.timedelta64(1, "D")).any():
        raise DhbvError(f"{path}: time is not unbroken days: give every day once, in order")
    outputs = ds["outputs"].transpose("time", "run", "output").values.astype(np.float32)
    bad = np.argwhere(~np.isfinite(outputs))
    if bad.size:
        day, run, output = bad[0]
        raise DhbvError(
            f"{path}: {about.outputs[output]} of run {run} is {outputs[day, run, output]} on {time[day]} "
            f"({len(bad)} such values): leave out runs that failed"
        )
    values = ds["parameters"].transpose(*VARIABLES["parameters"]).values
    fractions = about.fractions(values, f"{path}: parameters").astype(np.float32)
    ids = basin_ids(ds)
    basins = tuple(dict.fromkeys(ids))
    basin = np.array([basins.index(b) for b in ids], np.int64)
    return Runs(about, basins, time, basin, fractions, outputs)


def weather_of(runs: Runs, region: xr.Dataset) -> NDArray[np.float32]:
    """The weather [time, basin, input] that drove `runs`.

    Raises:
        DhbvError: if `region` lacks basins or days of theirs.
    """
    present = set(basin_ids(region))
    absent = [b for b in runs.basins if b not in present]
    if absent:
        raise DhbvError(
            f"the runs are of {len(absent)} basins that the data lack: {some(absent)}: give data that hold them"
        )
    days = region["time"].values.astype("datetime64[D]")
    begin = int((runs.time[0] - days[0]).astype(int))
    if begin < 0 or runs.time[-1] > days[-1]:
        raise DhbvError(
            f"the runs are of {runs.time[0]}..{runs.time[-1]}, the data hold {days[0]}..{days[-1]}: give data that "
            "cover them"
        )
    part = region.sel(basin=list(runs.basins)).isel(time=slice(begin, begin + len(runs.time)))
    return inputs(part, runs.about.inputs)


def of_period(runs: Runs, config: Config, path: Path) -> Runs:
    """The training days, and the runs of training basins, of all that a file holds.

    Raises:
        DhbvError: if that is none.
    """
    period, wanted = config.data.train, set(config.data.basins or runs.basins)
    first, last = np.datetime64(period.start, "D"), np.datetime64(period.end, "D")
    days = (runs.time >= first) & (runs.time <= last)
    basins = tuple(b for b in runs.basins if b in wanted)
    if not days.any() or not basins:
        raise DhbvError(
            f"{path}: no run of a training basin in {period}: it holds {runs.time[0]}..{runs.time[-1]} of "
            f"{some(runs.basins)}; correct data.train and data.basins, or make such runs"
        )
    place = {k: basins.index(b) for k, b in enumerate(runs.basins) if b in wanted}
    kept = np.isin(runs.basin, list(place))
    return Runs(
        runs.about, basins, runs.time[days], np.array([place[int(k)] for k in runs.basin[kept]], np.int64),
        runs.fractions[kept], runs.outputs[days][:, kept],
    )  # fmt: skip


def _description(ds: xr.Dataset, path: Path, remedy: str) -> Description:
    try:
        return msgspec.json.decode(ds.attrs.get("simulator", ""), type=Description)
    except (msgspec.DecodeError, TypeError) as error:
        raise DhbvError(
            f"{path}: the attribute simulator is no description of one ({error}): {remedy}"
        ) from None
