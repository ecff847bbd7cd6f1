"""Catchments are a scalar or a vector without geometry."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from bmi.grid import GRID
from dhbv.model_directory import ModelDirectory
from tests.bmi.components import started, write_config


@pytest.mark.parametrize(("size", "kind", "rank"), [(1, "scalar", 0), (3, "vector", 1)])
def test_one_is_a_scalar_several_are_a_vector(
    model: ModelDirectory, tmp_path: Path, size: int, kind: str, rank: int
) -> None:
    bmi = started(write_config(tmp_path, model, size))
    assert (bmi.get_grid_type(GRID), bmi.get_grid_rank(GRID)) == (kind, rank)
    assert bmi.get_grid_size(GRID) == bmi.get_grid_node_count(GRID) == size
    assert bmi.get_grid_edge_count(GRID) == bmi.get_grid_face_count(GRID) == 0
    shape = np.zeros(rank, dtype=np.int32)
    assert bmi.get_grid_shape(GRID, shape) is shape
    assert shape.tolist() == [size] * rank


@pytest.mark.parametrize(
    "name", ["spacing", "origin", "x", "y", "z", "edge_nodes", "face_edges", "face_nodes", "nodes_per_face"]
)
def test_geometry_is_refused_in_words(model: ModelDirectory, tmp_path: Path, name: str) -> None:
    bmi = started(write_config(tmp_path, model, 3))
    ask = getattr(bmi, f"get_grid_{name}")
    (array,) = [p for p in inspect.signature(ask).parameters if p != "grid"]
    with pytest.raises(NotImplementedError, match=r"list without geometry: there is no grid \w+"):
        ask(GRID, **{array: np.empty(3)})
