"""Open recognisers in other processes, and loading by many threads at once."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from engine.backbones import export_backbone, is_exported, load_backbone
from engine.errors import OnelookError
from engine.recognizer import Recognizer, backbone_in_use
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import MakePicture, quarters

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
PATIENCE = 60.0  # seconds: a busy machine must not look like a hang


def forked(work: Callable[[], Any]) -> Any:
    """What `work` gives in a forked child; fails where the child hangs."""
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def child() -> None:
        try:
            sender.send(work())
        except BaseException as error:
            sender.send(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, about forking threads
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
    try:
        assert receiver.poll(PATIENCE), "the child hangs"
        answer = receiver.recv()
    finally:
        process.kill()
        process.join()
    if isinstance(answer, BaseException):
        raise answer
    return answer


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    """A gallery of the default backbone, with a thread for each of two cores."""
    monkeypatch.setenv("ONELOOK_THREADS", "2")
    if not is_exported("efficientnet-lite0"):
        export_backbone("efficientnet-lite0")
    recognizer = Recognizer.open(tmp_path / "g", create=True)
    for seed in range(4):
        recognizer.enroll(f"c{seed}", quarters(seed, 64))
    return recognizer


@forks
@pytest.mark.weights
def test_a_forked_child_recognises_batches_verifies_and_enrolls(two: Recognizer) -> None:
    pictures = [quarters(seed, 64) for seed in range(4)]
    labels = [d.candidates[0].label for d in two.recognize_many(pictures)]
    assert labels == ["c0", "c1", "c2", "c3"]

    def work() -> Any:
        again = [d.candidates[0].label for d in two.recognize_many(pictures)]
        similarity = two.verify(*pictures[:2]).similarity
        two.enroll("c9", quarters(9, 64))
        return again, similarity

    again, similarity = forked(work)

    assert again == labels
    assert similarity == pytest.approx(two.verify(*pictures[:2]).similarity, abs=1e-4)
    assert two.recognize(quarters(9, 64)).candidates[0].label == "c9"
    two.close()


@forks
def test_what_a_child_writes_survives_the_parents_closing(tmp_path: Path) -> None:
    parent = Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone())
    parent.enroll("a", quarters(1))
    closed, told = multiprocessing.Event(), multiprocessing.Event()

    def work() -> None:
        parent.enroll("b", quarters(2))
        told.set()
        closed.wait(PATIENCE)
        parent.enroll("c", quarters(3))

    thread = threading.Thread(target=lambda: (told.wait(PATIENCE), parent.close(), closed.set()))
    thread.start()
    forked(work)
    thread.join()

    with Recognizer.open(tmp_path / "g", backbone=FakeBackbone()) as again:
        found = [again.nearest(quarters(seed))[0] for seed in (1, 2, 3)]
    assert [each.label for each in found] == ["a", "b", "c"]
    assert all(each.similarity > 0.999 for each in found)


@forks
def test_a_fork_while_another_thread_writes_leaves_the_child_free(tmp_path: Path) -> None:
    parent = Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone())
    parent.enroll("a", quarters(1))
    parent.recognize(quarters(1))
    inside, over = threading.Event(), threading.Event()

    def write() -> None:
        with parent.gallery.catalog.write():
            inside.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=write)
    thread.start()
    inside.wait(PATIENCE)
    try:
        assert forked(lambda: parent.recognize(quarters(1)).label) == "a"
    finally:
        over.set()
        thread.join()
        parent.close()


def test_a_recogniser_is_pickled_by_place_and_settings(
    recognizer: Recognizer, make_picture: MakePicture
) -> None:
    recognizer.enroll("a", make_picture("a.png", 1))

    with pickle.loads(pickle.dumps(recognizer)) as again:
        assert again.gallery.location == recognizer.gallery.location
        assert again.recognize(quarters(1)).label == "a"


def _asked(recognizer: Recognizer, path: Path) -> str | None:
    return recognizer.recognize(path).label


def test_a_spawned_child_opens_it_for_itself(
    recognizer: Recognizer, make_picture: MakePicture
) -> None:
    path = make_picture("a.png", 1)
    recognizer.enroll("a", path)

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_asked, (recognizer, path)) == "a"


def test_errors_survive_the_way_between_processes() -> None:
    def below(kind: type[OnelookError]) -> list[type[OnelookError]]:
        return [kind, *(each for sub in kind.__subclasses__() for each in below(sub))]

    for kind in below(OnelookError):
        if kind.__module__ != OnelookError.__module__:
            continue  # another room's own, which doesn't leave it
        error = kind("a", "b") if kind.__name__ == "ImageError" else kind("a")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (kind, str(error))


@pytest.mark.weights
def test_a_loaded_backbone_is_copied_as_itself_and_pickled_by_name() -> None:
    backbone = load_backbone("efficientnet-lite0")

    assert deepcopy(backbone) is backbone
    again = pickle.loads(pickle.dumps(backbone))
    assert (again.space, again.runtime) == (backbone.space, backbone.runtime)


def test_threads_that_come_at_once_load_the_backbone_once(
    recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    at_once = threading.Barrier(4)
    load = backbone_in_use.load_extractor

    def counted(*given: Any, **more: Any) -> Any:
        loads.append(given)
        threading.Event().wait(0.05)  # long enough for the others to arrive
        return load(*given, **more)

    monkeypatch.setattr(backbone_in_use, "load_extractor", counted)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def ask() -> None:
        at_once.wait()
        recognizer.embed([quarters(1)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)

    assert len(loads) == 1
