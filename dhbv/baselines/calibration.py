"""Plain HBV calibrated at each gauge by itself, by the SCE-UA of spotpy.

Duan et al. (1994), doi:10.1016/0022-1694(94)90057-4, with seven complexes as in Tsai et al. (2021),
doi:10.1038/s41467-021-26107-z. A basin hangs on its own days and the seed alone, is kept as soon as it is done,
and comes out the same in whatever order and however many processes calibrate.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import multiprocessing
import os
import random
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import numpy as np
import spotpy
from numpy.typing import NDArray

from dhbv.baselines.plain_hbv import FREE, simulate
from dhbv.configuration import Natural, NonNegative, Positive, Section
from dhbv.errors import DhbvError
from dhbv.files import written_whole

Float = NDArray[np.float32]


class Sceua(Section, frozen=True):
    """How a basin is calibrated."""

    complexes: Positive = 7
    repetitions: Positive = 10_000
    """At most so many, as spotpy counts: model runs, and once more each point that an evolution step keeps."""
    loops: Positive = 10
    """Shuffling loops over which the objective must improve by `improvement`."""
    improvement: NonNegative = 0.1
    """%; less than this ends the search."""
    spread: NonNegative = 1e-3
    """Geometric mean of the population's ranges over those of the parameters; less ends the search."""
    warmup_days: Natural = 365
    """First training days, which fill the stores and are not compared with observations."""
    seed: Natural = 0


class Record(NamedTuple):
    """What is known of a basin in its training period."""

    weather: Float
    """[time, 3]: P mm d-1, T degC, Ep mm d-1."""
    flow: Float
    """[time] mm d-1, NaN where not observed."""


class Calibrated(Section, frozen=True):
    """A basin that is done."""

    identity: str
    """sha256 of the settings and the record."""
    parameters: dict[str, float]
    """Each of `FREE`."""
    rmse: float
    """Of the days compared, mm d-1."""
    runs: int
    """Of the model."""
    seconds: float


def calibrate(
    records: Mapping[str, Record],
    settings: Sceua,
    folder: Path,
    *,
    processes: int = 1,
    on_basin: Callable[[str], None] = lambda _: None,
) -> dict[str, Calibrated]:
    """Each basin of `records` calibrated, or as it lies in `folder` from an earlier call.

    Args:
        records: by basin.
        settings: of the search.
        folder: a file for each basin that is done; several calls may share it.
        processes: that work at once.
        on_basin: called with each basin that is there.

    Raises:
        DhbvError: if a basin has no observed flow to compare with, or lies in `folder` calibrated otherwise.
    """
    done: dict[str, Calibrated] = {}
    left: dict[str, str] = {}
    for basin, record in records.items():
        identity = _identity(record, settings)
        _refuse_unobserved(basin, record, settings)
        found = _kept(_place(folder, basin), identity)
        if found is None:
            left[basin] = identity
        else:
            done[basin] = found
            on_basin(basin)
    for basin, found in _made({basin: records[basin] for basin in left}, settings, processes):
        done[basin] = msgspec.structs.replace(found, identity=left[basin])
        with written_whole(_place(folder, basin)) as draft:
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(done[basin]), indent=1))
        on_basin(basin)
    return {basin: done[basin] for basin in records}


def calibrate_basin(basin: str, record: Record, settings: Sceua) -> Calibrated:
    """The parameters of least RMSE that the search comes upon; its identity is left open."""
    began = time.perf_counter()
    search = _Search(record, settings.warmup_days)
    with _random_state_kept(), contextlib.redirect_stdout(io.StringIO()):
        sampler = spotpy.algorithms.sceua(
            search, dbname="none", dbformat="custom", save_sim=False,
            random_state=zlib.crc32(f"{settings.seed} {basin}".encode()),
        )  # fmt: skip
        sampler.sample(
            settings.repetitions, ngs=settings.complexes, kstop=settings.loops,
            pcento=settings.improvement, peps=settings.spread,
        )  # fmt: skip
    seconds = round(time.perf_counter() - began, 2)
    best = {p.name: float(v) for p, v in zip(FREE, search.best, strict=True)}
    return Calibrated(identity="", parameters=best, rmse=search.least, runs=search.runs, seconds=seconds)


