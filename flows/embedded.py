"""A Prefect server for as long as a block runs: its own home, no network, nothing left behind.

    python -m flows.embedded

is that server. It ends with whoever started it, however that ends: it watches its standard input.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dhbv.errors import DhbvError

if TYPE_CHECKING:
    from dhbv.demonstration import Flows

LOG, SERVER_LOG = "flows.log", "server.log"
"""In the home: what the flows said, and what the server did."""
PATIENCE = 120.0
"""Seconds for the server to come up; on a busy machine it has taken 28."""


@contextmanager
def embedded(home: Path, hear: Callable[[str], None] = lambda _: None) -> Iterator[Flows]:
    """The flows, run in this process on a server of their own.

    Args:
        home: for Prefect's database and logs; nothing is read from or written to another one.
        hear: given every line that a flow says.

    Raises:
        DhbvError: if the server does not come up.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    offline = {"DO_NOT_TRACK": "1", "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    with _environment(offline), _server(home) as url, _environment({**offline, "PREFECT_API_URL": url}):
        # Only now: Prefect reads its settings when it is imported.
        from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

        # ... which may have been before.
        with temporary_settings({PREFECT_HOME: home, PREFECT_API_URL: url}), _logged(home / LOG, hear):
            from dhbv.demonstration import Flows
            from flows import data, forecasting, training

            try:
                yield Flows(
                    data.ingest,
                    forecasting.forecast,
                    training.retrain,
                    training.promote,
                    training.rollback,
                )
            finally:
                _drain()


@contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    """No setting of Prefect's but those of `changed`."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("PREFECT_"):
            del os.environ[name]
    os.environ.update(changed)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _server(home: Path) -> Iterator[str]:
    """The address of a server, which is ended with the block."""
    with (home / SERVER_LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.embedded"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            # As Prefect starts a temporary server: without the services that need no run to be there.
            env=os.environ | {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1", "PREFECT_UI_ENABLED": "0"},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = f"http://127.0.0.1:{process.stdout.readline().decode().strip()}/api"
            _wait(process, url, home)
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def _wait(process: subprocess.Popen[bytes], url: str, home: Path) -> None:
    """Until the server answers."""
    import httpx

    deadline = time.monotonic() + PATIENCE
    # A proxy of the user's is not for this machine.
    with httpx.Client(trust_env=False) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if client.get(f"{url}/health").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise DhbvError(f"Prefect's server did not come up: {home / SERVER_LOG} says why")


@contextmanager
def _logged(path: Path, hear: Callable[[str], None]) -> Iterator[None]:
    """What Prefect logs goes to a file and not to the screen; lines of flows are heard as well."""
    import prefect.main  # noqa: F401 (sets up the loggers that are changed here)

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.module == "reporting":
                hear(record.getMessage())

    logger = logging.getLogger("prefect")
    file = logging.FileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handlers, propagates, level = (file, Ear()), logger.propagate, logger.level
    for handler in handlers:
        logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.propagate = propagates
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _drain() -> None:
    """Send what is still on its way while the server is there to take it."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all()


def main() -> None:
    """Serve until standard input ends; the port is told on standard output."""
    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)

    def watch() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        time.sleep(8.0)
        os._exit(1)  # a connection that nobody will close any more

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    threading.Thread(target=watch, daemon=True).start()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
