"""What people and other flows hear: artifacts, events, log lines."""

from __future__ import annotations

import datetime as dt

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from dhbv.registry import journal

PROMOTED = "dhbv.weights.promoted"
"""Emitted when other weights serve, by promotion or rollback; starts the forecast."""


def say(text: str) -> None:
    """One line in the run's log."""
    get_run_logger().info(text)


def utc_today() -> dt.date:
    """The day that a run belongs to."""
    return dt.datetime.now(dt.UTC).date()


def who() -> str:
    """For the journal of the registry."""
    return f"{journal.login()} (flow)"


def show(key: str, markdown: str, description: str) -> None:
    """A page that Prefect's interface shows with the run."""
    create_markdown_artifact(markdown, key=key, description=description)


def announce(version: str, operation: str) -> None:
    """Tell whoever listens that `version` serves in `operation`."""
    emit_event(
        event=PROMOTED,
        resource={"prefect.resource.id": f"dhbv.version.{version}", "prefect.resource.name": version},
        payload={"version": version, "operation": operation},
    )
