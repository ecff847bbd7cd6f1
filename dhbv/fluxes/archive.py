"""The archive of fluxes: every day that was run and every day that was forecast, by basin.

    analysis/year=<year>/       rows (basin, day, batch): the best estimate, and the estimates before it
    forecast/year=<of issue>/   rows (basin, issue, day, quantile, batch)
    attributes/                 area and place of each basin
    journal.jsonl               a line for each batch: by which weights, code, forcing and state it was made
    manifest.json               which files are in force; see `dhbv.store`, whose machinery this is

Every row names its batch, version and weights. Of a basin's day the last batch is the best estimate; those before it
stay, and can be read by version.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import pandas as pd
import xarray as xr

from dhbv.errors import DhbvError
from dhbv.fluxes import layout
from dhbv.fluxes.layout import ANALYSIS, FORECAST, KINDS
from dhbv.fluxes.names import nearest
from dhbv.store import manifest as manifests
from dhbv.store import statics
from dhbv.store.digest import digest_of
from dhbv.store.folder import Folder
from dhbv.store.manifest import Manifest
from dhbv.store.parquet import ATTRIBUTES

What = Literal["analysis", "forecast"]
LATEST, CHAMPION = "latest", "champion"
_LEAST_SHA = 6
"""Characters of a sha256 that name weights."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was appended, and how it was made: a line of the journal."""

    batch: int
    when: dt.datetime
    """UTC."""
    source: str
    """The cycle or run."""
    what: What
    weights_sha256: str
    first: dt.date
    last: dt.date
    """Days, both included."""
    basins: int
    version: str = ""
    """Id in the registry, where known."""
    served: bool = False
    """Whether a cycle of an operation made it, with what served then."""
    code_version: str = ""
    forcing_sha256: str = ""
    state_sha256: str = ""
    """Of the state it started from."""
    start: str = ""
    """How the stores came about at its beginning."""
    weather: str = ""
    precision: str = ""
    """In which it was computed; what is stored is float32."""
    content: str = ""
    """sha256 of the file or the values; the same is not appended twice."""

    @property
    def goes_on(self) -> bool:
        """Whether it went on from a state, rather than from a spin-up or empty stores."""
        return not self.start or self.start.startswith("state")


