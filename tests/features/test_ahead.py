"""Work in threads ahead of whoever takes the results."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from engine.features import work_ahead


def test_results_keep_the_order_of_the_batches_and_within_them() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    batches = [[0, 1, 2], [], [3, 4], [5]]
    assert list(work_ahead(batches, slow_first, workers=3)) == [[0, 1, 4], [], [9, 16], [25]]


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_batches_are_drawn_than_are_in_hand(ahead: int) -> None:
    drawn = 0

    def batches() -> Iterator[list[int]]:
        nonlocal drawn
        for number in range(10):
            drawn += 1
            yield [number]

    for taken, [number] in enumerate(work_ahead(batches(), abs, workers=1, ahead=ahead)):
        assert number == taken
        assert drawn == min(10, taken + ahead)


def test_batches_are_drawn_in_the_thread_of_the_caller_and_worked_on_in_others() -> None:
    here, drew, worked = threading.get_ident(), set(), set()

    def batches() -> Iterator[list[int]]:
        for number in range(3):
            drew.add(threading.get_ident())
            yield [number]

    def work(_number: int) -> None:
        worked.add(threading.get_ident())

    assert len(list(work_ahead(batches(), work, workers=2))) == 3
    assert drew == {here}
    assert here not in worked


def test_what_the_work_raises_is_raised_in_the_batch_s_place() -> None:
    def work(number: int) -> int:
        return 1 // number

    results = work_ahead([[1], [0], [1]], work, workers=2)
    assert next(results) == [1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_leaving_early_ends_the_threads() -> None:
    before = threading.active_count()
    results = work_ahead(([n] for n in range(1000)), abs, workers=4)
    assert next(results) == [0]
    results.close()
    assert threading.active_count() == before
