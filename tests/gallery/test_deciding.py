"""Decisions by one snapshot: what they show, and that nothing happening meanwhile mixes two."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.decision import NEIGHBOURS
from engine.gallery import Gallery, class_thresholds, decide_queries
from engine.gallery.deciding.decisions import excesses
from engine.projections import Projection
from engine.types import Decision, FloatArray, Reason, Space
from tests.gallery.conftest import example, unit

DIMENSION = 64
SPACE = Space("made by hand", "w" * 64, "p" * 64, DIMENSION)
LASTING = 24
SECONDS = 6.0


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "g.gallery", space=SPACE, poll_seconds=0.0) as made:
        made.enroll([example(f"thing {n}", n, vector=picture(n)) for n in range(LASTING)])
        yield made


def picture(number: int, noise: float = 0.0) -> FloatArray:
    """A picture of thing `number`; with noise, another one of it."""
    seen = unit(number, DIMENSION) + noise * unit(10_000 + number, DIMENSION)
    return (seen / np.linalg.norm(seen)).astype(np.float32)


def decide(gallery: Gallery, vectors: FloatArray, candidates: int = 5) -> list[Decision]:
    snapshot = gallery.snapshot()
    queries = snapshot.projection.apply_queries(vectors)
    return decide_queries(snapshot, queries, ["query"] * len(queries), candidates)


def test_no_answer_names_a_class_that_the_query_is_not_whatever_goes_on_meanwhile(
    gallery: Gallery,
) -> None:
    """A class that goes after ranking must not leave its score and threshold to the runner-up."""
    passing, renamed = "passing", [f"name {n}" for n in range(3)]
    allowed = [{f"thing {n}"} for n in range(LASTING)] + [{passing}]
    allowed[0] |= set(renamed)
    queries = np.stack([picture(n, noise=0.15) for n in range(LASTING + 1)])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(DIMENSION, DIMENSION)))[0]
    turned = Projection("turned", np.zeros(DIMENSION, np.float32), rotation.astype(np.float32))
    wrong: list[tuple[int, str | None]] = []
    right: set[int] = set()
    failures: list[BaseException] = []
    done = threading.Event()

    def watched(task: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                while not done.is_set():
                    task()
            except BaseException as failure:  # a thread's failure is the test's
                failures.append(failure)

        return threading.Thread(target=run)

    def recognize(some: FloatArray, own: list[int]) -> None:
        for number, decision in zip(own, decide(gallery, some), strict=True):
            if decision.known and decision.label not in allowed[number]:
                wrong.append((number, decision.label))
            elif decision.known:
                right.add(number)

    everyone = list(range(LASTING + 1))
    threads = [
        watched(lambda: recognize(queries, everyone)),
        watched(lambda: recognize(queries[[0]], [0])),
        watched(lambda: recognize(queries[[LASTING]], [LASTING])),
    ]
    names = itertools.cycle(itertools.pairwise([*renamed, renamed[0]]))
    gallery.classes.rename("thing 0", renamed[0])
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        until = time.monotonic() + SECONDS
        for round_ in itertools.count():
            gallery.enroll([example(passing, 900 + round_, vector=picture(LASTING))])
            gallery.classes.rename(*next(names))
            gallery.classes.remove(passing)
            gallery.classes.pin("thing 1", [0.7, None][round_ % 2])
            if round_ % 4 == 1:
                gallery.spaces.project([turned, None][round_ % 8 > 4])
            if round_ % 4 == 3:
                gallery.thresholds.calibrate()
            if failures or wrong or time.monotonic() > until:
                break
    finally:
        done.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    assert failures == []
    assert wrong == []
    assert right >= set(range(1, LASTING))


def test_a_snapshot_stays_as_it_was(gallery: Gallery) -> None:
    before = gallery.snapshot()
    queries = np.stack([picture(n, noise=0.15) for n in range(LASTING)])
    first = decide_queries(before, queries, ["query"] * LASTING)

    gallery.classes.remove("thing 3")
    gallery.classes.rename("thing 4", "cup")
    gallery.classes.merge(["thing 5"], "thing 6")
    gallery.classes.pin("thing 7", 1.0)
    gallery.thresholds.set_target_fpir(0.3)
    gallery.enroll([example("new", 77, vector=picture(3, noise=0.15))])

    assert decide_queries(before, queries, ["query"] * LASTING) == first
    now = [d.label for d in decide(gallery, queries)]
    assert now[3:8] == ["new", "cup", "thing 6", "thing 6", None]
    assert gallery.snapshot().generation > before.generation


def test_an_enrolled_picture_of_a_pinned_class_is_judged_alike_everywhere(
    gallery: Gallery,
) -> None:
    """Deciding refused what evaluating accepted."""
    itself = picture(3)[None]
    for pin, accepted in ((0.9, True), (1.0, True)):
        gallery.classes.pin("thing 3", pin)
        snapshot = gallery.snapshot()
        [decision] = decide_queries(snapshot, itself, ["query"])
        [excess] = excesses(snapshot, itself, snapshot.rank(itself, NEIGHBOURS + 1))

        assert decision.similarity == pytest.approx(1.0)
        assert decision.known is accepted
        assert bool(excess >= 0) is accepted
        assert decision.threshold == pin
        class_id = gallery.catalog.ask(lambda read: read.classes.id_of("thing 3"))
        assert class_thresholds(snapshot, [class_id]) == {class_id: pin}


def test_an_empty_gallery_knows_nothing(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "empty.gallery", space=SPACE) as empty:
        [decision] = decide(empty, picture(1)[None])

    assert decision.reason is Reason.EMPTY_GALLERY
    assert decision.label is None
    assert decision.similarity is None
    assert decision.candidates == ()


def test_a_decision_shows_as_many_candidates_as_asked_for(gallery: Gallery) -> None:
    [one], [three] = (decide(gallery, picture(2)[None], shown) for shown in (1, 3))

    assert [candidate.label for candidate in one.candidates] == ["thing 2"]
    assert len(three.candidates) == 3
    assert one.margin == three.margin
    assert three.margin == three.candidates[0].similarity - three.candidates[1].similarity


def test_the_json_object_has_the_documented_keys(gallery: Gallery) -> None:
    assert list(decide(gallery, picture(2)[None])[0].to_json()) == [
        "source", "label", "known", "reason", "ambiguous", "similarity", "stranger_rate",
        "stranger_rate_interval", "score", "threshold", "margin", "text", "candidates", "space",
        "calibration", "location", "region", "attributes", "refused", "error",
    ]  # fmt: skip
