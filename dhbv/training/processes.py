"""Several processes that train one model together, each on its own basins and device; gloo on CPUs, NCCL on GPUs.

Every process draws the same minibatches and random numbers, works on the basins it holds, and what they add up is
the loss and the gradient that one process would have come to. `DistributedDataParallel` is not used: it takes the
mean of losses over parts of equal size, while here parts differ in every minibatch and the root of the `rmse` form
is taken of all; and the few numbers of gA are one message, which there is nothing to overlap with.

`join` follows torchrun's environment (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), so torchrun can start
the processes, on several hosts too; `launch` does on one host.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from dhbv.errors import ConfigurationError, DhbvError

T = TypeVar("T")

_STEP = dt.timedelta(minutes=30)
"""The longest that one process may be behind another within a step."""
_REST = dt.timedelta(days=1)
"""The longest that the others wait while one reads data or tests the model."""
_LAST_WORDS = 10.0
"""Seconds that a process has to end by itself when another has failed."""
_ERROR_FILE = "DHBV_ERROR_FILE"
"""Where a process started by `launch` leaves its error for it to raise."""
_PLACE = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The environment variables by which a process knows that it is one of several, and finds the others."""


class Processes:
    """One process, which is all there are; several are a `_Group` with the same methods."""

    rank = 0
    """Of this process, counted from 0. The first one writes, tests and reports."""
    count = 1

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """The part of `items` that belongs to this process: neighbours, so that all parts in turn are the whole.

        Raises:
            ConfigurationError: if there are more processes than items.
        """
        if len(items) < self.count:
            raise ConfigurationError(
                f"{self.count} processes cannot share {len(items)} basins: start at most one for each basin"
            )
        begin, end = (len(items) * k // self.count for k in (self.rank, self.rank + 1))
        return items[begin:end]

    def place(self, device: torch.device) -> torch.device:
        """Where this process computes, if it is to be on devices like this."""
        return device

    def total(self, sums: Tensor) -> Tensor:
        """The sum over all processes; a gradient goes to each one's own part."""
        return sums

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its sum over all processes."""

    def gather(self, thing: T) -> list[T]:
        """What each process has, in the order of their ranks."""
        return [thing]

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` returns in the first process; it is not called in others."""
        return make()


ALONE = Processes()


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sums: Tensor) -> Tensor:
        result = sums.clone()
        dist.all_reduce(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Group(Processes):
    """This process among several."""

    def __init__(self, store: dist.Store, rank: int, count: int) -> None:
        self.rank, self.count, self._store = rank, count, store
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_STEP)
        self._patient = dist.new_group(backend="gloo", timeout=_REST)

    def place(self, device: torch.device) -> torch.device:
        if device.type == "cpu":
            return device
        local, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if local >= there:
            raise ConfigurationError(
                f"process {local} of this host has no GPU of its own, there are {there}: start at most one process a "
                "GPU, or train on the CPU (--device cpu)"
            )
        own = torch.device("cuda", local)
        torch.cuda.set_device(own)
        return own

    def total(self, sums: Tensor) -> Tensor:
        with self._others():
            result: Tensor = _Total.apply(sums)
            return result

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        with self._others():
            dist.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def gather(self, thing: T) -> list[T]:
        things: list[Any] = [None] * self.count
        with self._others():
            dist.all_gather_object(things, thing, group=self._patient)
        return things

    def from_first(self, make: Callable[[], T]) -> T:
        made: list[Any] = [make() if self.rank == 0 else None]
        with self._others():
            dist.broadcast_object_list(made, 0, group=self._patient)
        result: T = made[0]
        return result

    def speaks(self) -> bool:
        """Whether this process is the first that asks, and so the one whose error is told."""
        try:
            return self._store.add("dhbv/failed", 1) == 1
        except RuntimeError:  # whoever kept count has gone, and knows
            return False

    @contextmanager
    def _others(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DhbvError(
                f"process {self.rank} of {self.count} has lost the others ({str(error).splitlines()[0]}): one of them "
                "has ended or cannot be reached; the same command goes on from the last checkpoint"
            ) from error


def started() -> bool:
    """Whether this process is one of several that torchrun or `launch` has started."""
    return all(name in os.environ for name in _PLACE)


@contextmanager
def join() -> Iterator[Processes]:
    """This process among those started with it, or `ALONE`.

    Of errors in several processes the first is told, once; the others leave quietly with it.
    """
    if not started():
        yield ALONE
        return
    _end_with_parent()
    store, rank, count = next(dist.rendezvous("env://"))
    group = _Group(store, rank, count)
    try:
        yield group
    except BaseException as error:
        if not group.speaks():
            raise SystemExit(1) from None
        file = os.environ.get(_ERROR_FILE)
        if file is not None and isinstance(error, DhbvError | OSError):
            Path(file).write_text(str(error), encoding="utf-8")
            raise SystemExit(1) from None
        raise
    # Only after success: with a process lost this would wait for it.
    dist.destroy_process_group()


def launch(command: Sequence[str], count: int) -> None:
    """Run `command` in `count` processes of this host, each with its share of the cores, to their end.

    They end with this one, however it ends. When one fails the others are ended.

    Raises:
        DhbvError: with the message of the process that failed first, or the signal that killed it.
    """
    # It keeps the store, as torchrun does, so that no process depends on another's for it.
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with tempfile.TemporaryDirectory() as folder:
        error = Path(folder) / "error"
        common = os.environ | {
            "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), _ERROR_FILE: str(error),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0",
        }  # fmt: skip
        common.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // count)))
        ranks = [common | {"RANK": str(k), "LOCAL_RANK": str(k)} for k in range(count)]
        running: list[subprocess.Popen[bytes]] = []
        try:
            running += (subprocess.Popen(command, env=environment) for environment in ranks)
            codes = _outcome(running)
        finally:
            _end(running)
        if any(codes):
            raise DhbvError(_reason(codes, error))


def one_a_gpu(device: torch.device) -> int:
    """How many processes train best on devices like this: as many as there are GPUs; on the CPU one."""
    return max(1, torch.cuda.device_count()) if device.type == "cuda" else 1


def _outcome(running: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """Exit codes when all have ended or one has failed; of those still running 0."""
    while True:
        codes = [process.poll() for process in running]
        if any(codes) or None not in codes:
            return [code or 0 for code in codes]
        time.sleep(0.05)


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _LAST_WORDS
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _reason(codes: Sequence[int], error: Path) -> str:
    killed = [(rank, -code) for rank, code in enumerate(codes) if code < 0]
    if killed:
        rank, number = killed[0]
        return (
            f"training process {rank} of {len(codes)} was killed ({signal.Signals(number).name}; by the system if "
            "memory ran out): the same command goes on from the last checkpoint"
        )
    with contextlib.suppress(FileNotFoundError):
        return error.read_text(encoding="utf-8")
    rank = next(rank for rank, code in enumerate(codes) if code)
    return f"a training process failed (rank {rank} ended with {codes[rank]}): its report is above"


def _end_with_parent() -> None:
    """End this process when its parent has ended: what nobody waits for must not train on."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
