"""Whether the archived water adds up: P + booked = Q + ET + Δsnow + Δsoil + Δzones + Δrouting, and if not, why.

Each run brings its stores at the beginning, so that a day is balanced against the state it really began with. Where
another version, another spin-up or missing days break the chain of days, the window is split: the stores are then
exchanged, which is no flux.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from dhbv.fluxes.archive import LATEST, Archive, Entry
from dhbv.fluxes.layout import ANALYSIS
from dhbv.fluxes.names import BOOKED
from dhbv.fluxes.places import Box
from dhbv.fluxes.query import Asked, Progress, ask
from dhbv.forecast import OPENING
from dhbv.physics.water_balance import BUDGETS, STORES, WHOLE, Budget
from dhbv.store import parquet, series
from dhbv.store.manifest import Manifest
from dhbv.store.series import Day

Float = NDArray[np.float64]

BASINS_AT_ONCE = 64

TERMS = {
    "snow": ("snowpack", "snow_liquid"),
    "soil": ("soil_water",),
    "zones": ("upper_zone", "lower_zone"),
    "routing": ("routing_store",),
}
"""The stores of each change that is told."""

_PHASES = Budget(("prcp",), ("rain", "snow"))
"""All that falls is rain or snow."""

_FLUXES = sorted({n for b in (*BUDGETS.values(), WHOLE, _PHASES) for n in (*b.gains, *b.losses)})
_COLUMNS = (*_FLUXES, *STORES, *(v.name for v in BOOKED.values()), *(OPENING + s for s in STORES))

_HALF_ULP = 2.0**-24
"""By so much of itself a number is off that was rounded to float32."""
_SINGLE = 1e-6
"""Of all that is stored, by day: how well a run in float32 closes."""
_SHOWN = 3
"""Findings told of a segment."""


class Segment(NamedTuple):
    """Days of one basin whose stores follow from one another; depths in mm."""

    start: dt.date
    end: dt.date
    days: int
    version: str
    begins: str
    """Why it does not go on from the days before."""
    precipitation: float
    booked: float
    runoff: float
    evaporation: float
    snow: float
    soil: float
    zones: float
    routing: float
    """Changes of what is stored."""
    residual: float
    """What came in and was booked, less what left and what is stored more."""
    rounding: float
    """How much of it the rounding of numbers can make at most."""
    why: str
    """Where it comes from; empty where it is 0."""

    @property
    def closes(self) -> bool:
        """Whether rounding explains the residual."""
        return abs(self.residual) <= self.rounding


class Balance(NamedTuple):
    """One basin over the window."""

    basin: str
    segments: tuple[Segment, ...]
    left_out: int
    """Days in the window without a row, or whose beginning is not known."""
    note: str
    """Why days were left out."""

    @property
    def residual(self) -> float:
        """mm, of all segments."""
        return sum(s.residual for s in self.segments)

    @property
    def closes(self) -> bool:
        """Whether rounding explains the residual of every segment; not where there is none to add up."""
        return bool(self.segments) and all(s.closes for s in self.segments)

    @property
    def why(self) -> str:
        """Where the residual comes from."""
        return "; ".join(dict.fromkeys(s.why for s in self.segments if s.why))

    def as_json(self) -> dict[str, Any]:
        """In plain types."""
        return {
            "basin": self.basin,
            "residual_mm": self.residual if self.segments else None,
            "rounding_mm": sum(s.rounding for s in self.segments),
            "closes": self.closes if self.segments else None,
            "why": self.why or self.note,
            "days": sum(s.days for s in self.segments),
            "days_left_out": self.left_out,
            "note": self.note,
            "segments": [
                {
                    name if isinstance(value, str | int) or name in ("start", "end") else f"{name}_mm": (
                        str(value) if isinstance(value, dt.date) else value
                    )
                    for name, value in s._asdict().items()
                }
                for s in self.segments
            ],
        }


def balance(
    archive: Path | str,
    *,
    basins: Sequence[str] | str | Path | None = None,
    huc: str | None = None,
    box: Box | None = None,
    start: Day | None = None,
    end: Day | None = None,
    version: str = LATEST,
    on_progress: Progress = lambda done, total: None,
) -> list[Balance]:
    """The water balance of each basin over a window, by default over all days of the archive; see `dhbv.fluxes.open`.

    Raises:
        DhbvError: as `dhbv.fluxes.open` does.
    """
    source = Archive.existing(archive)

    def read(manifest: Manifest) -> list[Balance]:
        asked = ask(source, manifest, "analysis", basins, huc, box, start, end, version)
        found: list[Balance] = []
        for first in range(0, len(asked.basins), BASINS_AT_ONCE):
            on_progress(first, len(asked.basins))
            some = asked.basins[first : first + BASINS_AT_ONCE]
            rows = _Rows(_table(source, manifest, asked, some), some, asked.days)
            found += [_balance(basin, rows.of(k), asked) for k, basin in enumerate(some)]
        on_progress(len(asked.basins), len(asked.basins))
        return found

    return source.reading(read)


def _table(source: Archive, manifest: Manifest, asked: Asked, basins: Sequence[str]) -> pa.Table:
    """Rows of all batches that count, from the day before the window on: there the first run may have begun."""
    days = np.concatenate([asked.days[:1] - 1, asked.days])
    where = (pc.field("day") >= days[0].item()) & (pc.field("day") <= days[-1].item())
    where &= (pc.field("basin") >= min(basins)) & (pc.field("basin") <= max(basins))
    where &= pc.field("basin").isin(list(basins))
    if asked.batches is not None:
        where &= pc.field("batch").isin(list(asked.batches))
    names = ["basin", "day", "batch", *_COLUMNS]
    return pa.concat_tables(
        parquet.read(source.path, manifest.of(ANALYSIS.name, year), ANALYSIS, names, where)
        for year, _ in series.years(days)
    )


class _Days(NamedTuple):
    """The best estimate of one basin, a row a day, in order."""

    day: NDArray[np.datetime64]
    batch: NDArray[np.int64]
    opens: NDArray[np.bool_]
    """Whether a run begins with it."""
    fluxes: dict[str, Float]
    booked: dict[str, Float]
    """By store."""
    before: dict[str, Float]
    """Stores as its own run had them at its beginning; NaN where that is not known."""
    after: dict[str, Float]

    def part(self, span: slice) -> _Days:
        """Some of them."""
        books = (
            {n: v[span] for n, v in b.items()} for b in (self.fluxes, self.booked, self.before, self.after)
        )
        return _Days(self.day[span], self.batch[span], self.opens[span], *books)


class _Rows:
    """Rows of several basins and batches."""

    def __init__(self, table: pa.Table, basins: Sequence[str], days: NDArray[np.datetime64]) -> None:
        position = {b: k for k, b in enumerate(basins)}
        basin = np.array([position[b] for b in table["basin"].to_pylist()], np.int64)
        day = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
        batch = table["batch"].to_numpy().astype(np.int64)
        order = np.lexsort((batch, day, basin))
        self._basin, self._day, self._batch = basin[order], day[order], batch[order]
        self._columns = {n: table[n].to_numpy().astype(np.float64)[order] for n in _COLUMNS}
        self._first = int(days[0].astype(np.int64))

    def of(self, basin: int) -> _Days:
        """The last row of each day of the window."""
        mine = slice(*np.searchsorted(self._basin, [basin, basin + 1]))
        day, batch = self._day[mine], self._batch[mine]
        columns = {n: v[mine] for n, v in self._columns.items()}
        last = np.append(day[1:] != day[:-1], True)[: len(day)] & (day >= self._first)
        key = day * (batch.max(initial=0) + 1) + batch
        step = batch.max(initial=0) + 1
        own = np.minimum(np.searchsorted(key, key[last] - step), max(len(key) - 1, 0))
        has = key[own] == key[last] - step if len(key) else last
        opens = ~np.isnan(columns[OPENING + STORES[0]][last])
        before = {}
        for s in STORES:
            carried = np.where(has, columns[s][own], np.nan) if len(key) else columns[s]
            before[s] = np.where(opens, columns[OPENING + s][last], carried)
        return _Days(
            day[last].astype("datetime64[D]"), batch[last], opens,
            {n: columns[n][last] for n in _FLUXES},
            {s: np.nan_to_num(columns[BOOKED[s].name][last]) for s in STORES},
            before, {s: columns[s][last] for s in STORES},
        )  # fmt: skip


def _balance(basin: str, days: _Days, asked: Asked) -> Balance:
    known = np.all([~np.isnan(b) for b in days.before.values()], 0)
    left_out, note = len(asked.days) - int(known.sum()), ""
    if left_out:
        absent = len(asked.days) - len(known)
        unknown = days.day[~known]
        notes = [f"{absent} days are not in the archive"] if absent else []
        if len(unknown):
            notes.append(f"the stores before {unknown[0]} are not known ({len(unknown)} days so)")
        note = " and ".join(notes)
    segments = [
        _segment(days, span, begins, asked.entries) for span, begins in _spans(days, known, asked.entries)
    ]
    return Balance(basin, tuple(segments), left_out, note)


def _spans(
    days: _Days, known: NDArray[np.bool_], entries: Mapping[int, Entry]
) -> Iterator[tuple[slice, str]]:
    """Rows that follow from one another, and why they do not from those before."""
    begins: list[tuple[int, str]] = []
    jumped = _jumped(days)
    for i in np.flatnonzero(known).tolist():
        entry = entries[int(days.batch[i])]
        before = entries[int(days.batch[i - 1])] if i else entry
        if i == 0:
            begins.append((i, "the window begins"))
        elif not known[i - 1]:
            begins.append((i, "the stores of the days before are not known"))
        elif days.day[i] - days.day[i - 1] != np.timedelta64(1, "D"):
            begins.append((i, f"the days from {days.day[i - 1] + 1} to {days.day[i] - 1} are missing"))
        elif entry.weights_sha256 != before.weights_sha256:
            begins.append((i, f"another version: {_version(before)} before"))
        elif jumped[i] and not days.opens[i]:
            begins.append((i, f"days of another run of the same weights ({entry.source})"))
        elif jumped[i] and not entry.goes_on:
            begins.append((i, f"the stores were filled anew ({entry.start})"))
    for k, (first, why) in enumerate(begins):
        stop = begins[k + 1][0] if k + 1 < len(begins) else len(known)
        # What is not known lies behind the last known row of the span.
        count = int(np.argmin(np.append(known[first:stop], False)))
        yield slice(first, first + count), why


def _jumps(days: _Days) -> dict[str, Float]:
    """By how much each store begins a day fuller than it ended the day before, [day]; 0 on the first."""
    return {s: np.append([0.0], days.before[s][1:] - days.after[s][:-1])[: len(days.day)] for s in STORES}


def _jumped(days: _Days) -> NDArray[np.bool_]:
    return np.any([abs(j) > _tolerance(days.before[s]) for s, j in _jumps(days).items()], 0)


def _tolerance(store: Float) -> Float:
    """What two roundings of a store's depth may differ by."""
    return 4.0 * _HALF_ULP * abs(store) + 1e-9


