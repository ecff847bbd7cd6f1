"""The store: append, correct, set aside, and ask for any window; see the package for what lies where."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import xarray as xr

from dhbv.data.schema import TIME_VARIABLES, DataError, assemble
from dhbv.data.selection import select_basins
from dhbv.store import incoming, parquet, quarantine, series, statics
from dhbv.store import manifest as manifests
from dhbv.store.digest import digest_of
from dhbv.store.folder import Folder, utc
from dhbv.store.incoming import Incoming
from dhbv.store.manifest import Manifest, Receipt
from dhbv.store.parquet import ATTRIBUTES, DAILY, KINDS, QUARANTINE, Kind
from dhbv.store.series import Daily, Day

AREA = "area_gages2"
"""The attribute that turns discharge into a depth."""


class Known(NamedTuple):
    """A value that a cell had."""

    value: float
    when: dt.datetime
    """UTC, from when on."""
    source: str
    batch: int


class Store(Folder):
    """The store in the folder `path`, which is made where there is none.

    Reading takes no lock and always sees the whole of an append or nothing of it. Writers take turns.

    Raises:
        DataError: if the folder holds something else.
    """

    kinds = KINDS
    what = "store"

    # Writing

    def append(
        self,
        region: xr.Dataset,
        *,
        source: str,
        quarantine: xr.Dataset | None = None,
        at: dt.datetime | None = None,
        content: str = "",
    ) -> Receipt:
        """Add daily values, and the static attributes among them.

        A value that is known is not added again; another value of the same cell is a correction: it
        rules from now on and the old one stays in the history. NaN says nothing and changes nothing.

        Args:
            region: of the schema, with any of its variables; days may be left out.
            source: where it comes from, for the history.
            quarantine: on basins and days of `region`, for any of its variables, why cells are to be set
                aside: text ("" for sound), or a code with the CF attributes flag_values and flag_meanings (0
                for sound). What is set aside is the value in `region` or, where that is NaN, in a variable
                `<name>_value` of `quarantine`.
            at: when it became known; by default now. Not before the last append.
            content: sha256 of the file it comes from; what was appended once under it is not again.

        Raises:
            DataError: for data that are ambiguous; nothing is then changed.
        """
        return self._take(incoming.region(region, source, quarantine), source, at, content)

    def put_attributes(
        self, table: pd.DataFrame, *, source: str, at: dt.datetime | None = None, content: str = ""
    ) -> Receipt:
        """Add static attributes, indexed by basin; corrections, duplicates and missing values as in `append`.

        Raises:
            DataError: for data that are ambiguous; nothing is then changed.
        """
        nothing = Daily((), np.array([], "datetime64[D]"), {})
        return self._take(Incoming(nothing, {}, incoming.table(table, source)), source, at, content)

    def release(self, cells: pd.DataFrame, *, source: str, at: dt.datetime | None = None) -> Receipt:
        """Let values out of quarantine: from now on they rule.

        Args:
            cells: rows of `quarantined()`.
            source: who says so and why.

        Raises:
            DataError: if a value is infinite.
        """
        return self._take(incoming.released(quarantine.as_daily(cells), source), source, at, "")

    def _take(self, new: Incoming, source: str, at: dt.datetime | None, content: str) -> Receipt:
        """Write what is new in `new`, all at once."""
        with self._writing() as manifest:
            if content:
                for earlier in manifests.receipts(self.path, manifest):
                    if earlier.content == content:
                        return earlier
            incoming.refuse_lost_zeros([*new.daily.basins, *new.attributes.index], manifest.basins, source)
            when = self._time(manifest, at)
            batch = manifest.batches + 1
            counts: Counter[str] = Counter()
            tables = [*self._daily_news(manifest, new, batch, counts)]
            given = statics.cells(new.attributes)
            if len(given):
                found = statics.news(given, statics.known(self.path, manifest), source)
                counts["attributes"] = len(found)
                tables.append((ATTRIBUTES, 0, statics.rows(found, batch)))
            tables = [t for t in tables if t[2].num_rows]
            written = bool(tables or content)
            receipt = Receipt(
                batch=batch if written else None,
                when=when,
                source=source,
                content=content,
                added=counts["added"],
                corrected=counts["corrected"],
                unchanged=counts["unchanged"],
                set_aside=counts["set_aside"],
                attributes=counts["attributes"],
            )
            if written:
                self._commit(manifest, batch, when, receipt, tables)
            return receipt

    def _daily_news(
        self, manifest: Manifest, new: Incoming, batch: int, counts: Counter[str]
    ) -> Iterator[tuple[Kind, int, pa.Table]]:
        """The rows to write, by partition; what is found is added to `counts`."""
        daily, aside = new.daily, {}
        for name, reasons in new.reasons.items():
            aside[name] = (reasons != "") & ~np.isnan(daily.values[name])
        for year, span in series.years(daily.days):
            known = series.known(self.path, manifest, daily.basins, daily.days[span], list(daily.values))
            fresh = {}
            for name, values in daily.values.items():
                found = series.news(values[:, span], known[name])
                held = np.zeros_like(found.added)
                if name in aside:
                    # What rules already needs no quarantine.
                    aside[name][:, span] &= ~found.unchanged
                    held = aside[name][:, span]
                counts["added"] += int((found.added & ~held).sum())
                counts["corrected"] += int((found.corrected & ~held).sum())
                counts["unchanged"] += int(found.unchanged.sum())
                taken = (found.added | found.corrected) & ~held
                fresh[name] = np.where(taken, values[:, span], np.float32(np.nan))
            if fresh:
                yield DAILY, year, series.rows(daily, span, fresh, batch)
        cells = quarantine.cells(daily, aside, dict(new.reasons))
        if len(cells):
            held_back = quarantine.news(cells, quarantine.known(self.path, manifest))
            counts["set_aside"] = len(held_back)
            counts["unchanged"] += len(cells) - len(held_back)
            yield QUARANTINE, 0, quarantine.rows(held_back, batch)

    # Reading

    def window(
        self,
        start: Day,
        end: Day,
        *,
        basins: Sequence[str] | None = None,
        variables: Sequence[str] | None = None,
        as_of: dt.datetime | None = None,
    ) -> xr.Dataset:
        """A region of the schema: unbroken days, NaN where nothing is known, and the static attributes.

        Args:
            start, end: first and last day.
            basins: ids, in the order wanted; by default all, sorted.
            variables: daily variables; by default those that the schema requires, and others with any
                value in the window.
            as_of: as the store knew it at that time; by default now.

        Raises:
            DataError: for unknown basins or variables, an empty period, a time without a zone, or a
                damaged store.
        """

        def read(manifest: Manifest) -> xr.Dataset:
            days = series.days_between(start, end, str(self.path))
            last = self._last_batch(manifest, as_of)
            there = manifest.there(last)
            if not there:
                raise DataError(
                    f"{self.path}: the store has no basin{' yet' if last is None else ' at that time'}: append data first"
                )
            chosen = select_basins(basins, there, str(self.path))
            wanted = self._variables(variables)
            values = series.known(self.path, manifest, chosen, days, wanted or list(TIME_VARIABLES), last)
            if wanted is None:
                values = {
                    n: v for n, v in values.items() if TIME_VARIABLES[n].required or not np.isnan(v).all()
                }
            table = statics.table(statics.known(self.path, manifest, last), chosen)
            return assemble(chosen, days, values, table, source=str(self.path))

        return self.reading(read)

    def basins(self, as_of: dt.datetime | None = None) -> tuple[str, ...]:
        """Every basin that has a value or an attribute, sorted; as the store knew it at `as_of`, by default now."""
        return self.reading(lambda manifest: tuple(manifest.there(self._last_batch(manifest, as_of))))

    def digest(
        self,
        start: Day,
        end: Day,
        *,
        basins: Sequence[str] | None = None,
        variables: Sequence[str] | None = None,
        as_of: dt.datetime | None = None,
    ) -> str:
        """sha256 of exactly what `window` gives: basins and days in their order, values and attributes.

        `digest_of` gives the same of a window that is at hand.
        """
        return digest_of(self.window(start, end, basins=basins, variables=variables, as_of=as_of))

    def span(self, variable: str = "prcp") -> tuple[dt.date, dt.date] | None:
        """The first and the last day on which any basin has a value; None if there is none."""
        self._variables([variable])
        spans = [f.spans[variable] for f in manifests.read(self.path).of(DAILY.name) if variable in f.spans]
        return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None

    def areas(self) -> dict[str, float]:
        """km2 of every basin that has the attribute `area_gages2`."""
        found = self.reading(lambda manifest: statics.known(self.path, manifest))
        found = found[found["name"] == AREA]
        return dict(zip(found["basin"], found["number"], strict=True))

    def history(self, basin: str, variable: str, day: Day) -> list[Known]:
        """Every value that a cell had in turn, the one that rules last.

        Raises:
            DataError: for an unknown basin or variable.
        """

        def read(manifest: Manifest) -> list[Known]:
            select_basins([basin], sorted(manifest.basins), str(self.path))
            self._variables([variable])
            (date,) = series.days_between(day, day, str(self.path))
            files = manifest.of(DAILY.name, date.item().year)
            where = (
                (pc.field("basin") == basin)
                & (pc.field("day") == date.item())
                & pc.field(variable).is_valid()
            )
            table = parquet.read(self.path, files, DAILY, ["batch", variable], where).sort_by("batch")
            entries = manifests.receipts(self.path, manifest)
            values = zip(table["batch"].to_pylist(), table[variable].to_pylist(), strict=True)
            return [Known(v, entries[b - 1].when, entries[b - 1].source, b) for b, v in values]

        return self.reading(read)

    def basin_days_since(self, when: dt.datetime, variable: str = "streamflow") -> int:
        """On how many days of how many basins, in sum, a value came or was corrected after `when`."""

        def read(manifest: Manifest) -> int:
            self._variables([variable])
            last = self._last_batch(manifest, when)
            assert last is not None
            files = [f for f in manifest.of(DAILY.name) if f.last > last and variable in f.spans]
            where = (pc.field("batch") > last) & pc.field(variable).is_valid()
            table = parquet.read(self.path, files, DAILY, ["basin", "day"], where)
            return table.group_by(["basin", "day"]).aggregate([]).num_rows

        return self.reading(read)

    def quarantined(self) -> pd.DataFrame:
        """Everything ever set aside, oldest first.

        Columns basin, day, variable, value (in the unit of the schema), reason, when (UTC), source and
        released: when the value came to rule after all, NaT where it waits.
        """

        def read(manifest: Manifest) -> pd.DataFrame:
            entries = manifests.receipts(self.path, manifest)
            held = quarantine.known(self.path, manifest)
            return quarantine.listing(held, [e.when for e in entries], [e.source for e in entries])

        return self.reading(read)

    def receipts(self) -> list[Receipt]:
        """Every append that wrote something, oldest first."""
        return manifests.receipts(self.path, manifests.read(self.path))

    def _last_batch(self, manifest: Manifest, as_of: dt.datetime | None) -> int | None:
        if as_of is None:
            return None
        return manifests.known_at(manifests.receipts(self.path, manifest), utc(as_of, "as_of"))

    def _variables(self, asked: Sequence[str] | None) -> list[str] | None:
        """The asked variables in the order of the schema."""
        if asked is None:
            return None
        unknown = [name for name in asked if name not in TIME_VARIABLES]
        if unknown:
            raise DataError(
                f"{self.path}: no daily variable {unknown[0]!r}: there are {', '.join(TIME_VARIABLES)}"
            )
        return [name for name in TIME_VARIABLES if name in asked]
