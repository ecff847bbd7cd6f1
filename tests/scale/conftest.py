"""A domain of a few catchments with two days of forcing, and a small model that fits its attributes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dhbv.configuration import Period
from dhbv.model_directory import ModelDirectory
from dhbv.scale import national
from dhbv.scale.domain import Domain, write_domain
from dhbv.scale.national import Ran
from tests.small_models import small_model

CATCHMENTS = 23
DAYS = [Period(start=d, end=d) for d in (dt.date(2026, 10, 1), dt.date(2026, 10, 2))]
FILES = ("fluxes", "states", "done")


class Nation(NamedTuple):
    model: ModelDirectory
    domain: Domain
    folder: Path

    def day(self, k: int, out: Path, **options: object) -> Ran:
        """Run day `k`, in chunks of 5 unless told otherwise; the second from the first one's states."""
        options = {"chunk": 5} | ({"states": self.folder / "first"} if k else {}) | options
        return national.run(self.model, self.domain.forcing, self.domain.attributes, DAYS[k], out, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Nation:
    """With both days run whole, under `first` and `second`."""
    folder = tmp_path_factory.mktemp("nation")
    made = Nation(small_model(folder / "model"), write_domain(folder, CATCHMENTS, days=2), folder)
    assert made.day(0, folder / "first").start == "cold start: stores nearly empty"
    made.day(1, folder / "second")
    return made


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a run by name, hidden ones too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the name of each chunk that is computed and written from now on."""
    from dhbv.scale.run_folder import RunFolder

    names: list[str] = []
    put: Callable[..., None] = RunFolder.put
    monkeypatch.setattr(
        RunFolder, "put", lambda self, c, *rest: (names.append(c.name), put(self, c, *rest))[1]
    )
    return names
