"""What a challenge found, for a person at night, for a program, and to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pandas as pd

from dhbv.configuration import Section
from dhbv.evaluation import score_figures
from dhbv.evaluation.plausibility import Row
from dhbv.evaluation.style import save

NAMED = 5
"""Basins listed at either end of the table of gains."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One score over one group of basins, both models on the same days of the same basins."""

    group: str
    score: str
    basins: int
    """Compared: those that have flow enough to score."""
    lost: int
    """Of these, in how many the challenger has no score although the champion has."""
    challenger: float
    """Median over basins."""
    champion: float
    """NaN where there is none."""
    gain: float
    """Median over basins of challenger − champion; NaN where there is no champion, as all below."""
    lower: float
    upper: float
    probability: float
    """That the median gain is above 0: share of resamples."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of promotion and what was found."""

    name: str
    passed: bool
    finding: str


@dataclass(frozen=True, eq=False)
class Scorecard:
    """The judgement of a challenger, and everything it rests on."""

    decision: Literal["promote", "reject"]
    reasons: tuple[str, ...]
    """In words; all conditions that failed, or what speaks for promotion."""
    challenger: str
    """sha256 of the weights."""
    champion: str | None
    period: str
    table: pd.DataFrame
    """Index basin; nse, kge and bfi of `_challenger` and `_champion`, `_gain` of the scores, and `held_out`."""
    comparisons: tuple[Comparison, ...]
    checks: tuple[Check, ...]
    """Every condition but plausibility, passed or not."""
    plausibility: tuple[Row, ...]
    """Of the challenger."""
    notes: tuple[str, ...]
    """What a reader should know and no condition depends on."""
    gate: Section
    """The thresholds."""

    def to_json(self) -> str:
        """Everything as strict JSON, the same text for the same findings; null where a number is none."""
        content: dict[str, Any] = {
            "decision": self.decision,
            "reasons": self.reasons,
            "challenger": self.challenger,
            "champion": self.champion,
            "period": self.period,
            "comparisons": self.comparisons,
            "checks": self.checks,
            "plausibility": self.plausibility,
            "notes": self.notes,
            "gate": self.gate,
            "basins": {str(basin): row for basin, row in self.table.to_dict("index").items()},
        }
        # msgspec writes NaN and infinity as null.
        return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"

    def markdown(self) -> str:
        """The decision, then why, then everything it rests on."""
        return "\n".join(self._lines()) + "\n"

    def figure(self, path: Path) -> Path:
        """Draw both models' NSE and the gains into the file `path`, and return it."""
        columns = ("lower", "gain", "upper")
        gains = pd.DataFrame(
            {
                f"{c.score.upper()}, {c.group} ({c.basins})": [getattr(c, name) for name in columns]
                for c in self.comparisons
            },
            list(columns),
        ).T
        champion = None if self.champion is None else self.table["nse_champion"]
        return save(
            score_figures.scorecard(
                self.table["nse_challenger"], champion, self.table["held_out"], gains,
                f"{self.decision}: challenger {_short(self.challenger)}, {self.period}",
            ),
            path,
        )  # fmt: skip

    def _lines(self) -> Iterator[str]:
        yield f"# {self.decision.upper()} challenger `{_short(self.challenger)}`"
        yield ""
        yield self._consequence()
        yield ""
        yield "## Why"
        yield ""
        yield from (f"- {_cell(reason)}" for reason in self.reasons)
        yield ""
        yield f"## Skill, {self.period}"
        yield ""
        yield from _table(
            ("basins", "score", "n", "champion", "challenger", "median gain", "interval", "P(better)"),
            (
                (
                    c.group, c.score.upper(), str(c.basins), _number(c.champion), _number(c.challenger),
                    _number(c.gain, "+"), f"{_number(c.lower, '+')} … {_number(c.upper, '+')}",
                    _number(c.probability),
                )
                for c in self.comparisons
            ),
        )  # fmt: skip
        yield ""
        yield "## Conditions"
        yield ""
        yield from _table(
            ("", "condition", "finding"), ((_mark(c.passed), c.name, c.finding) for c in self.checks)
        )
        yield ""
        yield "## Plausibility of the water"
        yield ""
        yield from _table(
            ("", "rule", "threshold", "finding", "because"),
            (
                (_mark(row.passed), f"**{row.name}**: {row.rule}", row.threshold, row.finding, row.reason)
                for row in self.plausibility
            ),
        )
        yield from self._extremes()
        if self.notes:
            yield ""
            yield "## Notes"
            yield ""
            yield from (f"- {_cell(note)}" for note in self.notes)
        yield ""
        yield f"Challenger `{self.challenger}`, champion `{self.champion or 'none'}`."

    def _consequence(self) -> str:
        if self.decision == "promote":
            return (
                "It is fit to serve"
                + ("; there was no champion." if self.champion is None else f" in place of champion `{_short(self.champion)}`.")
            )  # fmt: skip
        if self.champion is None:
            return "There is no champion to serve in its place: nothing may serve until a model passes."
        return f"Champion `{_short(self.champion)}` goes on serving; nothing needs to be done tonight."

    def _extremes(self) -> Iterator[str]:
        gains = self.table[["nse_champion", "nse_challenger", "nse_gain", "held_out"]].dropna(
            subset="nse_gain"
        )
        if gains.empty:
            return
        gains = gains.sort_values("nse_gain", kind="stable")
        least, most = gains.head(NAMED), gains.iloc[NAMED:].tail(NAMED)
        yield ""
        yield "## Basins that lose and gain most"
        yield ""
        yield from _table(
            ("basin", "NSE champion", "NSE challenger", "gain", "held out"),
            (
                (
                    str(basin), _number(row.nse_champion), _number(row.nse_challenger),
                    _number(row.nse_gain, "+"), "yes" if row.held_out else "",
                )
                for basin, row in pd.concat([least, most]).iterrows()
            ),
        )  # fmt: skip


def _table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    """On one line, its bars no column's: an error message may hold anything."""
    return " ".join(text.split()).replace("|", "\\|")


def _mark(passed: bool | None) -> str:
    return {True: "pass", False: "**FAIL**", None: "–"}[passed]


def _number(value: float, sign: str = "") -> str:
    return "–" if pd.isna(value) else format(value, f"{sign}.3f")


def _short(sha256: str) -> str:
    return sha256[:12]
