"""Several processes in one gallery: nothing is lost, no error reaches a user, changes are seen."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.queues import Queue
from pathlib import Path

from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters

ENROLLERS, RECOGNIZERS, EACH = 4, 4, 12
VISIBLE_WITHIN = 1.0  # seconds

Message = tuple[str, str, float]


def enroll(path: Path, number: int, messages: Queue[Message]) -> None:
    try:
        with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
            for item in range(EACH):
                label = f"{number}-{item}"
                recognizer.enroll(label, quarters(1000 * number + item))
                messages.put(("enrolled", label, time.monotonic()))
    except Exception as error:
        messages.put(("failed", repr(error), time.monotonic()))


def recognize(path: Path, stop: float, messages: Queue[Message]) -> None:
    """Look for every class by its own picture; report when each is first recognised."""
    try:
        wanted = {f"{n}-{i}": quarters(1000 * n + i) for n in range(ENROLLERS) for i in range(EACH)}
        with Recognizer.open(path, backbone=FakeBackbone()) as recognizer:
            while wanted and time.monotonic() < stop:
                for label, picture in list(wanted.items()):
                    if recognizer.recognize(picture).label == label:
                        messages.put(("seen", label, time.monotonic()))
                        del wanted[label]
    except Exception as error:
        messages.put(("failed", repr(error), time.monotonic()))


def test_four_enroll_while_four_recognize(tmp_path: Path) -> None:
    path = tmp_path / "shared.gallery"
    context = multiprocessing.get_context("spawn")
    messages: Queue[Message] = context.Queue()
    Recognizer.open(path, create=True, backbone=FakeBackbone()).close()
    stop = time.monotonic() + 60
    processes = [
        *(context.Process(target=enroll, args=(path, n, messages)) for n in range(ENROLLERS)),
        *(context.Process(target=recognize, args=(path, stop, messages)) for _ in range(4)),
    ]
    for process in processes:
        process.start()
    expected = ENROLLERS * EACH * (1 + RECOGNIZERS)
    received = [messages.get(timeout=90) for _ in range(expected)]
    for process in processes:
        process.join(timeout=30)

    assert [text for kind, text, _ in received if kind == "failed"] == []
    assert sum(kind == "enrolled" for kind, _, _ in received) == ENROLLERS * EACH
    assert sum(kind == "seen" for kind, _, _ in received) == ENROLLERS * EACH * RECOGNIZERS
    with Recognizer.open(path) as recognizer:
        assert recognizer.gallery.catalog.counts().examples == ENROLLERS * EACH
        assert recognizer.gallery.check() == []


def test_a_new_class_is_seen_by_another_process_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "shared.gallery"
    with (
        Recognizer.open(path, create=True, backbone=FakeBackbone()) as writer,
        Recognizer.open(path, backbone=FakeBackbone()) as reader,
    ):
        for seed in range(5):
            assert reader.recognize(quarters(seed)).label is None
            writer.enroll(str(seed), quarters(seed))
            time.sleep(VISIBLE_WITHIN)
            assert reader.recognize(quarters(seed)).label == str(seed)


def test_creating_one_gallery_from_several_processes_makes_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    messages: Queue[Message] = context.Queue()
    path = tmp_path / "new.gallery"
    processes = [context.Process(target=enroll, args=(path, n, messages)) for n in range(4)]
    for process in processes:
        process.start()
    received = [messages.get(timeout=90) for _ in range(4 * EACH)]
    for process in processes:
        process.join(timeout=30)

    assert {kind for kind, _, _ in received} == {"enrolled"}, received
    with Recognizer.open(path) as recognizer:
        assert recognizer.gallery.catalog.counts().classes == 4 * EACH
