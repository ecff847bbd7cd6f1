"""The kernels as differentiable functions of torch tensors, and the choice among them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dhbv.errors import DhbvError
from dhbv.kernels import build, inputs, native
from dhbv.kernels.forms import FORMS, STORES, Form, form_of, lacking, required_form
from dhbv.physics import hbv
from dhbv.physics.variables import RUNOFF
from dhbv.physics.weather import check_weather

Choice = Literal["auto", "eager", "cpp", "triton"]
Simulate = Callable[..., tuple[hbv.Stores, dict[str, Tensor]]]
"""A function of the signature of `hbv.simulate`, differentiable with respect to all tensors."""

_log = logging.getLogger(__name__)


def simulate_cpp(
    stores: hbv.Stores,
    forcing: Tensor,
    parameters: Mapping[str, Tensor],
    outputs: Sequence[str] = RUNOFF,
) -> tuple[hbv.Stores, dict[str, Tensor]]:
    """`hbv.simulate` through the compiled loops, for tensors on the CPU.

    Raises:
        DhbvError: if shapes or dtypes do not fit, the weather is not finite, P or Ep negative, or
            there is no such kernel on this machine.
    """
    inputs.check(stores, forcing, parameters, outputs)
    check_weather(forcing.detach().numpy())
    form = required_form(parameters)
    kernel, reason = build.load(form, dtype_name(forcing.dtype))
    if kernel is None:
        raise DhbvError(f"kernel 'cpp' does not work here: {reason}; choose 'auto' or 'eager'")
    named = [parameters[name] for name in form.parameters]
    results = _Cpp.apply(kernel, tuple(outputs), torch.is_grad_enabled(), forcing, *stores, *named)
    return hbv.Stores(*results[: len(STORES)]), dict(zip(outputs, results[len(STORES) :], strict=True))


def dtype_name(dtype: torch.dtype) -> str:
    """As numpy calls it, where it knows it."""
    return str(dtype).removeprefix("torch.")


class _Cpp(torch.autograd.Function):
    """Final stores and outputs from weather, stores and parameters in the form's order."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: build.Kernel,
        outputs: tuple[str, ...],
        grad: bool,
        forcing: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        stores, parameters = _split(kernel.form, [x.detach().numpy() for x in tensors])
        keep = grad and any(ctx.needs_input_grad)
        ran = native.forward(
            kernel, stores, forcing.detach().numpy(), parameters, outputs,
            keep=keep, threads=torch.get_num_threads(),
        )  # fmt: skip
        ctx.kernel, ctx.outputs = kernel, outputs
        if keep:
            assert ran.kept is not None
            ctx.save_for_backward(torch.from_numpy(ran.kept), forcing, *tensors[len(STORES) :])
        ctx.set_materialize_grads(False)
        return tuple(torch.from_numpy(x) for x in (*ran.stores, *ran.outputs.values()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        kept, forcing, *values = (x.detach().numpy() for x in ctx.saved_tensors)
        d_results = [None if d is None else d.detach().numpy() for d in cotangents]
        d_outputs = dict(zip(ctx.outputs, d_results[len(STORES) :], strict=True))
        gradients = native.reverse(
            ctx.kernel, forcing, dict(zip(ctx.kernel.form.parameters, values, strict=True)), kept,
            d_results[: len(STORES)], {name: d for name, d in d_outputs.items() if d is not None},
            wrt_forcing=ctx.needs_input_grad[3], threads=torch.get_num_threads(),
        )  # fmt: skip
        wanted = ctx.needs_input_grad[3:]
        found = (gradients.forcing, *gradients.stores, *gradients.parameters.values())
        return (
            None,
            None,
            None,
            *(torch.from_numpy(x) if want else None for x, want in zip(found, wanted, strict=True)),
        )


def _split(form: Form, values: Sequence[Any]) -> tuple[hbv.Stores, dict[str, Any]]:
    stores, parameters = values[: len(STORES)], values[len(STORES) :]
    return hbv.Stores(*stores), dict(zip(form.parameters, parameters, strict=True))


def simulate_eager(
    stores: hbv.Stores,
    forcing: Tensor,
    parameters: Mapping[str, Tensor],
    outputs: Sequence[str] = RUNOFF,
) -> tuple[hbv.Stores, dict[str, Tensor]]:
    """`hbv.simulate` itself, after the check of the weather that every path makes.

    Raises:
        DhbvError: if the weather is not finite, P or Ep negative.
    """
    check_weather(forcing.detach().cpu().numpy())
    return hbv.simulate(stores, forcing, parameters, outputs)


@cache
def select(kernel: Choice = "auto", device: str | torch.device = "cpu") -> Simulate:
    """The path that `kernel` asks for, on `device`; "auto" picks the quickest that works there, and the plain
    loop for a dtype or a set of parameters that has no kernel.

    Says in the log, once, which it is.

    Raises:
        DhbvError: if `kernel` names a path that does not work here; the message says why.
    """
    kind = torch.device(device).type
    simulate, what = _choose(kernel, kind)
    _log.info("HBV runs %s (kernel %r, device %s)", what, kernel, kind)
    return simulate


def _choose(kernel: Choice, kind: str) -> tuple[Simulate, str]:
    if kernel == "eager":
        return simulate_eager, "as a plain loop over days"
    reasons = []
    for name, candidate in _CANDIDATES.items():
        if kernel in ("auto", name):
            simulate, reason = candidate(kind)
            if simulate is not None:
                return (_or_eager(simulate, kind) if kernel == "auto" else simulate), reason
            reasons.append(reason)
    if kernel == "auto":
        return simulate_eager, f"as a plain loop over days, for {'; '.join(reasons)}"
    raise DhbvError(f"kernel {kernel!r} does not work here: {'; '.join(reasons)}; choose 'auto' or 'eager'")


def _or_eager(simulate: Simulate, kind: str) -> Simulate:
    """`simulate`, but the plain loop for what it has no kernel for; says so once."""

    def run(
        stores: hbv.Stores,
        forcing: Tensor,
        parameters: Mapping[str, Tensor],
        outputs: Sequence[str] = RUNOFF,
    ) -> tuple[hbv.Stores, dict[str, Tensor]]:
        reason = _lack(tuple(parameters), forcing.dtype, kind)
        if not reason:
            return simulate(stores, forcing, parameters, outputs)
        _say_once(f"HBV runs as a plain loop over days: {reason}")
        return simulate_eager(stores, forcing, parameters, outputs)

    return run


@cache
def _lack(parameters: tuple[str, ...], dtype: torch.dtype, kind: str) -> str:
    """Why there is no kernel for this, or nothing."""
    if kind == "cpu":
        kernel, reason = build.load_for(parameters, dtype_name(dtype))
        return "" if kernel else reason
    return "" if form_of(parameters) else lacking(parameters)


@cache
def _say_once(message: str) -> None:
    _log.warning(message)


def _cpp(kind: str) -> tuple[Simulate | None, str]:
    if kind != "cpu":
        return None, f"the C++ kernel cannot run on {kind}"
    # One small build tells whether builds work; other forms and precisions follow when they are needed.
    found, reason = build.load(FORMS["delta"], "float32")
    if found is None:
        return None, reason
    return simulate_cpp, "through the compiled C++ kernel"


def _triton(kind: str) -> tuple[Simulate | None, str]:
    if kind != "cuda":
        return None, f"the Triton kernel cannot run on {kind}"
    try:
        from dhbv.kernels import cuda
    except ImportError as problem:
        return None, f"Triton is not installed ({problem})"
    return cuda.simulate, "through the Triton kernel"


_CANDIDATES = {"cpp": _cpp, "triton": _triton}
