"""Stages that work at the same time, each in a thread of its own, with little lying between them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Full, Queue
from threading import Event, Lock, Thread
from typing import TypeVar

T = TypeVar("T")

HDF5 = Lock()
"""Held while NetCDF files are read or written. The HDF5 in netCDF4's wheels is not for several threads, and xarray's own
lock leaves out parts of writing: a chunk read while another is written would now and then kill the process."""

_PAUSE = 0.1
"""Seconds between two looks at whether anybody still wants an item."""


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _End:
    pass


def ahead(items: Generator[T, None, None], depth: int = 1) -> Iterator[T]:
    """`items`, made in another thread, at most `depth` of them (and the one in work) before they are asked for.

    What fails there is raised here. When the caller stops asking, `items` is closed after the one in work.
    """
    queue: Queue[T | _Failed | _End] = Queue(depth)
    unwanted = Event()

    def offer(item: T | _Failed | _End) -> bool:
        while not unwanted.is_set():
            try:
                queue.put(item, timeout=_PAUSE)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not offer(item):
                    return
            offer(_End())
        except BaseException as error:
            offer(_Failed(error))
        finally:
            items.close()

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        unwanted.set()
        thread.join()
