"""Filters: only classes with certain attributes are compared with, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import FilterError
from engine.filtering import Filter
from engine.gallery import Gallery, class_thresholds, decide_queries
from engine.types import Decision, FloatArray, Reason, Space
from tests.gallery.conftest import example, unit

DIMENSION = 64
SPACE = Space("made by hand", "w" * 64, "p" * 64, DIMENSION)
SHOPS = ("north", "south")
KINDS = ("mug", "cup", "plate")


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "g.gallery", space=SPACE, poll_seconds=0.0) as made:
        made.enroll([example(f"thing {n}", n, vector=picture(n)) for n in range(60)])
        for n in range(60):
            attributes = {"shop": SHOPS[n % 2], "kind": KINDS[n % 3], "price": n / 2}
            made.classes.set_attributes(f"thing {n}", attributes)
        yield made


def picture(number: int, noise: float = 0.0) -> FloatArray:
    seen = unit(number, DIMENSION) + noise * unit(10_000 + number, DIMENSION)
    return (seen / np.linalg.norm(seen)).astype(np.float32)


def decide(gallery: Gallery, where: dict[str, object], *numbers: int) -> list[Decision]:
    snapshot = gallery.snapshot().narrowed(Filter.of(where))
    queries = snapshot.projection.apply_queries(np.stack([picture(n, 0.2) for n in numbers]))
    return decide_queries(snapshot, queries, ["query"] * len(queries), 60)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"shop": "north"}, lambda n: n % 2 == 0),
        ({"shop": "north", "kind": ["mug", "cup"]}, lambda n: n % 2 == 0 and n % 3 < 2),
        ({"kind": ("plate",)}, lambda n: n % 3 == 2),
        ({"price": 3}, lambda n: n == 6),
        ({"price": "3.5"}, lambda n: n == 7),
    ],
)
def test_only_classes_with_those_values_are_candidates(
    gallery: Gallery, where: dict[str, object], kept: object
) -> None:
    expected = {f"thing {n}" for n in range(60) if kept(n)}  # type: ignore[operator]
    [decision] = decide(gallery, where, 6)
    assert {candidate.label for candidate in decision.candidates} == expected
    assert decision.calibration.endswith(f"among the classes with {Filter.of(where)}")


def test_similarities_and_attributes_are_those_of_the_whole_gallery(gallery: Gallery) -> None:
    snapshot = gallery.snapshot()
    queries = snapshot.projection.apply_queries(picture(6, 0.2)[None])
    [whole] = decide_queries(snapshot, queries, ["query"], 60)
    similarities = {each.label: each.similarity for each in whole.candidates}
    [some] = decide(gallery, {"shop": "north"}, 6)
    assert whole.label == some.label == "thing 6"
    assert some.attributes == {"shop": "north", "kind": "mug", "price": 3.0}
    for candidate in some.candidates:
        assert candidate.similarity == pytest.approx(similarities[candidate.label], abs=1e-6)
        assert candidate.attributes["shop"] == "north"
    assert some.to_json()["attributes"]["price"] == 3.0
    ids = [candidate.class_id for candidate in some.candidates]
    narrowed = snapshot.narrowed(Filter.of({"shop": "north"}))
    assert narrowed.classes == 30
    assert class_thresholds(narrowed, ids) == class_thresholds(snapshot, ids)


def test_what_a_filter_leaves_out_is_unknown(gallery: Gallery) -> None:
    found = decide(gallery, {"shop": "south"}, *range(0, 60, 2))
    assert [decision.label for decision in found] == [None] * 30
    assert {decision.reason for decision in found} == {Reason.BELOW_THRESHOLD}
    assert all(decision.attributes == {} for decision in found)


def test_a_look_alike_that_is_left_out_is_no_rival(gallery: Gallery) -> None:
    """A filter settles what can't be told apart: the same thing sold by another shop."""
    gallery.enroll([example("twin", 100, vector=picture(6, 0.02))])
    gallery.classes.set_attributes("twin", {"shop": "east"})
    [decision] = decide(gallery, {"shop": ["north", "east"]}, 6)
    assert decision.ambiguous
    [decision] = decide(gallery, {"shop": "north"}, 6)
    assert (decision.label, decision.ambiguous) == ("thing 6", False)


