"""The compiled time loops on numpy arrays; no torch. The batch path for forecasts, and the base of autograd.py.

`simulate` is `hbv.simulate` at speed. Below it `forward` and `reverse` run the two loops; they
take what `inputs.check` has passed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from ctypes import byref
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv.kernels import build, inputs
from dhbv.kernels.forms import OUTPUTS, STORES
from dhbv.physics import hbv
from dhbv.physics.variables import RUNOFF
from dhbv.physics.weather import check_weather

Float = NDArray[Any]

SEGMENT = 32
"""Days between the stores that are kept for the reverse loop; as in scan.cpp."""

_log = logging.getLogger(__name__)


def simulate(
    stores: hbv.Stores,
    forcing: Float,
    parameters: Mapping[str, Float],
    outputs: Sequence[str] = RUNOFF,
    *,
    threads: int | None = None,
) -> tuple[hbv.Stores, dict[str, Float]]:
    """`hbv.simulate` for numpy arrays of one dtype, through the compiled kernel where there is one.

    Args:
        threads: how many may work; none means all processors this process may use.

    Raises:
        DhbvError: if shapes or dtypes do not fit, or the weather is not finite, or P or Ep negative.
    """
    inputs.check(stores, forcing, parameters, outputs)
    check_weather(forcing)
    kernel, reason = build.load_for(parameters, forcing.dtype)
    if kernel is None:
        _say_once(f"HBV runs as plain numpy: {reason}")
        return hbv.simulate(stores, forcing, parameters, outputs)
    ran = forward(kernel, stores, forcing, parameters, outputs, threads=threads or processors())
    return ran.stores, ran.outputs


class Ran(NamedTuple):
    """What the forward loop leaves."""

    stores: hbv.Stores
    outputs: dict[str, Float]
    kept: Float | None
    """Stores at the beginning of every segment, if asked for."""


class Gradients(NamedTuple):
    """Derivatives of the loss, of the shapes of what they are with respect to."""

    stores: hbv.Stores
    forcing: Float | None
    parameters: dict[str, Float]


def forward(
    kernel: build.Kernel,
    stores: hbv.Stores,
    forcing: Float,
    parameters: Mapping[str, Float],
    outputs: Sequence[str],
    *,
    keep: bool = False,
    threads: int = 1,
) -> Ran:
    """Run the days; `keep` what the reverse loop needs."""
    days, basins = forcing.shape[:2]
    ends = hbv.Stores(*(np.empty(store.shape, forcing.dtype) for store in stores))
    means = {name: np.empty((days, basins), forcing.dtype) for name in outputs}
    segments = -(-days // SEGMENT)
    kept = np.empty((segments, len(STORES), *ends.soil_water.shape), forcing.dtype) if keep else None
    run = _Run(kernel, stores, forcing, parameters, threads)
    run.write("ends", ends)
    run.write("outputs", [means.get(name) for name in OUTPUTS])
    if kept is not None:
        run.struct.kept = kept.ctypes.data
    kernel.forward(byref(run.struct))
    return Ran(ends, means, kept)


def reverse(
    kernel: build.Kernel,
    forcing: Float,
    parameters: Mapping[str, Float],
    kept: Float,
    d_stores: Sequence[Float | None],
    d_outputs: Mapping[str, Float],
    *,
    wrt_forcing: bool = False,
    threads: int = 1,
) -> Gradients:
    """From derivatives of the loss with respect to final stores and outputs to those with respect to inputs."""
    gradients = Gradients(
        hbv.Stores(*(np.empty(kept.shape[2:], forcing.dtype) for _ in STORES)),
        np.empty(forcing.shape, forcing.dtype) if wrt_forcing else None,
        {name: np.empty(value.shape, forcing.dtype) for name, value in parameters.items()},
    )
    run = _Run(kernel, (), forcing, parameters, threads, components=kept.shape[-1])
    run.struct.kept = kept.ctypes.data
    run.read("d_ends", d_stores)
    run.read("d_outputs", [d_outputs.get(name) for name in OUTPUTS])
    run.write("d_stores", gradients.stores)
    run.write("d_parameters", [gradients.parameters[name] for name in kernel.form.parameters])
    if gradients.forcing is not None:
        run.struct.d_weather = gradients.forcing.ctypes.data
    kernel.reverse(byref(run.struct))
    return gradients


class _Run:
    """Fills the structure that a kernel reads, and keeps the arrays it points to alive."""

    def __init__(
        self,
        kernel: build.Kernel,
        stores: Sequence[Float],
        forcing: Float,
        parameters: Mapping[str, Float],
        threads: int,
        components: int = 0,
    ) -> None:
        self.struct: Any = kernel.Run()
        self._dtype = forcing.dtype
        self._alive: list[Float] = []
        self.struct.days, self.struct.basins = forcing.shape[:2]
        self.struct.components = components or stores[0].shape[-1]
        self.struct.threads = threads
        self.struct.weather = self._contiguous(forcing)
        self.read("stores", stores)
        values = [parameters[name] for name in kernel.form.parameters]
        self.read("parameters", values)
        for k, value in enumerate(values):
            self.struct.strides[k] = value[0].size if value.ndim == 3 else 0

    def read(self, field: str, arrays: Sequence[Float | None]) -> None:
        """Point to arrays to be read, copied first if they are not contiguous."""
        for k, array in enumerate(arrays):
            if array is not None:
                getattr(self.struct, field)[k] = self._contiguous(array)

    def write(self, field: str, arrays: Sequence[Float | None]) -> None:
        """Point to fresh arrays to be written."""
        for k, array in enumerate(arrays):
            if array is not None:
                getattr(self.struct, field)[k] = array.ctypes.data

    def _contiguous(self, array: Float) -> int:
        self._alive.append(np.ascontiguousarray(array, self._dtype))
        return self._alive[-1].ctypes.data


def processors() -> int:
    """How many threads may work: `$OMP_NUM_THREADS`, else the processors this process may use."""
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdigit() and int(chosen):
        return int(chosen)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _say_once(message: str) -> None:
    _log.warning(message)
