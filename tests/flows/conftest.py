"""One Prefect server for all flows under test, and the small operation of tests/operations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.operations.conftest import _no_waiting, make_site, site, whole

__all__ = ["_no_waiting", "make_site", "site", "whole"]

if find_spec("prefect") is None or find_spec("torch") is None:
    collect_ignore_glob = ["test_*"]
else:
    # Before Prefect is imported anywhere, and for the servers that tests start.
    os.environ |= {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "WARNING",
    }  # fmt: skip


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A server of Prefect with a new database."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
