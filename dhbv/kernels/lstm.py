"""The compiled LSTM as a differentiable function of torch tensors, and the choice between it and torch's own.

Weights are those of an `nn.LSTM` of one layer. On a CPU torch allocates anew for every day and minibatch,
and copies what it computes; the compiled layer goes through a whole sequence in one call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from ctypes import byref
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dhbv.kernels import build
from dhbv.kernels.autograd import Choice, dtype_name

Memory = tuple[Tensor, Tensor]
"""What an LSTM hands from day to day: hidden units and cells, each [basin, hidden]."""
Products = Literal["float32", "bfloat16"]
Layer = Callable[[nn.LSTM, Mapping[str, Tensor], Tensor, Memory | None], tuple[Tensor, Memory]]
"""A function of the LSTM, weights that replace its own, inputs [time, basin, input] and the memory before
the first day (none means zeros); its output [time, basin, hidden] and the memory after the last."""

_LANES_BYTES = 128
"""At most so many bytes are worked on together: two vectors of AVX-512."""
_KEPT = 5
"""Numbers of a unit and day that the reverse pass needs; as in lstm.cpp."""

_log = logging.getLogger(__name__)


class How(NamedTuple):
    """How an LSTM is to run."""

    kernel: Choice = "auto"
    """As HBV, see `dhbv.kernels.autograd.select`: "eager" means torch's own LSTM."""
    products: Products = "float32"
    """The precision of products of matrices other than the recurrence, in the compiled LSTM."""


QUICKEST = How()


@cache
def select(how: How, device: str, dtype: torch.dtype) -> Layer:
    """The quickest LSTM there is for a device and dtype, or torch's own if that is asked for.

    Says in the log, once, which it is.
    """
    kernel, products = how
    reason = "as asked for"
    if kernel != "eager":
        if device == "cpu":
            library, reason = build.load_lstm(dtype_name(dtype))
            if library is not None:
                _log.info("LSTM runs through the compiled C++ kernel (%s, products in %s)", dtype, products)
                return _compiled(library, products)
        else:
            reason = f"the C++ kernel cannot run on {device}"
    _log.info("LSTM runs as torch has it: %s", reason)
    return run_torch


def run_torch(
    lstm: nn.LSTM, weights: Mapping[str, Tensor], x: Tensor, memory: Memory | None
) -> tuple[Tensor, Memory]:
    """The layer as `nn.LSTM` runs it."""
    given = None if memory is None else (memory[0][None], memory[1][None])
    out, (h, c) = torch.func.functional_call(lstm, dict(weights), (x, given))
    return out, (h[0], c[0])


def _compiled(library: build.Library, products: Products) -> Layer:
    def run(
        lstm: nn.LSTM, weights: Mapping[str, Tensor], x: Tensor, memory: Memory | None
    ) -> tuple[Tensor, Memory]:
        w = {**dict(lstm.named_parameters()), **weights}
        w_input, bias = w["weight_ih_l0"], w["bias_ih_l0"] + w["bias_hh_l0"]
        if memory is None:
            zeros = x.new_zeros(x.shape[1], lstm.hidden_size)
            memory = zeros, zeros
        if products == "float32":
            inputs: tuple[Tensor | None, ...] = (x, w_input, bias, None)
        else:
            half = nn.functional.linear(x.bfloat16(), w_input.bfloat16())
            inputs = (None, None, None, half.to(x.dtype) + bias)
        h, c = _Cpp.apply(library, torch.is_grad_enabled(), *inputs, w["weight_hh_l0"], *memory)
        return h, (h[-1], c)

    return run