def test_a_filter_that_matches_nothing_says_so(gallery: Gallery) -> None:
    [decision] = decide(gallery, {"shop": "north", "kind": "fork"}, 6)
    assert (decision.label, decision.reason) == (None, Reason.NOTHING_MATCHES)
    assert decision.candidates == ()


def test_an_attribute_that_no_class_has_is_named_with_those_there_are(gallery: Gallery) -> None:
    with pytest.raises(FilterError, match="'shpo'; there are: 'kind', 'price', 'shop'"):
        decide(gallery, {"shpo": "north"}, 6)


def test_one_class_alone_is_told_from_strangers(gallery: Gallery) -> None:
    known, *strangers = decide(gallery, {"price": 3}, 6, *range(200, 240))
    assert known.label == "thing 6"
    assert sum(stranger.known for stranger in strangers) <= 2


def test_changed_attributes_count_at_once_and_in_every_process(
    gallery: Gallery, tmp_path: Path
) -> None:
    before = gallery.snapshot()
    with Gallery.open(tmp_path / "g.gallery", poll_seconds=0.0) as other:
        other.snapshot().narrowed(Filter.of({"shop": "north"}))
        gallery.classes.set_attributes("thing 6", {"shop": "west", "kind": "mug", "new": True})
        gallery.classes.rename("thing 8", "eight")
        gallery.classes.remove("thing 10")
        for opened in (gallery, other):
            [decision] = decide(opened, {"shop": "west"}, 6)
            assert (decision.label, len(decision.candidates)) == ("thing 6", 1)
            assert decision.attributes == {"shop": "west", "kind": "mug", "new": True}
            [decision] = decide(opened, {"new": True}, 6)
            assert decision.label == "thing 6"
            [decision] = decide(opened, {"shop": "north"}, 8)
            assert decision.label == "eight"
            assert len(decision.candidates) == 28
    assert len(before.narrowed(Filter.of({"shop": "north"})).labels) == 30


def test_many_changes_leave_filters_right(gallery: Gallery) -> None:
    decide(gallery, {"shop": "north"}, 0)
    for n in range(60):
        with gallery._live.write() as transaction:
            class_id = transaction.read.classes.id_of(f"thing {n}")
            transaction.classes.set_attributes(class_id, {"shop": SHOPS[n % 4 == 0]})
        if n % 20 == 0:
            gallery.enroll([example(f"more {n}", 300 + n, vector=picture(300 + n))])
    [decision] = decide(gallery, {"shop": "south"}, 0)
    expected = {f"thing {n}" for n in range(0, 60, 4)}
    assert {candidate.label for candidate in decision.candidates} == expected


@pytest.mark.parametrize(
    "wrong",
    [{}, {"": 1}, {"kind": []}, {1: "a"}, "kind=mug", {"kind": object()}],
)
def test_what_is_no_filter_is_refused(wrong: object) -> None:
    with pytest.raises(FilterError, match="but got"):
        Filter.of(wrong)  # type: ignore[arg-type]


def test_a_filter_is_read_from_text() -> None:
    parsed = Filter.parse(["kind=mug|cup", "shop=north", 'kind={"a"', '{"size": [3, "x|y"]}'])
    assert parsed == Filter.of(
        {"kind": ["mug", "cup", '{"a"'], "shop": "north", "size": [3, "x|y"]}
    )
    assert Filter.parse([]) is None
    for wrong in ("kind", "=mug", "kind=", "{", '{"a": {}'):
        with pytest.raises(FilterError, match=r"expected|JSON"):
            Filter.parse([wrong])
