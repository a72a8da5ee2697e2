"""The copy that a catalog keeps of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.images import load_image
from engine.testing.pictures import corners, encoded, noise


def test_a_small_file_is_kept_as_it_is() -> None:
    data = encoded(Image.fromarray(corners()), "PNG")
    assert load_image(data).bounded_picture() is data


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1024, 768), (512, 384)), ((300, 3000), (51, 512)), ((1, 20_000), (1, 512))],
)
def test_a_larger_picture_is_shrunk_to_the_bound(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    loaded = load_image(encoded(Image.new("RGB", size, "teal"), "PNG"))
    assert load_image(loaded.bounded_picture(512)).pixels.size == expected


def test_a_file_of_few_pixels_but_many_bytes_is_encoded_anew() -> None:
    frames = [noise(200, 200, seed) for seed in range(10)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert len(data) > 512 * 512
    assert len(load_image(data).bounded_picture()) < 512 * 512


def test_a_small_picture_without_a_file_is_encoded_at_its_own_size() -> None:
    copy = load_image(load_image(skimage.data.chelsea()).bounded_picture())
    assert copy.pixels.size == (451, 300)
    difference = np.asarray(copy.pixels, int) - skimage.data.chelsea()
    assert np.abs(difference).mean() < 3


def test_the_copy_of_a_turned_picture_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (1600, 800), "teal"), "JPEG", exif=exif.tobytes())
    loaded = load_image(data)
    assert load_image(loaded.bounded_picture()).pixels.size == (256, 512)
    assert load_image(loaded.bounded_picture()).pixels.getexif() == {}
