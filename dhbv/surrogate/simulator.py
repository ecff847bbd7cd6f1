"""What a simulator is: a model of anybody's, run as a black box, and what is to be known of it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhbv.configuration import Section
from dhbv.data.schema import some
from dhbv.errors import DhbvError

Float = NDArray[np.floating[Any]]

RUNOFF = "runoff"
"""The output, mm d-1, that is compared with observed streamflow."""


class Free(Section, frozen=True):
    """A parameter that gA shall learn; a place in its range is a fraction of 0 to 1."""

    name: str
    unit: str
    lower: float
    upper: float
    logarithmic: bool = False
    """Whether fractions divide the range by ratios: for what spans orders of magnitude."""
    typical: float | None = None
    """What is taken where nothing is known; by default the middle of the range."""

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise ValueError(f"parameter {self.name}: the range {self.lower:g}..{self.upper:g} is empty")
        if self.typical is not None and not self.lower <= self.typical <= self.upper:
            raise ValueError(
                f"parameter {self.name}: typical is {self.typical:g}, outside {self.lower:g}..{self.upper:g}"
            )
        if self.logarithmic and self.lower <= 0.0:
            raise ValueError(f"parameter {self.name}: a logarithmic range begins above 0, not {self.lower:g}")


class Description(Section, frozen=True):
    """A simulator without its code: all that a surrogate needs to know of it."""

    name: str
    parameters: tuple[Free, ...]
    inputs: tuple[str, ...]
    """Weather of each day, see `dhbv.surrogate.inputs.INPUTS`."""
    outputs: tuple[str, ...] = (RUNOFF,)
    """Of each day; `runoff` (mm d-1) must be among them."""

    def __post_init__(self) -> None:
        for what, names in (
            ("parameters", [p.name for p in self.parameters]), ("inputs", self.inputs), ("outputs", self.outputs),
        ):  # fmt: skip
            if not names or len(set(names)) < len(names):
                raise ValueError(f"simulator {self.name}: {what} must be at least one, each named once")
        if RUNOFF not in self.outputs:
            raise ValueError(
                f"simulator {self.name}: no output {RUNOFF}, which is compared with observed streamflow, among "
                f"{', '.join(self.outputs)}"
            )

    @property
    def typical(self) -> NDArray[np.float64]:
        """Fractions [parameter] of what is taken where nothing is known."""
        middle = self.values(np.full((1, len(self.parameters)), 0.5))
        known = [
            m if p.typical is None else p.typical for p, m in zip(self.parameters, middle[0], strict=True)
        ]
        return self.fractions(np.array([known]))[0]

    def values(self, fractions: Float) -> NDArray[np.float64]:
        """Parameters [..., parameter] in their units at `fractions` (0 to 1) of their ranges."""
        lower, upper = self._ends()
        return self._out(lower + np.asarray(fractions, np.float64) * (upper - lower))

    def fractions(self, values: Float, what: str = "parameters") -> NDArray[np.float64]:
        """The places in their ranges of parameters [set, parameter].

        Raises:
            DhbvError: if one is not finite or outside its range; names `what`, set and parameter.
        """
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.parameters):
            raise DhbvError(
                f"{what}: {list(values.shape)} is not [set, {len(self.parameters)}], one column for each of "
                f"{', '.join(p.name for p in self.parameters)}"
            )
        bounds = np.array([(p.lower, p.upper) for p in self.parameters])
        # As much as a value that was written down in single precision may be off.
        slack = 1e-6 * np.abs(bounds).max(1)
        wrong = np.argwhere(~((values >= bounds[:, 0] - slack) & (values <= bounds[:, 1] + slack)))
        if wrong.size:
            k, j = wrong[0]
            p = self.parameters[j]
            raise DhbvError(
                f"{what}: {p.name} of set {k} is {values[k, j]:g} {p.unit}, outside {p.lower:g}..{p.upper:g} "
                f"({len(wrong)} such values): widen the range, or leave the set out"
            )
        lower, upper = self._ends()
        return np.clip((self._in(values.clip(*bounds.T)) - lower) / (upper - lower), 0.0, 1.0)

    def _ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (
            self._in(np.array([p.lower for p in self.parameters])),
            self._in(np.array([p.upper for p in self.parameters])),
        )

    def _in(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithms of what is divided by ratios."""
        ratios = np.array([p.logarithmic for p in self.parameters])
        return np.where(ratios, np.log(np.where(ratios, values, 1.0)), values)

    def _out(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        ratios = np.array([p.logarithmic for p in self.parameters])
        return np.where(ratios, np.exp(np.where(ratios, places, 0.0)), places)


@dataclass(frozen=True)
class Simulator:
    """A model that can be run but has no gradient."""

    description: Description
    run: Callable[[Float, Float], Float]
    """From parameters [basin, parameter] in their units and weather [basin, day, input] to what comes of it
    [basin, day], or [basin, day, output] where there are several, from a start of the simulator's own."""

    def __call__(self, parameters: Float, weather: Float) -> NDArray[np.float32]:
        """A run [basin, day, output] of parameters [basin, parameter] under weather [basin, day, input].

        Raises:
            DhbvError: if what goes in or comes out has another shape, or comes out not finite; says which.
        """
        about = self.description
        basins, days, _ = weather.shape
        for what, array, wanted in (
            ("parameters", parameters, [basins, len(about.parameters)]),
            ("weather", weather, [basins, days, len(about.inputs)]),
        ):
            if list(array.shape) != wanted:
                raise DhbvError(
                    f"simulator {about.name}: {what} of shape {list(array.shape)}, not {wanted}: give one for each of "
                    f"{', '.join(about.inputs if what == 'weather' else (p.name for p in about.parameters))}"
                )
        given = np.asarray(self.run(parameters, weather), np.float32)
        made = given[..., None] if given.ndim == 2 and len(about.outputs) == 1 else given
        wanted = [basins, days, len(about.outputs)]
        if list(made.shape) != wanted:
            raise DhbvError(
                f"simulator {about.name} gave an array of shape {list(given.shape)}, not {wanted} (basin, day, output): "
                f"correct its function, or its outputs ({', '.join(about.outputs)})"
            )
        bad = np.argwhere(~np.isfinite(made))
        if bad.size:
            basin, day, output = bad[0]
            θ = ", ".join(f"{p.name} {v:g}" for p, v in zip(about.parameters, parameters[basin], strict=True))
            raise DhbvError(
                f"simulator {about.name}: {about.outputs[output]} is {made[basin, day, output]} on day {day} of row "
                f"{basin} ({len(bad)} such values in all), with {θ}: mend it, or narrow the ranges of its parameters"
            )
        return made


def load(name: str) -> Simulator:
    """The simulator called `package.module:NAME`, or `folder/file.py:NAME` where it is in no package.

    Raises:
        DhbvError: if there is none, or it is something else.
    """
    place, _, attribute = name.rpartition(":")
    if not place or (place.startswith(".") and not place.endswith(".py")):
        raise DhbvError(f"--simulator {name}: give package.module:NAME, or file.py:NAME")
    module = _module(place, name)
    found = getattr(module, attribute, None)
    if not isinstance(found, Simulator):
        there = sorted(k for k, v in vars(module).items() if isinstance(v, Simulator))
        what = "nothing" if found is None else f"a {type(found).__name__}"
        raise DhbvError(
            f"--simulator {name}: {attribute} is {what} in {place}, not a dhbv.surrogate.simulator.Simulator; it has "
            f"{some(there) or 'none'}"
        )
    return found


def _module(place: str, name: str) -> ModuleType:
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        path = Path(place)
        spec = importlib.util.spec_from_file_location(f"_simulator_of_{path.stem}", path)
        assert spec is not None, "it ends with .py"
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # There dataclasses look for the module of a class; under a name that hides no other module.
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
    except (ImportError, OSError, SyntaxError) as error:
        raise DhbvError(
            f"--simulator {name}: cannot import {place} ({error}): install it, or give the path of its file.py"
        ) from None
    return module