@cache
def _ranges() -> list[Any]:
    """Bounds are stated twice: left to itself spotpy takes those of a random sample."""
    return [
        spotpy.parameter.Uniform(p.name, p.lower, p.upper, minbound=p.lower, maxbound=p.upper) for p in FREE
    ]


class _Search:
    """What spotpy asks for: ranges, model and objective."""

    def __init__(self, record: Record, warmup_days: int) -> None:
        self.weather = record.weather[:, None]
        self.warmup = warmup_days
        self.seen = np.flatnonzero(np.isfinite(record.flow[warmup_days:]))
        self.observed = record.flow[warmup_days:][self.seen].astype(np.float64)
        self.runs = 0
        self.best: Sequence[float] = ()
        self.least = np.inf

    def parameters(self) -> Any:
        return spotpy.parameter.generate(_ranges())

    def simulation(self, values: Sequence[float]) -> list[float]:
        """RMSE of a run, mm d-1, as a series of one: spotpy need not carry ten years of flow about."""
        values = tuple(values)
        θ = {p.name: [v] for p, v in zip(FREE, values, strict=True)}
        runoff = simulate(θ, self.weather, threads=1)["runoff"][self.warmup :, 0]
        rmse = float(np.sqrt(np.mean((runoff[self.seen] - self.observed) ** 2)))
        self.runs += 1
        if rmse < self.least:
            self.best, self.least = values, rmse
        return [rmse]

    def evaluation(self) -> list[float]:
        return [0.0]

    def objectivefunction(self, simulation: Sequence[float], evaluation: Sequence[float]) -> float:
        return simulation[0]

    def save(self, *_: object, **__: object) -> None:
        """Nothing but the best is kept."""


def _made(records: Mapping[str, Record], settings: Sceua, processes: int) -> Iterator[tuple[str, Calibrated]]:
    """Basins as they are done."""
    if processes == 1 or len(records) < 2:
        yield from ((basin, calibrate_basin(basin, record, settings)) for basin, record in records.items())
        return
    # A fresh interpreter each: threads of torch do not survive a fork.
    pool = ProcessPoolExecutor(
        min(processes, len(records)), multiprocessing.get_context("spawn"), initializer=_end_with_parent
    )
    try:
        futures = {
            pool.submit(calibrate_basin, basin, record, settings): basin for basin, record in records.items()
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise DhbvError(
            "a calibrating process was killed (by the system if memory ran out): the same command goes on with the "
            "basins that are left"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when its parent has ended, however it ended, and not before it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in workers alone"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """spotpy seeds the generators of everybody; they get back what they had."""
    legacy, plain = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(plain)


def _identity(record: Record, settings: Sceua) -> str:
    digest = hashlib.sha256(msgspec.json.encode(settings))
    for array in record:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _refuse_unobserved(basin: str, record: Record, settings: Sceua) -> None:
    if not np.isfinite(record.flow[settings.warmup_days :]).any():
        raise DhbvError(
            f"basin {basin}: no observed flow in the {len(record.flow)} training days after {settings.warmup_days} of "
            "warm-up: leave it out of data.basins, or choose another data.train"
        )


def _place(folder: Path, basin: str) -> Path:
    return folder / f"{quote(basin, safe='')}.json"


def _kept(path: Path, identity: str) -> Calibrated | None:
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Calibrated)
    except msgspec.DecodeError as error:
        raise DhbvError(f"{path} cannot be read as a calibrated basin ({error}): remove it") from None
    if found.identity != identity:
        raise DhbvError(
            f"{path} was calibrated with other settings or other data: choose another work folder (--work), or remove "
            "this one"
        )
    return found
