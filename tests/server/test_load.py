"""Under load, while classes are enrolled, and asked to stop: nothing accepted is lost."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from engine.errors import OverloadedError
from engine.recognizer import Recognizer
from engine.server.batching import Batcher
from engine.server.options import ServerOptions
from engine.testing.fake_backbone import FakeBackbone
from engine.types import ByteArray, FloatArray
from tests.server.conftest import client_of, png
from tests.server.load import load


def test_no_request_is_lost_while_enrolling_and_stopping(tmp_path: Path) -> None:
    outcome = load(tmp_path, backbone="fake", callers=6, seconds=1.0, least=100)
    print(outcome.describe())
    assert outcome.lost == []
    assert outcome.wrong == 0
    assert outcome.exit_code == 0
    assert len(outcome.milliseconds) >= 100
    assert outcome.enrolled > 0


def test_what_gathers_while_a_batch_is_worked_on_is_the_next_batch() -> None:
    begun, go_on = threading.Event(), threading.Event()
    batches: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        begun.set()
        go_on.wait(5)
        return [2 * item for item in items]

    batcher = Batcher(work, max_batch=8, linger=0.0)
    first = batcher.submit(1)
    begun.wait(5)
    others = [batcher.submit(item) for item in range(2, 12)]
    go_on.set()

    assert [first.result(5), *(future.result(5) for future in others)] == [
        2 * item for item in range(1, 12)
    ]
    assert batches == [1, 8, 2]
    batcher.close()


def test_one_bad_item_fails_alone() -> None:
    def work(items: Sequence[int]) -> list[float]:
        return [1 / item for item in items]

    batcher = Batcher(work, max_batch=8, linger=0.2)
    futures = [batcher.submit(item) for item in (1, 0, 2)]
    assert futures[0].result(5) == 1.0
    assert futures[2].result(5) == 0.5
    with pytest.raises(ZeroDivisionError):
        futures[1].result(5)
    batcher.close()


def test_who_has_waited_too_long_is_told_so_instead_of_served() -> None:
    hold = threading.Event()

    def work(items: Sequence[int]) -> list[int]:
        hold.wait(5)
        return list(items)

    batcher = Batcher(work, max_batch=1, linger=0.0, patience=0.05)
    first, second = batcher.submit(1), batcher.submit(2)
    threading.Timer(0.2, hold.set).start()
    assert first.result(5) == 1
    with pytest.raises(OverloadedError, match="waited for more than"):
        second.result(5)
    batcher.close()


def test_closing_finishes_what_was_handed_in_and_takes_no_more() -> None:
    batcher = Batcher(lambda items: list(items), max_batch=2, linger=0.0)
    futures = [batcher.submit(item) for item in range(20)]
    batcher.close()
    assert [future.result(0) for future in futures] == list(range(20))
    with pytest.raises(OverloadedError):
        batcher.submit(1)


def test_several_batches_are_worked_on_at_a_time() -> None:
    meeting = threading.Barrier(2, timeout=60)

    def work(items: Sequence[int]) -> list[int]:
        meeting.wait()
        return list(items)

    batcher = Batcher(work, max_batch=1, linger=0.0, workers=2)
    answers = [batcher.submit(number) for number in range(4)]
    assert [answer.result(60) for answer in answers] == [0, 1, 2, 3]
    assert batcher.alive
    batcher.close()
    assert not batcher.alive


@pytest.mark.parametrize("at_once", [1, 2])
def test_as_many_batches_are_embedded_at_a_time_as_the_backbone_runs(
    gallery: Path, at_once: int
) -> None:
    met = threading.Barrier(2)
    most, running = 0, 0

    class Counting(FakeBackbone):
        def _features(self, batch: ByteArray) -> FloatArray:
            nonlocal most, running
            running += 1
            most = max(most, running)
            with suppress(threading.BrokenBarrierError):
                met.wait(60 if at_once == 2 else 0.05)
            running -= 1
            return super()._features(batch)

    backbone = Counting()
    backbone.at_once = at_once
    with (
        Recognizer.open(gallery, backbone=backbone) as recognizer,
        client_of(recognizer, ServerOptions(max_batch=1, rate=0)) as client,
        ThreadPoolExecutor(4) as callers,
    ):
        sent = [{"images": (f"{seed}.png", png(seed))} for seed in range(4)]
        answers = list(callers.map(lambda files: client.post("/v1/recognize", files=files), sent))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert most == at_once
