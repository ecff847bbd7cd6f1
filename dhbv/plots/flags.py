"""Flags of a cycle in words, for whoever reads the page without knowing the code."""

from __future__ import annotations

from typing import NamedTuple

from dhbv.operations.analysis import Degraded


class Words(NamedTuple):
    """What a flag says, and what to do."""

    meaning: str
    remedy: str


WORDS = {
    Degraded.FILLED: Words(
        "Days before the forecast lacked weather; the mean of the same dates in other years stood in.",
        "Deliver the days; the next cycle runs them again.",
    ),
    Degraded.SPUN_UP: Words(
        "There was no state of these weights; the stores were filled by running past weather.",
        "Nothing: usual with new weights and new basins.",
    ),
    Degraded.SHORT_SPIN_UP: Words(
        "That past weather was shorter than configured; slow stores may be off for months.",
        "Ingest more history.",
    ),
    Degraded.NO_WEATHER_FORECAST: Words(
        "There was no weather forecast; past years' weather of the same dates stood in.",
        "Look after what writes weather forecasts.",
    ),
    Degraded.NOT_CHAMPION: Words(
        "The best version is damaged; the last whole one before it served.",
        "dhbv registry verify, then publish it again or promote another.",
    ),
    Degraded.STATE_DAMAGED: Words(
        "A newer state could not be read; an older one, or a run of past weather, took its place.",
        "Look after the disk; the notes say why.",
    ),
}
"""A row for each flag; docs/operations.md has more."""