def _segment(days: _Days, span: slice, begins: str, entries: Mapping[int, Entry]) -> Segment:
    part = days.part(span)
    change = {
        name: sum(float(part.after[s][-1] - part.before[s][0]) for s in stores)
        for name, stores in TERMS.items()
    }
    p, et, q = (float(part.fluxes[n].sum()) for n in ("prcp", "et", "runoff"))
    booked = sum(float(b.sum()) for b in part.booked.values())
    residual = p + booked - et - q - sum(change.values())
    entry = entries[int(part.batch[0])]
    single = any(entries[b].precision == "float32" for b in np.unique(part.batch).tolist())
    rounding = float(_whole_rounding(part, single))
    why = ""
    if abs(residual) > rounding:
        why = _reason(part, single, residual)
    elif residual != 0.0:
        precision = "computed" if single else "stored"
        why = f"rounding: the numbers are {precision} in float32, which explains up to {rounding:.1e} mm"
    return Segment(
        start=part.day[0].item(), end=part.day[-1].item(), days=len(part.day), version=_version(entry), begins=begins,
        precipitation=p, booked=booked, runoff=q, evaporation=et, **change, residual=residual, rounding=rounding,
        why=why,
    )  # fmt: skip


def _whole_rounding(days: _Days, single: bool) -> float:
    """The most that rounding can make of the residual, mm."""
    ends = sum(abs(days.before[s][0]) + abs(days.after[s][-1]) for s in STORES)
    flown = sum(abs(days.fluxes[n]).sum() for n in ("prcp", "et", "runoff"))
    booked = sum(abs(b).sum() for b in days.booked.values())
    # Where one run hands over to the next the same depth may have been rounded twice.
    joints = sum(
        np.where(abs(j) <= _tolerance(days.before[s]), abs(j), 0.0).sum() for s, j in _jumps(days).items()
    )
    bound = _HALF_ULP * (ends + flown + booked) + joints
    if single:
        bound += _SINGLE * sum(abs(days.after[s]).sum() for s in STORES)
    return float(bound) + 1e-12


