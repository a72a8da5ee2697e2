"""Two prints that share a design are told apart by what differs between them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.local import CodedFeatures, LocalMatch, LocalQuery, find, leaning
from engine.local.sift import RootSift, described
from engine.local.views import grey_view
from engine.testing.pictures import poster, seen

CORNERS = [[180, 90], [620, 70], [650, 480], [200, 430]]


def product(seed: int) -> Image.Image:
    """A design that all products share, but for the middle of its lower half."""
    picture = poster(seed=1).resize((400, 300))
    picture.paste(poster(seed=seed).resize((200, 120)), (100, 160))
    return picture


def enrolled(picture: Image.Image) -> CodedFeatures:
    found = RootSift().extract(picture, long_side=512, points=500, size=picture.size)
    return CodedFeatures.of(found)


def asked(picture: Image.Image, *, copy: bool = True) -> LocalQuery:
    found = RootSift().extract(picture, long_side=800, points=1200, size=picture.size)
    return LocalQuery.of_view(found, grey_view(picture)) if copy else LocalQuery(found)


def lies(query: LocalQuery, coded: CodedFeatures) -> tuple[CodedFeatures, LocalMatch]:
    match = find(query, coded)
    assert match is not None
    return coded, match


FIRST, SECOND = enrolled(product(2)), enrolled(product(3))


@pytest.mark.parametrize("size", [(800, 600), (1600, 1200)])
def test_what_only_one_has_speaks_for_it(size: tuple[int, int]) -> None:
    for seed, sign in ((2, 1), (3, -1)):
        photograph = seen(product(seed), CORNERS, ground=poster(seed=9)).resize(size)
        query = asked(photograph)
        one, two = lies(query, FIRST), lies(query, SECOND)
        assert sign * leaning(query, one, two) > 0.1
        assert leaning(query, two, one) == pytest.approx(-leaning(query, one, two))


def test_a_third_product_speaks_for_neither() -> None:
    query = asked(seen(product(5), CORNERS, ground=poster(seed=9)))
    assert abs(leaning(query, lies(query, FIRST), lies(query, SECOND))) < 0.1


def test_nothing_is_told_of_one_picture_enrolled_twice_or_without_a_copy_of_the_query() -> None:
    photograph = seen(product(2), CORNERS)
    query = asked(photograph)
    one, two = lies(query, FIRST), lies(query, SECOND)
    assert leaning(query, one, one) == 0.0
    assert leaning(asked(photograph, copy=False), one, two) == 0.0


def test_nothing_is_told_where_what_both_share_is_not_seen_either() -> None:
    query = asked(seen(product(2), CORNERS))
    (first, match), (second, other) = lies(query, FIRST), lies(query, SECOND)
    off = np.float32([60, 45])
    moved = [
        LocalMatch(m.log_false_alarms, m.inliers, m.share, m.corners + off, m.matched)
        for m in (match, other)
    ]
    assert leaning(query, (first, moved[0]), (second, moved[1])) == 0.0


def test_points_are_described_as_where_they_were_found() -> None:
    grey = np.asarray(poster(seed=4).convert("L"))
    found = RootSift().extract(poster(seed=4), long_side=800, points=300, size=poster().size)
    rows, again = described(grey, found.keypoints)
    unit = found.descriptors.astype(np.float32) / 512
    likeness = np.einsum("ij,ij->i", unit[rows], again)
    assert len(rows) == len(found)
    assert np.median(likeness) > 0.99


def test_a_picture_without_points_is_not_described() -> None:
    rows, again = described(np.zeros((50, 50), np.uint8), np.empty((0, 4), np.float32))
    assert rows.shape == (0,)
    assert again.shape == (0, 128)
