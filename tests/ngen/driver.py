"""A simulation as ngen runs it: catchments hour by hour, their water at the nexuses, the files it leaves (§7)."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ngen import hydrofabric, protocols
from tests.ngen.adapter import Adapter
from tests.ngen.formulation import Formulation, Restore
from tests.ngen.protocols import Dialect
from tests.ngen.realization import Realization
from tests.ngen.rules import LAYER_STEP, Judge

Float = NDArray[np.float64]


class Simulation(AbstractContextManager["Simulation"]):
    """ngen over one realization; leaving the `with` block is its end.

    Args:
        realization: the JSON file.
        catchments: GeoJSON or GeoPackage.
        nexuses: the same; a GeoPackage holds both.
        root: the folder ngen runs in; that of the realization unless given.
        lenient: go on where ngen would, see `Judge`.
        restore: saved states by key, for every module.
        dialect: how they are restored.

    Attributes:
        depth: main output, m, of each step made so far, by catchment.
        flow: m3 s-1 of each step made so far, by nexus.
        outputs: values of each step made so far, by catchment and header.
    """

    def __init__(
        self,
        realization: Path,
        catchments: Path,
        nexuses: Path | None = None,
        *,
        root: Path | None = None,
        lenient: bool = False,
        restore: Mapping[str, bytes] | None = None,
        dialect: Dialect = "A",
    ) -> None:
        self.judge = Judge(lenient=lenient)
        self.realization = Realization(realization, self.judge, root=root)
        self.catchments = hydrofabric.catchments(catchments)
        ends = hydrofabric.nexuses(nexuses or catchments)
        for catchment in self.catchments.values():
            if catchment.nexus not in ends:
                raise self.judge.abort(
                    "§7", f"{catchment.name} drains to {catchment.nexus}, which is no nexus"
                )
        hand_over = None if restore is None else _restoring(restore, dialect)
        self.formulations: dict[str, Formulation] = {}
        for name, catchment in self.catchments.items():
            self.formulations[name] = Formulation(catchment, self.realization, self.judge, restore=hand_over)
        self.steps = 0
        self.depth: dict[str, list[float]] = {name: [] for name in self.catchments}
        self.flow: dict[str, list[float]] = {c.nexus: [] for c in self.catchments.values()}
        self.outputs: dict[str, dict[str, list[float]]] = {
            name: {header: [] for header in f.headers} for name, f in self.formulations.items()
        }

    @property
    def warnings(self) -> list[str]:
        return self.judge.warnings

    def adapter(self, catchment: str) -> Adapter:
        """The last component of a catchment."""
        return self.formulations[catchment].modules[-1].model

    def run(self, steps: int | None = None) -> Simulation:
        """Make `steps` hours, or all that are left."""
        for _ in range(self.realization.steps - self.steps if steps is None else steps):
            time = self.realization.start + self.steps * dt.timedelta(seconds=LAYER_STEP)
            for flows in self.flow.values():
                flows.append(0.0)
            for name, formulation in self.formulations.items():
                depth, written = formulation.step(self.steps, time)
                catchment = formulation.catchment
                self.depth[name].append(depth)
                self.flow[catchment.nexus][-1] += depth * (catchment.area * 1e6) / LAYER_STEP
                for header, value in zip(formulation.headers, written, strict=True):
                    self.outputs[name][header].append(value)
            self.steps += 1
        return self

    def mass(self, catchment: str) -> Float:
        """in, out, stored, leaked [step, 4] of a catchment's last module."""
        return np.array(self.formulations[catchment].modules[-1].mass.rows)

    def save(self, dialect: Dialect = "A") -> dict[str, bytes]:
        """Every module's state by key, between two steps."""
        modules = [m for f in self.formulations.values() for m in f.modules]
        return {module.key: protocols.save(module.model, dialect) for module in modules}

    def write(self) -> Path:
        """The catchments' and nexuses' CSV files; returns the folder."""
        output = self.realization.output
        folder = self.realization.root / output.get("root", ".")
        folder.mkdir(parents=True, exist_ok=True)
        digits = output.get("precision", 9)
        stamps = [
            f"{self.realization.start + k * dt.timedelta(seconds=LAYER_STEP):%Y-%m-%d %H:%M:%S}"
            for k in range(self.steps)
        ]
        if output.get("catchment", {}).get("enable", True):
            for name, columns in self.outputs.items():
                rows = zip(
                    range(self.steps), stamps, *(_text(c, digits) for c in columns.values()), strict=True
                )
                _write(folder / f"{name}.csv", [("Time Step", "Time", *columns), *rows])
        if output.get("nexus", {}).get("enable", True):
            for name, flows in self.flow.items():
                rows = zip(range(self.steps), stamps, _text(flows, digits), strict=True)
                _write(folder / f"{name}_output.csv", list(rows))
        return folder

    def close(self) -> None:
        """Finalize every component, once."""
        for formulation in self.formulations.values():
            for module in formulation.modules:
                module.model.finalize()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _restoring(states: Mapping[str, bytes], dialect: Dialect) -> Restore:
    def restore(model: Adapter, key: str) -> None:
        if key not in states:
            raise Judge.abort("§10", f"no saved state of {key}")
        protocols.restore(model, dialect, states[key])

    return restore


def _text(values: list[float], digits: int) -> list[str]:
    return [f"{value:.{digits}g}" for value in values]


def _write(path: Path, rows: list[Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