class Archive(Folder):
    """The archive in the folder `path`, which is made where there is none.

    Reading takes no lock and always sees the whole of an append or nothing of it. Writers take turns.

    Raises:
        DataError: if the folder holds something else.
    """

    kinds = KINDS
    what = "archive of fluxes"

    @classmethod
    def existing(cls, path: Path | str) -> Archive:
        """The archive in `path`, for reading.

        Raises:
            DhbvError: if there is none, or nothing in it yet.
        """
        path = Path(path)
        if not (path / manifests.MANIFEST).is_file():
            raise DhbvError(
                f"{path}: no archive of fluxes there: `dhbv forecast … --archive {path}` makes one, and so does every "
                "cycle of an operation"
            )
        return cls(path)

    def append(
        self,
        fluxes: xr.Dataset,
        what: What,
        *,
        source: str,
        content: str,
        served: bool = False,
        at: dt.datetime | None = None,
    ) -> Entry:
        """Add a run, all at once; the same `content` twice is added once, and its entry returned again.

        Args:
            fluxes: as `dhbv.forecast.run` gives it or `dhbv.forecast.write` has written it, with every row of the
                variable table: (basin, time), or (quantile, basin, time) of a forecast. Its attributes say how it was
                made. `booked_<store>` [basin, time] in mm, if there is any; see `dhbv.fluxes.booked`.
            what: `analysis` for days run on known weather, `forecast` for days ahead; of a forecast the first day is
                the day of issue.
            source: the cycle or run, for people.
            content: sha256 of the file or values.
            served: whether a cycle of an operation made it, with the weights that served.
            at: when; by default now.

        Raises:
            DataError: if variables, days or provenance are missing; nothing is then changed.
        """
        layout.check(fluxes, source)
        with self._writing() as manifest:
            for earlier in self.entries(manifest):
                if earlier.content == content and earlier.what == what:
                    return earlier
            batch, when, about = manifest.batches + 1, self._time(manifest, at), fluxes.attrs
            days = fluxes["time"].values.astype("datetime64[D]")
            entry = Entry(
                batch=batch, when=when, source=source, what=what, first=days[0].item(), last=days[-1].item(),
                basins=fluxes.sizes["basin"], served=served, content=content,
                **{name: about[name] for name in _TOLD if name in about},
            )  # fmt: skip
            if what == ANALYSIS.name:
                tables = [(ANALYSIS, *part) for part in layout.analysis_rows(fluxes, batch, entry.version)]
            else:
                tables = [(FORECAST, *layout.forecast_rows(fluxes, batch, entry.version))]
            given = statics.cells(layout.static(fluxes))
            news = statics.news(given, statics.known(self.path, manifest), source) if len(given) else given
            if len(news):
                tables.append((ATTRIBUTES, 0, statics.rows(news, batch)))
            self._commit(manifest, batch, when, entry, tables)
            return entry

    def entries(self, manifest: Manifest | None = None) -> list[Entry]:
        """Every append, oldest first."""
        return manifests.lines(self.path, manifest or manifests.read(self.path), Entry)

    def attributes(self) -> pd.DataFrame:
        """What is known of each basin: any of the columns area (km2), latitude, longitude and huc_02, indexed by basin."""

        def read(manifest: Manifest) -> pd.DataFrame:
            return statics.table(statics.known(self.path, manifest), sorted(manifest.basins))

        return self.reading(read)

    def span(self, what: What = "analysis") -> tuple[dt.date, dt.date] | None:
        """The first and the last day analysed, or of issue; None if there is none."""
        entries = [e for e in self.entries() if e.what == what]
        if not entries:
            return None
        last = max(e.last if what == "analysis" else e.first for e in entries)
        return min(e.first for e in entries), last

    def batches(self, entries: Sequence[Entry], version: str) -> Collection[int] | None:
        """The batches of a version: an id, the beginning of its weights' sha256, `champion` for what served at the
        time, or None for `latest`, all there are.

        Raises:
            DhbvError: if nothing was made by it; tells the nearest there are.
        """
        if version == LATEST:
            return None
        if version == CHAMPION:
            found = {e.batch for e in entries if e.served}
            if not found:
                raise DhbvError(
                    f"{self.path}: no cycle of an operation wrote here, so no champion: ask for {LATEST}"
                )
            return found
        by_weights = len(version) >= _LEAST_SHA
        found = {
            e.batch for e in entries
            if version == e.version or (by_weights and e.weights_sha256.startswith(version))
        }  # fmt: skip
        if not found:
            there = dict.fromkeys(e.version or e.weights_sha256[:12] for e in entries)
            close = nearest(version, there) or list(there)[-3:]
            raise DhbvError(
                f"{self.path}: nothing by version {version!r} (nearest: {', '.join(close)}): give an id, the first "
                f"{_LEAST_SHA} or more characters of a weights' sha256, {CHAMPION} or {LATEST}"
            )
        return found


_TOLD = (
    "weights_sha256", "version", "code_version", "forcing_sha256", "state_sha256", "start", "weather", "precision",
)  # fmt: skip
"""Attributes of a run that its entry keeps."""


def archive_run(path: Path | str, fluxes: xr.Dataset, source: str) -> Entry:
    """Append a run over known weather to the archive in `path`; the same run twice is added once.

    Raises:
        DataError: see `Archive`.
    """
    told = f"{fluxes.attrs.get('weights_sha256', '')} {fluxes.attrs.get('start', '')} {digest_of(fluxes)}"
    content = hashlib.sha256(told.encode()).hexdigest()
    return Archive(path).append(fluxes, "analysis", source=source, content=content)
