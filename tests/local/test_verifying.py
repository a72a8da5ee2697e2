"""A flat thing is found where it was put, and only where it was put."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engine.local import CodedFeatures, LocalMatch, LocalQuery, find
from engine.local.sift import RootSift
from engine.testing.pictures import noise, poster, seen

CORNERS = [[250, 120], [560, 90], [600, 420], [270, 380]]


def _enrolled(picture: Image.Image) -> CodedFeatures:
    features = RootSift().extract(picture, long_side=512, points=600, size=picture.size)
    return CodedFeatures.of(features)


def _query(picture: Image.Image) -> LocalQuery:
    features = RootSift().extract(picture, long_side=800, points=1200, size=picture.size)
    return LocalQuery(features)


def _overlap(corners: np.ndarray, truth: list[list[int]], size: tuple[int, int]) -> float:
    """Intersection over union of two outlines, counted in pixels."""
    masks = []
    for outline in (corners.tolist(), truth):
        mask = Image.new("1", size)
        ImageDraw.Draw(mask).polygon([tuple(place) for place in outline], fill=1)
        masks.append(np.asarray(mask))
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


@pytest.fixture(scope="module")
def found() -> LocalMatch:
    match = find(_query(seen(poster(), CORNERS, ground=poster(seed=9))), _enrolled(poster()))
    assert match is not None
    return match


def test_the_outline_is_where_the_thing_is(found: LocalMatch) -> None:
    assert _overlap(found.corners, CORNERS, (800, 600)) > 0.95


def test_it_is_no_chance_and_most_of_it_was_seen(found: LocalMatch) -> None:
    assert found.log_false_alarms < -50
    assert found.inliers == len(found.matched)
    assert found.share > 0.5


def test_matched_points_lie_in_both_pictures(found: LocalMatch) -> None:
    assert (found.matched[:, :2] >= 0).all()
    assert (found.matched[:, 2:] <= [400, 300]).all()


@pytest.mark.parametrize("seed", range(1, 6))
def test_another_print_is_not_found(seed: int) -> None:
    match = find(_query(seen(poster(), CORNERS)), _enrolled(poster(seed=seed)))
    assert match is None or match.log_false_alarms > -2


def test_a_mirrored_print_is_not_found() -> None:
    mirrored = poster().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    match = find(_query(seen(mirrored, CORNERS)), _enrolled(poster()))
    assert match is None or match.log_false_alarms > -2


def test_a_part_is_a_smaller_share() -> None:
    part = poster().crop((0, 0, 200, 150))
    whole = find(_query(poster()), _enrolled(poster()))
    some = find(_query(part), _enrolled(poster()))
    assert whole is not None
    assert some is not None
    assert some.share < 0.5 < whole.share
    np.testing.assert_allclose(some.corners, [[0, 0], [400, 0], [400, 300], [0, 300]], atol=4)


def test_large_queries_give_corners_in_their_own_pixels() -> None:
    large = seen(poster(), np.array(CORNERS) * 3, size=(2400, 1800))
    match = find(_query(large), _enrolled(poster()))
    assert match is not None
    assert _overlap(match.corners / 3, CORNERS, (800, 600)) > 0.9


def test_without_points_nothing_is_found() -> None:
    plain = Image.new("RGB", (300, 300), "white")
    assert find(_query(plain), _enrolled(poster())) is None
    assert find(_query(poster()), _enrolled(plain)) is None
    assert find(_query(noise(64, 64)), _enrolled(plain)) is None


def test_every_thread_finds_the_same() -> None:
    enrolled = [_enrolled(poster(seed=seed)) for seed in range(4)]
    query = _query(seen(poster(), CORNERS))
    alone = [find(query, each) for each in enrolled]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: find(query, each), enrolled * 5))
    for place, match in enumerate(together):
        expected = alone[place % 4]
        assert (match is None) == (expected is None)
        if match is not None and expected is not None:
            np.testing.assert_array_equal(match.corners, expected.corners)
            assert match.log_false_alarms == expected.log_false_alarms