def _reason(days: _Days, single: bool, residual: float) -> str:
    """Which stores lose or gain water that no flux tells of, and when."""
    found: list[tuple[float, str]] = []
    jumps = _jumps(days)
    for s, budget in BUDGETS.items():
        jump = np.where(abs(jumps[s]) > _tolerance(days.before[s]), jumps[s], 0.0)
        for i in np.flatnonzero(jump).tolist():
            found.append((
                jump[i],
                f"{s} begins {days.day[i]} with {abs(jump[i]):.4g} mm {'more' if jump[i] > 0 else 'less'} than it ended "
                "the day before, which nobody booked",
            ))  # fmt: skip
        gained = days.after[s] - days.before[s] - days.booked[s] - budget.net(days.fluxes)
        moved = abs(days.booked[s]) + sum(abs(days.fluxes[n]) for n in (*budget.gains, *budget.losses))
        found += _unexplained(s, gained, moved, days.before[s], days.after[s], days, single)
    none = np.zeros(len(days.day))
    fell = _PHASES.net(days.fluxes)
    found += _unexplained("rain and snow", -fell, days.fluxes["prcp"], none, none, days, single)
    found.sort(key=lambda f: -abs(f[0]))
    if not found:
        return f"{residual:.4g} mm are not explained by rounding, nor by any one store"
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(text for _, text in found[:_SHOWN]) + more


