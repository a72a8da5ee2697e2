"""Galleries of one picture a class and of two, and ones that strangers are given to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.kinds import Embedded, Kind
from benchmarks.verdicts import TARGETS, Pictures, of_one_and_two, of_split, verdicts
from engine.gallery.deciding.left_out import Photographs
from engine.testing.fake_backbone import FakeBackbone

CLASSES = 40


@dataclass
class NoLocalFeatures:
    def of_rows(self, _: object) -> None:
        return None


def made() -> Pictures:
    """Catalog pictures that say nothing of the queries, of which there are two a class."""
    space = FakeBackbone().space
    drawn = np.random.default_rng(0).normal(size=(2, CLASSES, space.dimension))
    catalog, seen = (drawn / np.linalg.norm(drawn, axis=2, keepdims=True)).astype(np.float32)
    labels = [f"thing {number:02}" for number in range(CLASSES)]
    return Pictures(
        Kind("made", {label: Path(label) for label in labels}, []),
        Embedded(catalog, np.repeat(seen, 2, axis=0), np.repeat(np.arange(CLASSES), 2)),
        NoLocalFeatures(),  # type: ignore[arg-type]
        (None,) * (2 * CLASSES),  # type: ignore[arg-type]
        Photographs(np.empty((0, space.dimension), np.float32), np.empty(0, np.int64), None),
        space,
    )


def test_a_second_picture_like_the_queries_names_them_all() -> None:
    (one, right, _), (two, twice_right, _) = of_one_and_two(made(), 2, {})

    assert (one, two) == (1, 2)
    assert right < 0.2
    assert twice_right == 1.0


def test_strangers_given_are_of_other_classes_than_those_asked() -> None:
    reached = of_split(made(), 20, 0, given=8)

    assert [np.unique(truth).size for _, truth, _, _ in reached] == [20 - 8] * len(TARGETS)
    sizes = [row.classes for row in verdicts(made(), 1, {}, given=11)]
    assert sizes == [5, 5]  # half of forty, and twenty, leave fewer than twice eleven


def test_unlabelled_queries_given_are_not_asked() -> None:
    pictures = made()
    asked = [len(of_split(pictures, 20, 0, unlabelled=count)[0][0]) for count in (0, 30, 60)]

    assert asked[0] == 40  # two pictures of each of twenty strangers
    assert asked[0] > asked[1] > asked[2]
