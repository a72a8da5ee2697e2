"""EXIF orientation, against the turns that the standard's table describes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.images import load_image
from engine.images.orientation import exif_orientation
from engine.testing.pictures import BLUE, GREEN, RED, WHITE, corner_colours, corners, encoded

# EXIF 2.32, section 4.6.4: where the stored picture's first row and first column really are.
STORED = {
    1: corners(),  # top, left
    2: corners()[:, ::-1],  # top, right
    3: corners()[::-1, ::-1],  # bottom, right
    4: corners()[::-1],  # bottom, left
    5: corners().transpose(1, 0, 2),  # left, top
    6: corners()[:, ::-1].transpose(1, 0, 2),  # right, top
    7: corners()[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
    8: corners()[::-1].transpose(1, 0, 2),  # left, bottom
}


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    if kind == "TIFF":
        options["tiffinfo"] = {0x0112: orientation}
    else:
        options["exif"] = exif(orientation)
    loaded = load_image(encoded(image, kind, **options))
    assert (loaded.width, loaded.height) == loaded.pixels.size == (32, 16)
    colours = np.array(corner_colours(loaded.pixels), int)
    assert np.abs(colours - np.array([RED, GREEN, BLUE, WHITE])).max() <= 12


def test_a_pil_image_with_an_orientation_is_turned_upright() -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[6]))
    image.info["exif"] = exif(6)
    assert corner_colours(load_image(image).pixels) == [RED, GREEN, BLUE, WHITE]


def test_the_size_of_a_turned_picture_that_was_shrunk_is_the_upright_one() -> None:
    data = encoded(Image.new("RGB", (3000, 2000), RED), "JPEG", exif=exif(6))
    loaded = load_image(data)
    assert (loaded.width, loaded.height) == (2000, 3000)
    assert loaded.pixels.size == (1000, 1500)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_changes_nothing(orientation: int) -> None:
    data = encoded(Image.fromarray(corners()), "PNG", exif=exif(orientation))
    assert corner_colours(load_image(data).pixels) == [RED, GREEN, BLUE, WHITE]


def test_damaged_exif_data_neither_fails_nor_warns() -> None:
    whole = exif(6)
    assert exif_orientation(whole) == 6
    for length in range(len(whole)):
        cut = b"Exif\0\0" + whole.removeprefix(b"Exif\0\0")[:length]
        data = encoded(Image.fromarray(corners()), "JPEG", exif=cut)
        assert load_image(data).pixels.size in {(32, 16), (16, 32)}
        assert exif_orientation(cut) in {1, 6}
    assert exif_orientation(b"Exif\0\0garbage that is no TIFF structure") == 1
    assert exif_orientation(None) == 1
