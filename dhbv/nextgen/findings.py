"""A run folder as far as it can be read, and what is found in it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from dhbv import model_directory
from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen.realization import Realization

Verdict = Literal["ok", "note", "fails"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the best to the worst."""


class Finding(NamedTuple):
    """One line of the table; `fails` where a run would stop or give wrong water."""

    check: str
    verdict: Verdict
    result: str
    remedy: str = ""


class Component(NamedTuple):
    """What the BMI component accepts."""

    load: Callable[[Path], Any]
    """A catchment's file as its configuration; raises DhbvError."""
    attributes: Callable[[Any, Path], Mapping[str, Iterable[Any]]]
    """Columns of attributes of a configuration read from a file; raises DhbvError."""
    outputs: tuple[str, ...]


class Run:
    """A run folder as far as it can be read."""

    def __init__(self, realization: Realization, component: Component) -> None:
        self.realization, self.component = realization, component
        self.files = realization.configurations()
        self.configurations: dict[str, Any] = {}
        self.faults: dict[str, str] = {}
        for name, file in self.files.items():
            try:
                self.configurations[name] = component.load(file)
            except DhbvError as error:
                self.faults[name] = str(error)

    @functools.cached_property
    def models(self) -> dict[Path, ModelDirectory | DhbvError]:
        """Every model named, or why it cannot be loaded."""
        found: dict[Path, ModelDirectory | DhbvError] = {}
        for name, config in self.configurations.items():
            path = (self.files[name].parent / config.model).resolve()
            if path not in found:
                try:
                    found[path] = model_directory.load(path)
                except DhbvError as error:
                    found[path] = error
        return found

    def model(self, name: str) -> ModelDirectory | None:
        found = self.models[(self.files[name].parent / self.configurations[name].model).resolve()]
        return found if isinstance(found, ModelDirectory) else None


def ok(result: str) -> Finding:
    return Finding("", "ok", result)


def note(result: str, remedy: str) -> Finding:
    return Finding("", "note", result, remedy)


def fails(result: str, remedy: str) -> Finding:
    return Finding("", "fails", result, remedy)


def who(names: Iterable[str], run: Run) -> str:
    names = list(names)
    return "all catchments" if len(names) == len(run.files) > 1 else some(names, 3)
