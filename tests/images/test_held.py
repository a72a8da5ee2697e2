"""Pictures that are held on to for what may yet be asked of them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from engine.features import Embedder
from engine.features.closer import CloserLook
from engine.images import HeldPicture, held
from engine.local import QueryView
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one picture of 100 × 100 and half of another."""
    monkeypatch.setattr(held, "_room", held._Room(15_000))


@pytest.fixture
def asked() -> list[tuple[int, int]]:
    """The sizes of the pictures that something was made of, in order."""
    return []


def noting(asked: list[tuple[int, int]]) -> Callable[[Image.Image], tuple[int, int]]:
    def size_of(picture: Image.Image) -> tuple[int, int]:
        asked.append(picture.size)
        return picture.size

    return size_of


def test_work_waits_until_it_is_asked_for_while_there_is_room(asked: list[tuple[int, int]]) -> None:
    first, second = (HeldPicture(Image.new("RGB", (100, 100))) for _ in range(2))
    late, at_once = first.later(noting(asked)), second.later(noting(asked))
    assert len(asked) == 1
    assert late() == at_once() == (100, 100)
    assert len(asked) == 2


def test_room_is_free_again_once_nothing_more_can_be_asked(asked: list[tuple[int, int]]) -> None:
    picture = Image.new("RGB", (100, 100))
    for _ in range(3):
        late = HeldPicture(picture).later(noting(asked))
        del late
    assert asked == []


def test_one_that_is_larger_than_all_room_is_not_held(asked: list[tuple[int, int]]) -> None:
    HeldPicture(Image.new("RGB", (151, 100))).later(noting(asked))
    assert asked == [(151, 100)]


def test_views_let_go_of_a_picture_once_both_were_asked_or_are_gone() -> None:
    gc.collect()
    gc.disable()
    try:
        for ask in (True, False):
            picture = quarters(3, 100)
            gone = weakref.ref(picture)
            holder = HeldPicture(picture)
            look = CloserLook(holder, (100, 100), Embedder(FakeBackbone()))
            view = QueryView(holder, (100, 100), closer=look)
            del holder, picture
            assert gone() is not None
            if ask:
                look.embedding()
                view.query()
            else:
                del look, view
            assert gone() is None
    finally:
        gc.enable()


def test_both_are_the_same_with_and_without_room() -> None:
    picture = quarters(5, 100)
    found = []
    for holder in (HeldPicture(picture), HeldPicture(quarters(5, 100))):
        look = CloserLook(holder, (100, 100), Embedder(FakeBackbone()))
        view = QueryView(holder, (100, 100), closer=look)
        found.append((look, view))
    (one, view), (other, same) = found
    np.testing.assert_array_equal(one.embedding(), other.embedding())
    points, others = view.query().features, same.query().features
    np.testing.assert_array_equal(points.keypoints, others.keypoints)
    np.testing.assert_array_equal(points.descriptors, others.descriptors)
