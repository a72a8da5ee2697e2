"""Photographs made by torch lie where those made by OpenCV do."""

import numpy as np
import pytest
import torch

from engine.synthesis import Split, cut_out, synthesize
from engine.synthesis.batches import BatchComposer
from engine.synthesis.draws import Draws
from engine.synthesis.photographs import _coordinates, _texels_at
from engine.synthesis.placing import place
from tests.synthesis.test_photographs import blocks, likeness

SIZE = 128
CUTOUTS = [cut_out(blocks(seed, 120, 90 + 10 * seed)) for seed in range(6)]


@pytest.fixture(scope="module")
def composer():
    return BatchComposer(CUTOUTS, torch.device("cpu"), backgrounds=[], split=Split.ALL, size=SIZE)


def test_the_geometry_is_that_of_the_cpu(composer):
    rows = [number % len(CUTOUTS) for number in range(24)]
    placements = [
        place(CUTOUTS[row], Draws(seed, 1), size=SIZE, strength=1, split=Split.ALL)
        for seed, row in enumerate(rows)
    ]
    assert 4 < sum(not one.surface.flat for one in placements) < 20
    _, paper, light = composer.coordinates(placements)
    texels = composer.texels(rows, [False] * len(rows), placements, paper)
    for number, (row, placement) in enumerate(zip(rows, placements, strict=True)):
        _, expected, shine = _coordinates(placement, SIZE)
        near = np.abs(expected[0]) < 1.5
        found = paper[number].numpy()
        for axis in (0, 1):
            difference = np.abs(found[axis] - expected[axis])[near & (np.abs(expected[1]) < 1.5)]
            assert np.percentile(difference, 99) * placement.scale < 0.3  # pixels
        np.testing.assert_allclose(light[number].numpy()[near], shine[near], atol=0.03)
        pixels = _texels_at(CUTOUTS[row], expected, placement, cut=False)
        ours = texels[number].permute(1, 2, 0).numpy()
        assert np.abs(ours[..., 3] - pixels[..., 3]).mean() < 2.0  # of 255, at the edges
        assert np.abs(ours - pixels).mean() < 6.0


def test_corners_are_those_of_the_cpu(composer):
    photographs, corners = composer.compose([0, 1, 2], [5, 6, 7], [1.0, 0.5, 0.0])
    assert photographs.shape == (3, 3, SIZE, SIZE)
    assert photographs.min() >= 0
    assert photographs.max() <= 255
    for row, (seed, strength) in enumerate([(5, 1.0), (6, 0.5), (7, 0.0)]):
        expected = synthesize(CUTOUTS[row], seed, strength=strength, size=SIZE)
        np.testing.assert_allclose(corners[row], expected.corners, atol=1e-3)


def test_what_is_seen_is_what_the_cpu_shows(composer):
    # before a plain ground, hardly changed, so that the scenery counts for little
    rows, seeds = [0, 1, 2, 3], [20, 21, 22, 23]
    photographs, _ = composer.compose(rows, seeds, [0.0] * 4)
    for row, seed in zip(rows, seeds, strict=True):
        ours = photographs[row].permute(1, 2, 0).numpy()
        same = synthesize(CUTOUTS[row], seed, strength=0.0, size=SIZE)
        inside = np.zeros((SIZE, SIZE), bool)
        left, top = np.ceil(same.corners.min(axis=0)).astype(int).clip(0)
        right, bottom = np.floor(same.corners.max(axis=0)).astype(int)
        inside[top:bottom, left:right] = True
        assert likeness(ours[inside], same.pixels[inside].astype(float)) > 0.97


def test_the_same_seeds_give_the_same_photographs(composer):
    first, _ = composer.compose([0, 3], [1, 2], [1.0, 1.0])
    again, _ = composer.compose([0, 3], [1, 2], [1.0, 1.0])
    other, _ = composer.compose([0, 3], [3, 4], [1.0, 1.0])
    torch.testing.assert_close(first, again)
    assert (first - other).abs().mean() > 5
