"""Cutting a thing from its ground: by alpha, by a plain border, or not at all."""

import numpy as np
import pytest

from engine.synthesis import cut_out

RED = (200, 30, 20)


def disc(ground=(255, 255, 255), side=80):
    rows, columns = np.mgrid[:side, :side]
    inside = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side * 0.3) ** 2
    return np.where(inside[..., None], np.uint8(RED), np.uint8(ground)), inside


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (40, 70, 160)])
def test_a_plain_border_is_cut_away(ground):
    pixels, inside = disc(ground)
    cutout = cut_out(pixels)
    assert cutout.has_ground
    assert not cutout.is_rectangular
    assert np.mean((cutout.thing[0][..., 3] > 127) == inside) > 0.98
    np.testing.assert_allclose(cutout.box, [0.2, 0.2, 0.8, 0.8], atol=0.03)
    np.testing.assert_array_equal(cutout.whole[0][..., :3], pixels)


def test_a_backdrop_whose_colour_changes_smoothly_is_cut_away():
    pixels, inside = disc((0, 0, 0), side=160)
    fall = np.linspace(60, 220, 160)[:, None, None] * np.array([0.5, 0.7, 1.0])
    pixels = np.where(inside[..., None], pixels, fall).astype(np.uint8)
    cutout = cut_out(pixels)
    assert cutout.has_ground
    assert np.mean((cutout.thing[0][..., 3] > 127) == inside) > 0.96


def test_a_thing_that_leaves_the_picture_is_not_cut_from_a_smooth_backdrop():
    pixels, inside = disc((0, 0, 0), side=160)
    fall = np.linspace(60, 220, 160)[:, None, None] * np.array([0.5, 0.7, 1.0])
    pixels = np.where(inside[..., None], pixels, fall).astype(np.uint8)
    assert not cut_out(pixels[40:]).has_ground


def test_what_has_the_grounds_colour_inside_the_thing_stays():
    pixels, _ = disc()
    pixels[36:44, 36:44] = 255
    assert (cut_out(pixels).thing[0][38:42, 38:42, 3] == 255).all()


def test_alpha_is_taken_at_its_word():
    pixels, inside = disc()
    alpha = np.where(inside, np.uint8(255), np.uint8(0))
    cutout = cut_out(np.dstack([pixels, alpha]))
    np.testing.assert_array_equal(cutout.thing[0][..., 3], alpha)
    np.testing.assert_array_equal(cutout.whole[0][..., :3], pixels)  # before white


def test_a_photograph_without_a_plain_border_stays_whole():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    cutout = cut_out(pixels)
    assert not cutout.has_ground
    assert cutout.is_rectangular
    assert cutout.box.tolist() == [0, 0, 1, 1]


def test_a_scan_that_touches_two_sides_is_cut_from_the_others():
    pixels = np.random.default_rng(0).integers(0, 200, (100, 100, 3), np.uint8)
    pixels[:, :20] = pixels[:, 85:] = 255
    cutout = cut_out(pixels)
    assert cutout.is_rectangular
    np.testing.assert_allclose(cutout.box, [0.2, 0, 0.85, 1], atol=0.02)


def test_a_dark_picture_is_not_taken_apart_by_its_dark_sides():
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[30:, 40:60] = pixels[60:, 20:80] = RED  # touches the lower side
    assert not cut_out(pixels).has_ground


def test_an_empty_picture_stays_whole():
    assert not cut_out(np.full((40, 40, 3), 255, np.uint8)).has_ground


def test_large_pictures_are_shrunk():
    cutout = cut_out(np.zeros((1000, 500, 3), np.uint8), longest=200)
    assert cutout.size == (100, 200)
    assert cutout.half_extents == (0.5, 1.0)


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected pixels \(height, width, 3 or 4\) uint8"):
        cut_out(np.zeros(shape, np.uint8))
