"""The few places where numpy and torch must be told apart."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""A numpy array or a torch tensor; the physics never asks which."""


def namespace(x: Array) -> ModuleType:
    """The module, numpy or torch, whose functions work on `x`; imports neither anew."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    return np


def like(values: Any, x: Array) -> Array:
    """`values` as an array of the kind, dtype and device of `x`."""
    if namespace(x) is np:
        return np.asarray(values, dtype=x.dtype)
    return x.new_tensor(values)