def _unexplained(
    what: str, gained: Float, moved: Float, before: Float, after: Float, days: _Days, single: bool
) -> list[tuple[float, str]]:
    """What a store gained, [day], beyond what `moved` in and out, if rounding does not explain it."""
    each = _SINGLE if single else _HALF_ULP
    limit = 2.0 * each * (abs(before) + abs(after) + moved) + 1e-12
    total, beyond = float(gained.sum()), np.flatnonzero(abs(gained) > limit)
    # One day's rounding of the store is taken back by the next: what is left is that of both ends.
    ends = abs(after).sum() if single else abs(before[0]) + abs(after[-1])
    if not len(beyond) and abs(total) <= each * (ends + moved.sum()) + _tolerance(before[days.opens]).sum():
        return []
    verb = "gains" if total > 0 else "loses"
    if not len(beyond):
        return [
            (total, f"{what} {verb} {abs(total):.4g} mm over the days beyond its fluxes, little by little")
        ]
    worst = int(beyond[np.argmax(abs(gained[beyond]))])
    amount = float(gained[beyond].sum())
    verb = "gains" if gained[worst] > 0 else "loses"
    days_told = f"on {days.day[worst]}" if len(beyond) == 1 else (
        f"on {len(beyond)} days from {days.day[beyond[0]]} on, most on {days.day[worst]}"
    )  # fmt: skip
    return [(amount, f"{what} {verb} {abs(amount):.4g} mm beyond its fluxes {days_told}")]


def _version(entry: Entry) -> str:
    return entry.version or entry.weights_sha256[:12]
