"""The Triton kernels, under Triton's interpreter, so that no GPU is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

CODE = """
import torch
from dhbv.kernels import cuda
from dhbv.kernels.forms import FORMS
from dhbv.physics.variables import RUNOFF
from tests.kernels.cases import case, compare

for form in FORMS.values():
    compare(cuda.simulate, case(form, days=3, basins=9, components=5, dynamic=("beta", "k0")))
delta = FORMS["delta"]
compare(cuda.simulate, case(delta, days=3, basins=1, components=1, dynamic=delta.parameters), RUNOFF)
compare(cuda.simulate, case(delta, days=1, basins=3, components=16), ("swe",))
compare(cuda.simulate, case(delta, days=4, basins=2, components=35, change={"Ep": 0.0, "P": 500.0}), ())

given = case(delta, days=4, basins=3, components=2)
with torch.no_grad():
    given.parameters["uzl"][1, 0] = float("nan")
    ends, means = cuda.simulate(given.stores, given.forcing, given.parameters)
assert means["q0"].isnan().any(0).tolist() == [False, True, False]

given.forcing.data[2, 1, 1] = float("nan")
try:
    cuda.simulate(given.stores, given.forcing, given.parameters)
except ValueError as problem:
    assert "basin 1: T is nan on day 2 " in str(problem)
else:
    raise AssertionError("NaN passed")
"""


def test_triton_equals_the_eager_loop() -> None:
    """In a process of its own: the interpreter is chosen when Triton is imported."""
    env = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", CODE], env=env, cwd=root, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
