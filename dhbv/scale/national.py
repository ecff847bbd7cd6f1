"""One run over a whole domain, chunk by chunk: reading, computing and writing at the same time.

While one chunk is computed the next is read and the last one written, so memory holds a handful of chunks, however
many there are. A chunk's numbers depend on nothing but its own catchments' inputs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv import __version__
from dhbv.configuration import Period
from dhbv.data.schema import DataError
from dhbv.errors import DhbvError
from dhbv.files import sha256_of
from dhbv.kernels import build
from dhbv.model_directory import ModelDirectory
from dhbv.runtime import OUTPUTS, Runtime
from dhbv.scale.attributes import DomainAttributes
from dhbv.scale.chunks import UNCUT, WHOLE, Chunk, Shard, divide, part, usual_size
from dhbv.scale.forcing import DomainForcing, digest
from dhbv.scale.output import Told, format_of
from dhbv.scale.pipeline import ahead
from dhbv.scale.run_folder import Identity, RunFolder
from dhbv.state import State


class Ran(NamedTuple):
    """What a run did, and how long it took."""

    catchments: int
    """Computed now."""
    skipped: int
    """Finished before."""
    days: int
    start: str
    """How the stores came about."""
    opening_s: float
    """Seconds until the first chunk was begun: reading tables, verifying what there is."""
    seconds: float
    """Of all the rest."""
    cpu_s: float
    """Seconds of all processors in that time."""
    busy_s: dict[str, float]
    """Seconds that reading, computing and writing took, which overlap."""


class _Loaded(NamedTuple):
    chunk: Chunk
    catchments: tuple[str, ...]
    columns: dict[str, list[object]]
    weather: NDArray[np.float32]
    """[spin-up and period, catchment, 3]"""
    state: State | None


class _Computed(NamedTuple):
    chunk: Chunk
    told: Told
    state: State


class Rate:
    """How fast catchments are done, from the first that is told on: those finished before a kill do not count."""

    def __init__(self) -> None:
        self._begun: tuple[int, float] | None = None

    def note(self, done: int) -> str:
        """Catchments a second so far; nothing at the start."""
        now = time.perf_counter()
        first, begun = self._begun = self._begun or (done, now)
        return f"{(done - first) / (now - begun):,.0f} catchments/s" if done > first else ""


def run(
    model: ModelDirectory,
    forcing: Path,
    attributes: Path,
    period: Period,
    out: Path,
    *,
    states: Path | None = None,
    spin_up_days: int = 1095,
    chunk: int | None = None,
    shard: Shard = WHOLE,
    fluxes: str = "parquet",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Ran:
    """Run `model` over all catchments of a NextGen forcing file, in float32; a second call goes on after a kill.

    Args:
        model: the model directory.
        forcing: NetCDF or Zarr as NextGen has it, hourly; days are those of UTC.
        attributes: Parquet or CSV; see `DomainAttributes`.
        period: the days wanted.
        out: folder to write; see `dhbv.scale.run_folder`.
        states: folder of the run that ended the day before; none starts from a spin-up.
        spin_up_days: days before the period that fill the stores, as far as the forcing reaches back.
        chunk: catchments at once; by default as many as fit in some hundreds of MB.
        shard: which chunks to run; all shards together are the whole, to the bit. Where the attribute table has a
            column of VPUs and the forcing is in their order, no chunk lies in two of them.
        fluxes: the format of their files, of `dhbv.scale.output.FORMATS`.
        on_progress: called with catchments done and catchments in this shard.

    Raises:
        DhbvError: if an input cannot be read or does not fit, or `out` holds another run.
    """
    begun = time.perf_counter()
    format_of(fluxes)
    with DomainForcing(forcing) as source:
        table = DomainAttributes(attributes, source.catchments, [a.name for a in model.statistics.attributes])
        ids = hashlib.sha256("\n".join(source.catchments).encode()).hexdigest()
        earlier = None if states is None else RunFolder.open(states)
        first_read = source.reach(period, 0 if earlier else spin_up_days)
        spin_up = int((np.datetime64(period.start, "D") - first_read).astype(int))
        if earlier:
            start = earlier.goes_on(model.weights_sha256, ids, period)
        else:
            start = f"spin-up of {spin_up} days" if spin_up else "cold start: stores nearly empty"
        size = usual_size(spin_up + period.days) if chunk is None else chunk
        if size < 1:
            raise DhbvError(f"--chunk {size}: at least one catchment must be run at once")
        vpus = _vpus(table, shard)
        mine = part(divide(len(source.catchments), size, vpus), shard)
        folder = RunFolder.begin(
            out,
            Identity(
                weights_sha256=model.weights_sha256, forcing_sha256=digest(forcing),
                attributes_sha256=sha256_of(attributes), catchments=len(source.catchments), catchments_sha256=ids,
                first=period.start, last=period.end, start=start, chunk=size, vpus=dict(vpus),
                fluxes=fluxes, code_version=__version__,
            ),
        )  # fmt: skip
        todo = [c for c in mine if not folder.finished(c)]
        total = sum(c.stop - c.first for c in mine)
        skipped = total - sum(c.stop - c.first for c in todo)
        if todo:
            # Asks the compiler for its version, and builds at first: once a process, whatever there is to run.
            build.load_for(model.config.model.form.parameters, np.float32)
        opened, cpu = time.perf_counter(), time.process_time()
        busy = dict.fromkeys(("reading", "computing", "writing"), 0.0)

        def read() -> Generator[_Loaded, None, None]:
            for c in todo:
                with _timed(busy, "reading"):
                    catchments, columns = source.catchments[c.first : c.stop], table.columns(c)
                    weather = source.weather(
                        c, table.latitude(columns), first_read, np.datetime64(period.end, "D")
                    )
                    state = earlier.state(c, catchments) if earlier else None
                yield _Loaded(c, catchments, columns, weather, state)

        def compute() -> Generator[_Computed, None, None]:
            for loaded in ahead(read()):
                with _timed(busy, "computing"):
                    computed = _compute(model, loaded, first_read, spin_up)
                yield computed

        done = skipped
        on_progress(done, total)
        with closing(ahead(compute())) as finished:  # type: ignore[type-var]
            for c, told, state in finished:
                with _timed(busy, "writing"):
                    folder.put(c, told, state)
                done += c.stop - c.first
                on_progress(done, total)
    took, used = time.perf_counter() - opened, time.process_time() - cpu
    return Ran(total - skipped, skipped, period.days, start, opened - begun, took, used, busy)


def _vpus(table: DomainAttributes, shard: Shard) -> Mapping[str, int]:
    """The VPUs that chunks keep to; none where the table or the order of the forcing does not tell them apart.

    Raises:
        DataError: if that is so and a VPU is asked for.
    """
    try:
        return table.vpus()
    except DataError:
        if shard.vpu:
            raise
        return UNCUT


def _compute(model: ModelDirectory, loaded: _Loaded, first_read: np.datetime64, spin_up: int) -> _Computed:
    chunk, catchments, columns, weather, state = loaded
    runtime = Runtime(model, catchments, columns, dtype=np.float32, kernel="compiled")
    if state is None:
        past = weather[:spin_up]
        state = runtime.spin_up(past, first_read) if spin_up else runtime.cold_state(first_read)
    first = state.time
    after, values = runtime.run(state, weather[spin_up:], OUTPUTS)
    return _Computed(chunk, Told(catchments, first, values), after)


@contextmanager
def _timed(busy: dict[str, float], stage: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        busy[stage] += time.perf_counter() - begun
