"""The one file an experiment leaves: every basin's scores, and how they came about.

Parquet, small enough to commit: a row for each training and basin, rounded to `DIGITS` decimals, and a header
as JSON under the key `HEADER` of the file's metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from dhbv.configuration import Config, Section
from dhbv.errors import DhbvError
from dhbv.experiments.plans import Kind
from dhbv.files import written_whole

FORMAT = 1
SUFFIX = ".parquet"
HEADER = b"delta_hbv.experiment"
DIGITS = 4
ENSEMBLE = "mean"
"""Label of the rows of an ensemble's mean."""


class Trained(Section, frozen=True):
    """One training that is done."""

    label: str
    source: str
    basins: int
    """Trained on."""
    iterations: int
    """Done: fewer than configured where validation stopped it."""
    seconds: float
    """Of training, by the clock on the wall."""
    weights_sha256: str
    data_digest: str
    """sha256 of exactly the data trained on."""


class Header(Section, frozen=True):
    """How the rows came about."""

    name: str
    """Of the model, as tables and figures show it."""
    kind: Kind
    choices: dict[str, Any]
    config: dict[str, Any]
    """As given, basins named; as plain data, so that results outlive changes of what may be configured."""
    sources: dict[str, str]
    """Name and sha256 of each data set."""
    planned: int
    """Trainings in all."""
    trainings: tuple[Trained, ...]
    """Those that are done."""
    machine: dict[str, Any]
    code_version: str
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Results:
    """An experiment's header and its table: columns `label`, `basin`, `held_out`, the scores and more."""

    header: Header
    table: pd.DataFrame

    def of(self, label: str | None = None, *, held_out: bool | None = None) -> pd.DataFrame:
        """Rows of one label, held-out basins or the others, indexed by basin."""
        rows = self.table
        if label is not None:
            rows = rows[rows["label"] == label]
        if held_out is not None:
            rows = rows[rows["held_out"] == held_out]
        return rows.set_index("basin")

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.table["label"]))


def write(results: Results, path: Path) -> None:
    """Write or bring up to date the results at `path`, all at once.

    Raises:
        DhbvError: if `path` holds another experiment, or trainings that `results` lack.
    """
    refuse_other(results.header, path)
    _refuse_loss(results, path)
    table = results.table.copy()
    numbers = _numbers(table)
    table[numbers] = table[numbers].astype(np.float64).round(DIGITS).astype(np.float32)
    content = pa.Table.from_pandas(table, preserve_index=False)
    content = content.replace_schema_metadata({HEADER: msgspec.json.encode(results.header)})
    with written_whole(path) as draft:
        pq.write_table(content, draft, compression="zstd", compression_level=19)


def read(path: Path) -> Results:
    """The results at `path`.

    Raises:
        DhbvError: if they are none, or of another format.
    """
    try:
        content = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise DhbvError(f"{path} cannot be read as results of an experiment: {error}") from None
    header = (content.schema.metadata or {}).get(HEADER)
    if header is None:
        raise DhbvError(
            f"{path} holds no results of an experiment: `dhbv experiment` makes them; move other files away"
        )
    number = msgspec.json.decode(header).get("format")
    if number != FORMAT:
        raise DhbvError(f"{path} has results of format {number}, this version reads {FORMAT}: run it again")
    table = content.replace_schema_metadata(None).to_pandas()
    for name in ("label", "basin"):
        table[name] = table[name].astype(object)
    numbers = _numbers(table)
    # What was rounded shall read as it was rounded.
    table[numbers] = table[numbers].astype(np.float64).round(DIGITS)
    told = msgspec.json.decode(header, type=Header)
    return Results(msgspec.structs.replace(told, config=_completed(told.config)), table)


def read_all(folder: Path) -> dict[str, Results]:
    """All results in `folder` by file stem, sorted.

    Raises:
        DhbvError: if there are none.
    """
    found = {path.stem: read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not found:
        raise DhbvError(
            f"{folder}: no results (*{SUFFIX}) there; `dhbv experiment temporal --out …` makes some"
        )
    return found


def refuse_other(header: Header, path: Path) -> None:
    """Raise DhbvError if `path` holds another experiment than that of `header`; ask before hours of training."""
    if not path.exists():
        return
    old = read(path).header
    same = ("kind", "choices", "config", "sources")
    differing = [n for n in same if _plain(getattr(old, n)) != _plain(getattr(header, n))]
    if differing:
        raise DhbvError(
            f"{path} holds another experiment (different {', '.join(differing)}): choose another --out, or remove it"
        )


def _refuse_loss(results: Results, path: Path) -> None:
    if not path.exists():
        return
    lost = [label for label in read(path).labels if label not in results.labels]
    if lost:
        raise DhbvError(
            f"{path} holds {', '.join(lost)}, which the work folder does not: name the folder they were made in "
            "(--work), or choose another --out"
        )


def _completed(config: dict[str, Any]) -> dict[str, Any]:
    """With what may be configured since then at its default, so that results made before go on and compare."""
    try:
        completed: dict[str, Any] = _plain(msgspec.convert(config, Config))
    except msgspec.ValidationError:  # of a baseline, or with an option that is no more
        return config
    return completed


def _numbers(table: pd.DataFrame) -> list[str]:
    return [str(name) for name, kind in table.dtypes.items() if kind.kind == "f"]


def _plain(value: Any) -> Any:
    """As it is after a journey through JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))
