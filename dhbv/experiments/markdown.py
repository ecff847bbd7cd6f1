"""Tables of results in Markdown: ours, and published values beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dhbv.evaluation.bootstrap import Interval
from dhbv.evaluation.scores import SCORES
from dhbv.experiments.plans import Kind
from dhbv.experiments.published import PUBLISHED
from dhbv.experiments.summary import Point

SKILL = {"nse": "NSE", "kge": "KGE", "fhv": "FHV (%)", "flv": "FLV (%)"}
PARTS = {
    "kge_r": "r", "kge_beta": "β", "kge_gamma": "γ", "relative_bias": "bias (%)", "ubrmse": "ubRMSE (mm d-1)"
}  # fmt: skip


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> Iterator[str]:
    """Lines of a table, an empty one after it; columns after the first `words` are numbers, to the right."""
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * words + "---:|" * (len(headings) - words)
    yield from (f"| {' | '.join(_cell(c) for c in row)} |" for row in rows)
    yield ""


def skill(summaries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Medians and quartiles over basins, a row for each of `dhbv.experiments.summary.summary`."""
    yield from table(
        ("", "basins", *SKILL.values(), "BFI r", "NSE < 0"),
        (
            (
                name, _basins(s), *(_spread(s, score) for score in SKILL),
                number(s["bfi_correlation"], 2), str(s["below_zero"]),
            )
            for name, s in summaries.items()
        ),
    )  # fmt: skip


def parts(summaries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The parts of KGE and further scores, medians and quartiles over basins."""
    yield from table(
        ("", *PARTS.values(), "ET r"),
        (
            (name, *(_spread(s, score) for score in PARTS), number(s["et_correlation"], 2))
            for name, s in summaries.items()
        ),
    )


def published(kind: Kind) -> Iterator[str]:
    """What others have published of the like; nothing where we quote nothing."""
    rows = [p for p in PUBLISHED if p.kind == kind]
    if rows:
        yield "Published, medians over basins:"
        yield ""
        yield from table(
            ("model", "setting", "source", "NSE", "KGE", "BFI r"),
            (
                (p.model, p.setting, p.source, number(p.nse), number(p.kge), number(p.bfi_correlation))
                for p in rows
            ),
            words=3,
        )


def gains(
    rows: Sequence[str], columns: Sequence[str], cells: Mapping[tuple[str, str], Interval | None]
) -> Iterator[str]:
    """Median gain of the model of the row over that of the column; a dash where `cells` have none."""
    yield from table(
        ("gain of ↓ over →", *columns),
        ((row, *(gain(cells.get((row, column))) for column in columns)) for row in rows),
    )


def scaling(points: Sequence[Point]) -> Iterator[str]:
    """The numbers of the curves."""
    yield from table(
        (
            "training basins", "NSE held out", "NSE training", "KGE held out", "KGE training", "seconds",
            "seconds a basin", "BFI r", "ET r", "BFI r with most", "ET r with most",
        ),
        (
            (
                str(p.basins), number(p.held_out["median"]["nse"]), number(p.trained_on["median"]["nse"]),
                number(p.held_out["median"]["kge"]), number(p.trained_on["median"]["kge"]),
                f"{p.seconds:.0f}", f"{p.seconds / p.basins:.2f}", number(p.held_out["bfi_correlation"], 2),
                number(p.held_out["et_correlation"], 2), number(p.agreement["bfi"], 2),
                number(p.agreement["et"], 2),
            )
            for p in points
        ),
    )  # fmt: skip


def beside(rows: Mapping[str, tuple[float, Sequence[Interval]]], headings: Sequence[str]) -> Iterator[str]:
    """Other models' median NSE, and the gains over them that `headings` tell of."""
    yield from table(
        ("", "NSE", *headings),
        ((name, number(nse), *map(gain, intervals)) for name, (nse, intervals) in rows.items()),
    )


def gain(interval: Interval | None) -> str:
    """A median gain with its interval, in bold where that excludes 0."""
    if interval is None or interval.median != interval.median:
        return "–"
    text = f"{interval.median:+.3f} ({interval.lower:+.3f} … {interval.upper:+.3f})"
    return f"**{text}**" if interval.lower > 0.0 or interval.upper < 0.0 else text


def number(value: float | None, digits: int = 3) -> str:
    """A dash for none and NaN."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def _basins(s: Mapping[str, Any]) -> str:
    unscored = s["n_basins"] - s["n_scored"]
    return f"{s['n_scored']}" + (f" (+ {unscored} unscored)" if unscored else "")


def _spread(s: Mapping[str, Any], name: str) -> str:
    digits = 1 if SCORES[name].unit == "%" else 3
    low, high = (number(v, digits) for v in s["quartiles"][name])
    return f"{number(s['median'][name], digits)} ({low} … {high})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