class _Cpp(torch.autograd.Function):
    """Hidden units of all days and the last cells, from x, w_input and bias, or from what these come to."""

    @staticmethod
    def forward(
        ctx: Any,
        library: build.Library,
        grad: bool,
        x: Tensor | None,
        w_input: Tensor | None,
        bias: Tensor | None,
        projected: Tensor | None,
        w_hidden: Tensor,
        h_before: Tensor,
        c_before: Tensor,
    ) -> tuple[Tensor, Tensor]:
        given = x if x is not None else projected
        assert given is not None
        days, basins = given.shape[:2]
        h = given.new_empty(days, basins, w_hidden.shape[1])
        c = torch.empty_like(h[0])
        run = _Run(
            library, h.shape, 0 if x is None else x.shape[2],
            x=x, w_input=w_input, bias=bias, projected=projected,
            w_hidden=w_hidden, h_before=h_before, c_before=c_before, h=h, c_after=c,
        )  # fmt: skip
        if grad and any(ctx.needs_input_grad):
            ctx.library, ctx.kept = library, _Workspace(h.numel() // h.shape[2], h.shape[2], library.dtype)
            run.struct.kept = ctx.kept.address
            ctx.save_for_backward(x, w_input, w_hidden, h_before, c_before, h)
        library.forward(byref(run.struct))
        ctx.set_materialize_grads(False)
        return h, c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor | None, d_c: Tensor | None) -> tuple[Tensor | None, ...]:
        x, w_input, w_hidden, h_before, c_before, h = ctx.saved_tensors
        d_h_before, d_c_before = torch.empty_like(h_before), torch.empty_like(c_before)
        results = {"d_h_before": d_h_before, "d_c_before": d_c_before}
        if x is None:
            results["d_projected"] = h.new_empty(*h.shape[:2], w_hidden.shape[0])
        else:
            results |= {
                "d_w_input": torch.empty_like(w_input), "d_w_hidden": torch.empty_like(w_hidden),
                "d_bias": w_hidden.new_empty(w_hidden.shape[0]),
            }  # fmt: skip
            if ctx.needs_input_grad[2]:
                results["d_x"] = torch.empty_like(x, memory_format=torch.contiguous_format)
        run = _Run(
            ctx.library, h.shape, 0 if x is None else x.shape[2],
            x=x, w_input=w_input, w_hidden=w_hidden, h_before=h_before, c_before=c_before, h=h,
            d_h=d_h, d_c_after=d_c, **results,
        )  # fmt: skip
        run.struct.kept = ctx.kept.address
        ctx.library.reverse(byref(run.struct))
        if x is None:
            results["d_w_hidden"] = _of_hidden(results["d_projected"], h_before, h)
        names = ("d_x", "d_w_input", "d_bias", "d_projected", "d_w_hidden", "d_h_before", "d_c_before")
        return None, None, *(results.get(name) for name in names)


def _of_hidden(d_gates: Tensor, h_before: Tensor, h: Tensor) -> Tensor:
    """The gradient of the recurrent weights, multiplied in bfloat16."""
    left, right = (
        d_gates.flatten(0, 1).bfloat16(),
        torch.cat([h_before[None], h[:-1]]).flatten(0, 1).bfloat16(),
    )
    return (left.t() @ right).to(h)


class _Run:
    """Fills the structure that the kernel reads, and keeps the tensors it points to alive."""

    def __init__(
        self, library: build.Library, shape: torch.Size, inputs: int, **tensors: Tensor | None
    ) -> None:
        days, basins, hidden = shape
        self.struct: Any = library.Run(days, basins, inputs, hidden, torch.get_num_threads())
        self._alive = {name: t.detach().contiguous() for name, t in tensors.items() if t is not None}
        for name, tensor in self._alive.items():
            setattr(self.struct, name, tensor.data_ptr())


class _Workspace:
    """Memory for what the reverse pass needs; handed on to the next minibatch when the last is done with.

    Fresh memory comes zeroed by the system, page by page, which would take as long as the LSTM itself.
    """

    _spare: ClassVar[list[NDArray[Any]]] = []

    def __init__(self, days: int, hidden: int, dtype: np.dtype[Any]) -> None:
        lanes = _LANES_BYTES // dtype.itemsize
        size = days * _KEPT * -(-hidden // lanes) * lanes * dtype.itemsize
        fits = self._spare and self._spare.pop()
        self._memory = (
            fits if isinstance(fits, np.ndarray) and fits.size >= size else np.empty(size, np.uint8)
        )
        self.address = self._memory.ctypes.data

    def __del__(self) -> None:
        if not self._spare:
            self._spare.append(self._memory)
