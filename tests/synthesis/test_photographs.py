"""A picture's photographs: the same everywhere, and the picture is where they say it is."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from engine.synthesis import Split, cut_out, synthesize
from engine.synthesis.draws import Draws
from engine.synthesis.photographs import _coordinates
from engine.synthesis.placing import place
from engine.synthesis.surfaces import flat_surface


def blocks(seed, height=120, width=90, cells=6):
    """A picture that looks like no part of another: large squares in random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), np.uint8)
    return cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST)


OTHERS = [blocks(seed) for seed in range(50, 54)]


def test_the_same_arguments_give_the_same_photograph():
    first = synthesize(blocks(1), 7, others=OTHERS, size=96)
    again = synthesize(blocks(1), 7, others=OTHERS, size=96)
    other = synthesize(blocks(1), 8, others=OTHERS, size=96)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.corners, again.corners)
    assert np.abs(first.corners - other.corners).max() > 1


def test_a_seed_means_the_same_on_every_machine():
    # written down once; a change here changes every photograph ever made by seed
    draws = Draws(12, 3)
    found = [draws.uniform(), draws.normal(), draws.below(1000), draws.sign()]
    np.testing.assert_allclose(found, RECORDED_DRAWS, atol=1e-12)
    photograph = synthesize(blocks(1), 12, others=OTHERS, size=96)
    np.testing.assert_allclose(photograph.corners, RECORDED_CORNERS, atol=0.01)
    np.testing.assert_allclose(photograph.pixels.mean((0, 1)), RECORDED_MEAN, atol=1.5)


RECORDED_DRAWS = [0.9890340859160724, -0.06255990684278778, 140, 1.0]
RECORDED_CORNERS = [[11.325, 1.661], [67.505, 0.44], [82.467, 74.725], [20.704, 86.798]]
RECORDED_MEAN = [142.65, 164.84, 152.97]


def test_a_photograph_is_a_square_of_the_size_asked_for():
    photograph = synthesize(blocks(1), 0, size=112)
    assert photograph.pixels.shape == (112, 112, 3)
    assert photograph.pixels.dtype == np.uint8
    assert photograph.corners.shape == (4, 2)
    assert photograph.corners.dtype == np.float32


def test_the_picture_is_where_its_corners_say():
    # OpenCV's own homography takes it back, and it resembles itself more than another picture
    size, found = 256, []
    for seed in range(40):
        cutout = cut_out(blocks(seed))
        placement = place(cutout, Draws(seed, 1), size=size, strength=1, split=Split.ALL)
        if not placement.surface.flat or placement.scale < 60:
            continue
        photograph = synthesize(cutout, seed, others=OTHERS, size=size)
        target = np.array([[0, 0], [90, 0], [90, 120], [0, 120]], np.float32)
        back = cv2.getPerspectiveTransform(photograph.corners, target)
        seen = cv2.warpPerspective(photograph.pixels, back, (90, 120))
        found.append(likeness(seen, blocks(seed)) - likeness(seen, blocks(seed + 1)))
    assert len(found) > 12
    assert np.mean(np.array(found) > 0.25) >= 0.9, np.round(found, 2)


def likeness(first, second):
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


@pytest.mark.parametrize("split", [Split.TRAINING, Split.JUDGING])
def test_bent_surfaces_are_read_where_they_are_drawn(split):
    # the way there (corners, by interpolation) and the way back (pixels, by the table) agree
    bent = 0
    for seed in range(60):
        cutout = cut_out(blocks(seed))
        placement = place(cutout, Draws(seed, 1), size=200, strength=1, split=split)
        bent += not placement.surface.flat
        _, (across, down), _ = _coordinates(placement, 200)
        expected = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * cutout.half_extents
        tolerance = 3.5 / placement.scale  # pixels
        for (x, y), (u, v) in zip(np.rint(placement.corners).astype(int), expected, strict=True):
            if not (1 <= x < 199 and 1 <= y < 199):
                continue
            near = np.hypot(
                across[y - 1 : y + 2, x - 1 : x + 2] - u, down[y - 1 : y + 2, x - 1 : x + 2] - v
            )
            assert near.min() < tolerance, (seed, placement.surface)
    assert bent > 15


def test_the_thing_takes_a_tenth_of_the_frame_or_more():
    shares = []
    for seed in range(300):
        cutout = cut_out(blocks(seed, 100, 100))
        corners = place(cutout, Draws(seed, 1), size=100, strength=1, split=Split.ALL).corners
        shares.append(np.ptp(corners, axis=0).max() / 100)
    assert min(shares) >= np.sqrt(0.1) - 0.05
    assert max(shares) <= 1.5
    assert np.percentile(shares, 75) - np.percentile(shares, 25) > 0.25


def test_without_strength_it_is_the_picture_before_a_plain_ground():
    photograph = synthesize(blocks(3, 100, 100), 5, others=OTHERS, strength=0.0, size=200)
    (left, top), (right, _), _, (_, bottom) = photograph.corners
    box = photograph.corners[[0, 1, 2, 3]]
    np.testing.assert_allclose(box[:, 0], [left, right, right, left], atol=0.01)
    part = photograph.pixels[round(top) : round(bottom), round(left) : round(right)]
    picture = cv2.resize(blocks(3, 100, 100), part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert likeness(part, picture) > 0.95


def test_training_and_judging_share_no_kind_but_the_plain_ones():
    from engine.synthesis import grounds, surfaces

    for kinds in (grounds._TEXTURES, surfaces._KINDS):
        assert not set(kinds[Split.TRAINING]) & set(kinds[Split.JUDGING])
        assert set(kinds[Split.TRAINING]) | set(kinds[Split.JUDGING]) == set(kinds[Split.ALL])


def test_given_backgrounds_are_behind_the_thing():
    green = np.full((50, 50, 3), (10, 240, 10), np.uint8)
    shares = []
    for seed in range(20):
        pixels = synthesize(blocks(1), seed, backgrounds=[green], size=64).pixels.astype(int)
        shares.append(np.mean(pixels[..., 1] > pixels[..., [0, 2]].max(axis=2) + 60))
    assert np.sum(np.array(shares) > 0.3) >= 3


def test_a_flat_surface_changes_nothing():
    points = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    np.testing.assert_allclose(flat_surface().seen_at(points), points, atol=1e-6)


@pytest.mark.parametrize(("size", "strength"), [(8, 1.0), (64, -0.1)])
def test_numbers_out_of_range_are_refused(size, strength):
    with pytest.raises(ValueError, match="expected size >= 16"):
        synthesize(blocks(0), 0, size=size, strength=strength)


def test_it_needs_no_torch():
    code = "import sys, engine.synthesis; print(sorted({'torch', 'PIL'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
