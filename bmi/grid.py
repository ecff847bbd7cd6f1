"""The grid of BMI: catchments in a row, without geometry."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from bmipy import Bmi
from numpy.typing import NDArray

GRID = 0
"""The only grid."""


class CatchmentGrid(Bmi):
    """One catchment is a scalar, several are a vector."""

    @property
    @abstractmethod
    def _size(self) -> int:
        """How many there are."""

    def get_grid_type(self, grid: int) -> str:
        return "vector" if self._size > 1 else "scalar"

    def get_grid_rank(self, grid: int) -> int:
        return 1 if self._size > 1 else 0

    def get_grid_size(self, grid: int) -> int:
        return self._size

    def get_grid_shape(self, grid: int, shape: NDArray[np.int_]) -> NDArray[np.int_]:
        shape[:] = self._size
        return shape

    def get_grid_spacing(self, grid: int, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
        raise _no_geometry("spacing")

    def get_grid_origin(self, grid: int, origin: NDArray[np.float64]) -> NDArray[np.float64]:
        raise _no_geometry("origin")

    def get_grid_x(self, grid: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
        raise _no_geometry("x")

    def get_grid_y(self, grid: int, y: NDArray[np.float64]) -> NDArray[np.float64]:
        raise _no_geometry("y")

    def get_grid_z(self, grid: int, z: NDArray[np.float64]) -> NDArray[np.float64]:
        raise _no_geometry("z")

    def get_grid_node_count(self, grid: int) -> int:
        return self._size

    def get_grid_edge_count(self, grid: int) -> int:
        return 0

    def get_grid_face_count(self, grid: int) -> int:
        return 0

    def get_grid_edge_nodes(self, grid: int, edge_nodes: NDArray[np.int_]) -> NDArray[np.int_]:
        raise _no_geometry("edges")

    def get_grid_face_edges(self, grid: int, face_edges: NDArray[np.int_]) -> NDArray[np.int_]:
        raise _no_geometry("faces")

    def get_grid_face_nodes(self, grid: int, face_nodes: NDArray[np.int_]) -> NDArray[np.int_]:
        raise _no_geometry("faces")

    def get_grid_nodes_per_face(self, grid: int, nodes_per_face: NDArray[np.int_]) -> NDArray[np.int_]:
        raise _no_geometry("faces")


def _no_geometry(what: str) -> NotImplementedError:
    return NotImplementedError(f"catchments are a list without geometry: there is no grid {what}")
