"""Stages run ahead of each other no further than they may, hand failures on and leave no thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator

import pytest

from dhbv.scale.pipeline import ahead


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5.0
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def numbers(
    made: list[int], closed: list[bool] | None = None, fail_at: int = -1
) -> Generator[int, None, None]:
    try:
        for k in range(100):
            if k == fail_at:
                raise OSError(f"no {k}")
            made.append(k)
            yield k
    finally:
        if closed is not None:
            closed.append(True)


def test_everything_arrives_in_order() -> None:
    doubled = (2 * k for k in ahead(numbers([])))
    assert list(ahead(doubled, 3)) == list(range(0, 200, 2))


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_lies_between_than_is_allowed(depth: int) -> None:
    made: list[int] = []
    taken = ahead(numbers(made), depth)
    next(taken)
    until(lambda: len(made) == depth + 2)  # one taken, `depth` waiting, one in hand
    time.sleep(0.15)
    assert len(made) == depth + 2
    taken.close()  # type: ignore[attr-defined]


def test_it_works_while_the_caller_does() -> None:
    made: list[int] = []
    taken = ahead(numbers(made))
    next(taken)
    until(lambda: len(made) > 1)
    taken.close()  # type: ignore[attr-defined]


def test_a_failure_arrives_after_what_came_before_it() -> None:
    taken = ahead(numbers([], fail_at=3))
    assert [next(taken) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match=r"no 3"):
        next(taken)


def test_a_caller_that_stops_leaves_no_thread_and_closes_every_stage() -> None:
    before, closed = threading.active_count(), []
    inner = numbers([], closed)
    taken = ahead(k for k in ahead(inner))
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert threading.active_count() == before
