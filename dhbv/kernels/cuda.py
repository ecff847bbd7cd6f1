"""The Triton kernels as a differentiable function of torch tensors on a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from dhbv.kernels import inputs
from dhbv.kernels.forms import FORMS, OUTPUTS, STORES, required_form
from dhbv.physics import hbv
from dhbv.physics.variables import RUNOFF
from dhbv.physics.weather import check_weather

WARP = 32
"""Lanes that work in step; one instance of a kernel fills them with whole basins."""


def simulate(
    stores: hbv.Stores,
    forcing: Tensor,
    parameters: Mapping[str, Tensor],
    outputs: Sequence[str] = RUNOFF,
) -> tuple[hbv.Stores, dict[str, Tensor]]:
    """`hbv.simulate` in one kernel each way, for tensors on the GPU (or anywhere under TRITON_INTERPRET=1).

    Raises:
        DhbvError: if shapes or dtypes do not fit, the weather is not finite, P or Ep negative.
    """
    inputs.check(stores, forcing, parameters, outputs)
    if not (forcing.isfinite().all() & (forcing[..., 0::2] >= 0.0).all()):
        check_weather(forcing.detach().cpu().numpy())
    form = required_form(parameters)
    named = [parameters[name] for name in form.parameters]
    results = _Triton.apply(form.name, tuple(outputs), torch.is_grad_enabled(), forcing, *stores, *named)
    return hbv.Stores(*results[: len(STORES)]), dict(zip(outputs, results[len(STORES) :], strict=True))


class _Launch(NamedTuple):
    """What both kernels are told about the size of a run."""

    grid: tuple[int]
    sizes: dict[str, Any]

    @classmethod
    def of(cls, forcing: Tensor, components: int, parameters: Sequence[Tensor]) -> _Launch:
        days, basins = forcing.shape[:2]
        columns = triton.next_power_of_2(components)
        rows = max(WARP // columns, 1)
        dynamic = sum(1 << k for k, value in enumerate(parameters) if value.ndim == 3)
        sizes = {"days": days, "basins": basins, "components": components, "DYNAMIC": dynamic}
        launch = {"ROWS": rows, "COLUMNS": columns, "num_warps": max(columns // WARP, 1)}
        return cls((triton.cdiv(basins, rows),), sizes | launch)


class _Triton(torch.autograd.Function):
    """Final stores and outputs from weather, stores and parameters in the form's order."""

    @staticmethod
    def forward(
        ctx: Any, form: str, outputs: tuple[str, ...], grad: bool, forcing: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        tensors = tuple(x.contiguous() for x in tensors)
        forcing = forcing.contiguous()
        stores, parameters = tensors[: len(STORES)], tensors[len(STORES) :]
        days, basins = forcing.shape[:2]
        keep = grad and any(ctx.needs_input_grad)
        kept = forcing.new_empty((len(STORES), days if keep else 0, *stores[0].shape))
        ends = [torch.empty_like(x) for x in stores]
        means = {name: forcing.new_empty(days, basins) for name in outputs}
        launch = _Launch.of(forcing, stores[0].shape[-1], parameters)
        _module(form).forward[launch.grid](
            forcing, kept, *stores, *ends, *parameters, *(means.get(name, forcing) for name in OUTPUTS),
            WANTED=_mask(name in means for name in OUTPUTS), KEEP=keep, **launch.sizes,
        )  # fmt: skip
        ctx.form, ctx.outputs, ctx.launch = form, outputs, launch
        if keep:
            ctx.save_for_backward(kept, forcing, *parameters)
        ctx.set_materialize_grads(False)
        return (*ends, *means.values())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        kept, forcing, *parameters = ctx.saved_tensors
        given = [None if d is None else d.contiguous() for d in cotangents]
        d_ends, d_means = given[: len(STORES)], dict(zip(ctx.outputs, given[len(STORES) :], strict=True))
        d_stores = [torch.empty_like(kept[0, 0]) for _ in STORES]
        d_parameters = [torch.empty_like(x) for x in parameters]
        d_forcing = torch.empty_like(forcing) if ctx.needs_input_grad[3] else None
        of_outputs = [d_means.get(name) for name in OUTPUTS]
        _module(ctx.form).reverse[ctx.launch.grid](
            forcing, kept, *_or(d_ends, forcing), *d_stores, *_or([d_forcing], forcing), *parameters,
            *d_parameters, *_or(of_outputs, forcing),
            WANTED=_mask(d is not None for d in of_outputs), ENDS=_mask(d is not None for d in d_ends),
            WEATHER=d_forcing is not None, **ctx.launch.sizes,
        )  # fmt: skip
        found = (d_forcing, *d_stores, *d_parameters)
        return None, None, None, *found


def _module(form: str) -> Any:
    """The printed kernels of a form."""
    assert form in FORMS
    return import_module(f"dhbv.kernels.generated.{form}")


def _mask(chosen: Any) -> int:
    return sum(1 << k for k, yes in enumerate(chosen) if yes)


def _or(tensors: Sequence[Tensor | None], placeholder: Tensor) -> list[Tensor]:
    """A kernel takes a pointer for everything; those it does not use point to the placeholder."""
    return [placeholder if x is None else x for x in tensors]
