"""Warnings about blank and blurred pictures, and none about good ones."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

from engine.images import load_image
from engine.testing.pictures import corners

PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "rocket", "camera", "coins", "brick", "moon"]


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_give_no_warning(name: str) -> None:
    assert load_image(photograph(name)).warnings() == ()


@pytest.mark.parametrize("name", PHOTOGRAPHS[:5])
def test_photographs_blurred_by_three_percent_of_their_side_are_called_blurred(name: str) -> None:
    image = photograph(name)
    blurred = image.filter(ImageFilter.GaussianBlur(0.03 * max(image.size)))
    assert load_image(blurred).warnings() == (
        "The picture is very blurred: it shows no sharp edge.",
    )


def test_flat_drawings_give_no_warning() -> None:
    drawing = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(drawing).ellipse((120, 120, 180, 180), fill="black")
    assert load_image(drawing).warnings() == ()
    assert load_image(corners()).warnings() == ()


@pytest.mark.parametrize("colour", ["black", "white", (12, 200, 90)])
@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (640, 480)])
def test_pictures_of_one_colour_are_called_blank(
    colour: str | tuple[int, int, int], size: tuple[int, int]
) -> None:
    assert load_image(Image.new("RGB", size, colour)).warnings() == (
        "The picture is blank: nearly all of it is one colour.",
    )


def test_a_little_noise_does_not_make_a_blank_picture_good() -> None:
    levels = np.random.default_rng(0).normal(200, 1, (200, 200, 3)).astype(np.uint8)
    assert "blank" in load_image(levels).warnings()[0]


def test_a_picture_that_differs_in_colour_but_not_in_brightness_is_not_blank() -> None:
    array = np.zeros((100, 100, 3), np.uint8)
    array[:, :50] = (200, 0, 100)
    array[:, 50:] = (0, 200, 100)
    assert load_image(array).warnings() == ()
