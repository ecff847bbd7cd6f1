"""A forecast cycle as one HTML page that stands alone: figures, flags in words, provenance, every basin in numbers.

Figures are inside as PNG; no script, font or style comes from elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.evaluation.score_figures import basin_map
from dhbv.evaluation.style import png
from dhbv.operations.analysis import Degraded
from dhbv.operations.cycle import ANALYSIS, FORECAST, RECORD, record_of
from dhbv.plots import basin as basins
from dhbv.plots.flags import WORDS
from dhbv.plots.region import is_skewed

FILES = (FORECAST, ANALYSIS, RECORD)
"""Of a cycle, that its page is made from."""
DRAWN = 4
"""Basins drawn unless others are named: those whose forecast rises highest."""
NAMED = 8
"""Basins named beside a flag; the table of basins has all."""
_DPI = 110

_TOLD = (
    ("issue", "issued"), ("version", "version"), ("weights_sha256", "weights, sha256"), ("code_version", "code"),
    ("start", "started from"), ("state_sha256", "state, sha256"), ("weather", "weather ahead"),
    ("forcing_sha256", "weather ahead, sha256"), ("members", "members"), ("days", "days ahead"),
    ("basins", "basins"), ("created", "made"),
)  # fmt: skip
"""Of `record.json`, in this order."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 0 auto; max-width: 1120px; padding: 1.2em; }
h1 { font-size: 1.5em; margin: 0; } h2 { font-size: 1.15em; margin: 1.8em 0 .4em; }
figure { margin: 0 0 1.4em; } img { max-width: 100%; height: auto; display: block; }
figcaption, .note { color: #444; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3em .7em .3em 0; vertical-align: top; }
th { border-bottom: 2px solid #444; white-space: nowrap; } td { border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
td.number + td:not(.number), th.number + th:not(.number) { padding-left: 1.2em; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.set { background: #fff3d6; } tr.set td:first-child { border-left: 4px solid #d55e00; padding-left: .5em; font-weight: 600; }
code { font-size: .92em; } .wide { overflow-x: auto; }
"""


def page(
    folder: Path,
    *,
    before: xr.Dataset | None = None,
    observed: xr.DataArray | None = None,
    drawn: Sequence[str] | None = None,
) -> str:
    """The page of the cycle in `folder`.

    Args:
        folder: with forecast.nc and record.json; analysis.nc where there is one.
        before: days before T0, `dhbv.plots.basin.VARIABLES` [basin, time], as of an archive; by default those of the
            analysis, which may be one day.
        observed: flow [basin, time], mm d-1.
        drawn: basins to draw; by default the `DRAWN` whose forecast rises highest.

    Raises:
        DhbvError: if the folder holds no cycle or a damaged one, or a basin is not in it.
    """
    ahead, record = load(folder / FORECAST), record_of(folder)
    past = _past(folder) if before is None else before
    table = summary(ahead)
    known = [str(b) for b in table.index]
    chosen = list(drawn) if drawn is not None else list(table["peak"].nlargest(DRAWN).index)
    unknown = [b for b in chosen if b not in known]
    if unknown:
        raise DhbvError(f"{folder}: basin {', '.join(unknown)} is not among the {len(known)} of this cycle")
    places, where, figures = _map(ahead, table), "", []
    if places is not None:
        told = f"Largest daily runoff of the {ahead.sizes['time']} days ahead in each of {len(known)} basins, {_kind(ahead)}."
        where = _figure(places, told)
    rows: dict[Any, Any] = table.to_dict("index")
    for name in chosen:
        picture = basins.draw(name, past if _has(past, name) else None, ahead, observed)
        figures.append(_figure(picture, f"Basin {name}: {_in_words(rows[name])}"))
    return _html(record, ahead, table, where, figures, alone=past is None)


def summary(ahead: xr.Dataset) -> pd.DataFrame:
    """A row for each basin: peak (mm d-1, of the median) and its day, low and high on that day, total (mm), flags."""
    runoff = ahead["runoff"].transpose(..., "basin", "time")
    middle = _median(runoff)
    days = ahead["time"].values.astype("datetime64[D]")
    at = np.nan_to_num(middle.values, nan=-1.0).argmax(1)
    rows = np.arange(len(at))
    low, high = (runoff.isel(quantile=k) if "quantile" in runoff.dims else middle for k in (0, -1))
    quality = ahead["quality"].values.astype(int) if "quality" in ahead else np.zeros(len(at), int)
    columns = {
        "peak": middle.values[rows, at],
        "day": days[at].astype(str),
        "low": low.values[rows, at],
        "high": high.values[rows, at],
        "total": middle.sum("time").values,
        "quality": quality,
    }
    return pd.DataFrame(columns, pd.Index(basin_ids(ahead), name="basin"))


def flags_of(quality: int) -> list[str]:
    """Names of the flags in a number; bits that no flag has are told as such."""
    names = [str(flag.name) for flag in Degraded if quality & flag]
    rest = quality & ~sum(int(flag) for flag in Degraded)
    return [*names, f"unknown ({rest})"] if rest else names


def load(path: Path) -> xr.Dataset:
    """A forecast or an analysis as a cycle writes it.

    Raises:
        DhbvError: if there is none.
    """
    if not path.is_file():
        raise DhbvError(f"{path} is not there: give a cycle's folder, as forecasts/cycles/2024-05-01")
    with xr.open_dataset(path) as file:
        ds = file.load()
    return ds.assign_coords(basin=basin_ids(ds))


def _past(folder: Path) -> xr.Dataset | None:
    return load(folder / ANALYSIS) if (folder / ANALYSIS).is_file() else None


def _has(past: xr.Dataset | None, basin: str) -> bool:
    return past is not None and basin in past.indexes["basin"]


def _median(values: xr.DataArray) -> xr.DataArray:
    """The median or the quantile nearest to it, or the run itself."""
    return values.isel(quantile=basins.middle(values)) if "quantile" in values.dims else values


def _kind(ahead: xr.Dataset) -> str:
    """Of what the values are, as a caption says it."""
    if "quantile" not in ahead.dims:
        return "of a single run"
    level = basins.level_of(ahead["runoff"])
    return f"the {level} of the members" if level == "median" else f"the quantile at {level} of the members"


def _map(ahead: xr.Dataset, table: pd.DataFrame) -> Figure | None:
    if not {"latitude", "longitude"} <= set(ahead.variables):
        return None
    lat, lon = (pd.Series(ahead[name].values, table.index) for name in ("latitude", "longitude"))
    return basin_map(
        lat, lon, table["peak"], "largest daily runoff ahead (mm d$^{-1}$)", skewed=is_skewed(table["peak"])
    )


def _in_words(row: dict[str, Any]) -> str:
    between = "" if row["low"] == row["high"] else f" ({row['low']:.2f} to {row['high']:.2f})"
    flags = flags_of(int(row["quality"]))
    return f"highest on {row['day']}, {row['peak']:.2f} mm d⁻¹{between}; {row['total']:.1f} mm in all; " + (
        f"flags {', '.join(flags)}." if flags else "no flags."
    )


def _figure(figure: Figure, caption: str) -> str:
    data = base64.b64encode(png(figure, _DPI, palette=False)).decode("ascii")
    width, height = (round(inches * _DPI) for inches in figure.get_size_inches())
    text = escape(caption)
    return (
        f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{text}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _html(
    record: dict[str, Any],
    ahead: xr.Dataset,
    table: pd.DataFrame,
    where: str,
    drawn: Sequence[str],
    *,
    alone: bool,
) -> str:
    days = ahead["time"].values.astype("datetime64[D]").astype(str)
    flagged = int((table["quality"] != 0).sum())
    state = "none is flagged" if not flagged else f"{flagged} flagged, see below"
    title = f"Forecast issued {record['issue']}"
    more = f" The other {len(table) - len(drawn)} are in the table." if len(drawn) < len(table) else ""
    if alone:
        more += " Of the days before it none are at hand."
    notes = "".join(f"<li>{escape(str(note))}</li>" for note in record.get("notes", ()))
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>',
            f"<h1>{escape(title)}</h1>",
            f'<p class="note">{len(table)} basins, {escape(days[0])} to {escape(days[-1])}, version '
            f"{escape(str(record['version']))}; {state}.</p>",
            "<h2>Flags</h2>",
            _flag_table(table),
            f"<h2>Notes</h2><ul>{notes}</ul>" if notes else "",
            f"<h2>Where</h2>{where}" if where else "",
            f'<h2>Basins</h2><p class="note">{len(drawn)} are drawn.{more}</p>',
            *drawn,
            "<h2>All basins</h2>",
            _basin_table(table),
            "<h2>Provenance</h2>",
            _table(("", ""), [(label, _code(record[key])) for key, label in _TOLD if key in record]),
            "</body></html>",
            "",
        )
    )


def _flag_table(table: pd.DataFrame) -> str:
    rows, classes = [], []
    for flag in Degraded:
        where = [str(b) for b, q in table["quality"].items() if q & flag]
        named = ", ".join(where[:NAMED]) + (f" and {len(where) - NAMED} more" if len(where) > NAMED else "")
        which = "all" if len(where) == len(table) else f"{len(where)}: {named}" if where else "none"
        rows.append((str(flag.name), which, *map(escape, WORDS[flag])))
        classes.append("set" if where else "")
    unknown = [
        f"{b} ({flags_of(q)[-1]})" for b, q in table["quality"].items() if "unknown" in "".join(flags_of(q))
    ]
    if unknown:
        rows.append(
            (
                "not known here",
                escape(", ".join(unknown[:NAMED])),
                "Of a later version of delta-hbv.",
                "Update.",
            )
        )
        classes.append("set")
    return _table(("flag", "basins", "what it says", "what to do"), rows, classes)


def _basin_table(table: pd.DataFrame) -> str:
    heads = ("basin", "peak (mm d⁻¹)", "from", "to", "on", "total (mm)", "flags")
    rows = [
        (
            escape(str(name)), f"{row['peak']:.2f}", f"{row['low']:.2f}", f"{row['high']:.2f}", row["day"],
            f"{row['total']:.1f}", escape(", ".join(flags_of(int(row["quality"]))) or "–"),
        )
        for name, row in table.iterrows()
    ]  # fmt: skip
    return _table(heads, rows, numbers=(1, 2, 3, 5))


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    classes: Sequence[str] = (),
    numbers: Sequence[int] = (),
) -> str:
    """Cells come escaped."""

    def cells(kind: str, row: Sequence[str]) -> str:
        numeric = (' class="number"' if k in numbers else "" for k in range(len(row)))
        return "".join(f"<{kind}{n}>{cell}</{kind}>" for cell, n in zip(row, numeric, strict=True))

    body = []
    for k, row in enumerate(rows):
        marked = f' class="{classes[k]}"' if k < len(classes) and classes[k] else ""
        body.append(f"<tr{marked}>{cells('td', row)}</tr>")
    head = f"<thead><tr>{cells('th', heads)}</tr></thead>" if any(heads) else ""
    return f'<div class="wide"><table>{head}<tbody>{"".join(body)}</tbody></table></div>'


def _code(value: object) -> str:
    return f"<code>{escape(str(value))}</code>"
