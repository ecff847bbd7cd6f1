"""What an operation says of the gate is read without what judges by it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["dhbv.operations.configuration", "dhbv.evaluation.thresholds"])
def test_an_operation_is_read_without_figures_and_scores(module: str) -> None:
    heavy = "{'matplotlib', 'PIL', 'scores', 'torch', 'prefect'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
