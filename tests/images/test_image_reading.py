"""What can be read: every kind of source and format gives the same upright RGB picture."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.images import ImageLimits, content_hash, describe_source, load_image
from engine.testing.pictures import BLUE, GREEN, RED, WHITE, corner_colours, corners, encoded, noise

LOSSLESS = [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
LOSSLESS += [("WEBP", {"lossless": True}), ("GIF", {})]


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_every_lossless_format_gives_the_pixels_that_were_written(
    kind: str, options: dict[str, object]
) -> None:
    data = encoded(Image.fromarray(corners()), kind, **options)
    np.testing.assert_array_equal(np.asarray(load_image(data).pixels), corners())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_give_nearly_the_pixels_that_were_written(kind: str) -> None:
    loaded = load_image(encoded(Image.fromarray(corners()), kind, quality=95))
    colours = np.array(corner_colours(loaded.pixels), int)
    assert np.abs(colours - np.array([RED, GREEN, BLUE, WHITE])).max() <= 12


def test_a_data_url_is_read() -> None:
    data = encoded(Image.fromarray(corners()), "PNG")
    loaded = load_image("data:image/png;base64," + base64.b64encode(data).decode())
    np.testing.assert_array_equal(np.asarray(loaded.pixels), corners())
    assert loaded.source == "<data URL>"
    assert loaded.content_hash == content_hash(data)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_first_frame_that_is_blank_is_passed_over(kind: str) -> None:
    blank, drawn = Image.new("RGB", (32, 16), "white"), Image.fromarray(corners())
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "AVIF" else {}
    data = encoded(blank, kind, save_all=True, append_images=[blank, drawn], **options)
    loaded = load_image(data)
    colours = np.array(corner_colours(loaded.pixels), int)
    assert np.abs(colours - np.array([RED, GREEN, BLUE, WHITE])).max() <= 12
    assert "first frame is blank" in loaded.warnings()[0]
    alone = load_image(encoded(blank, kind, save_all=True, append_images=[blank], **options))
    assert "The picture is blank" in alone.warnings()[0]
    first = load_image(encoded(drawn, kind, save_all=True, append_images=[blank], **options))
    assert not any("frame" in told for told in first.warnings())


def test_every_kind_of_source_gives_the_same_picture(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(corners()), "PNG")
    path = tmp_path / "corners.png"
    path.write_bytes(data)
    with path.open("rb") as file, Image.open(path) as image:
        sources = [path, str(path), data, file, io.BytesIO(data), image, corners()]
        loaded = [load_image(source) for source in sources]
    for each in loaded:
        assert each.pixels.mode == "RGB"
        assert (each.width, each.height) == (32, 16)
        np.testing.assert_array_equal(np.asarray(each.pixels), corners())
    assert [each.source for each in loaded[:3]] == [str(path), str(path), "<bytes>"]
    assert [each.source for each in loaded[4:5] + loaded[6:]] == ["<file object>", "<array>"]


def test_the_content_hash_is_that_of_the_files_bytes(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(corners()), "PNG")
    path = tmp_path / "corners.png"
    path.write_bytes(data)
    expected = hashlib.sha256(data).hexdigest()
    assert load_image(path).content_hash == content_hash(path) == content_hash(data) == expected


def test_the_content_hash_of_pixels_depends_on_them_and_on_their_shape() -> None:
    flat = np.zeros((4, 6, 3), np.uint8)
    hashes = {
        content_hash(flat),
        content_hash(flat.reshape(6, 4, 3)),
        content_hash(flat + np.uint8(1)),
    }
    assert len(hashes) == 3
    assert content_hash(Image.fromarray(flat)) == content_hash(flat)
    assert load_image(flat).content_hash == content_hash(flat)


def test_an_array_that_is_a_view_is_read_as_it_looks() -> None:
    mirrored = corners()[:, ::-1]
    assert corner_colours(load_image(mirrored).pixels) == [GREEN, RED, WHITE, BLUE]


def test_changing_an_array_afterwards_does_not_change_the_picture() -> None:
    array = corners()
    loaded = load_image(array)
    array[:] = 0
    np.testing.assert_array_equal(np.asarray(loaded.pixels), corners())


def test_a_pil_image_is_neither_changed_nor_closed(tmp_path: Path) -> None:
    path = tmp_path / "corners.png"
    Image.fromarray(corners()).convert("RGBA").save(path)
    with Image.open(path) as image:
        loaded = load_image(image)
        assert loaded.source == str(path)
        assert image.mode == "RGBA"
        assert image.getpixel((1, 1)) == (*RED, 255)
    rgb = Image.fromarray(corners())
    loaded = load_image(rgb)
    loaded.pixels.putpixel((1, 1), (9, 9, 9))
    assert rgb.getpixel((1, 1)) == RED


def test_the_first_frame_of_an_animation_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert load_image(data).pixels.getpixel((4, 4)) == RED


def test_the_contents_decide_and_not_the_names_ending(tmp_path: Path) -> None:
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encoded(Image.fromarray(corners()), "PNG"))
    np.testing.assert_array_equal(np.asarray(load_image(path).pixels), corners())


def test_a_large_jpeg_is_shrunk_while_decoding_with_its_short_side_kept_at_512() -> None:
    data = encoded(noise(4000, 3000), "JPEG", quality=80)
    loaded = load_image(data)
    assert (loaded.width, loaded.height) == (4000, 3000)
    assert loaded.pixels.size == (1000, 750)  # by 4; by 8 the short side would be 375
    assert load_image(data, min_side_hint=1000).pixels.size == (2000, 1500)
    assert load_image(data, min_side_hint=2000).pixels.size == (4000, 3000)


@pytest.mark.parametrize(
    "name", ["with space.png", "new\nline.png", "ünïcode 🦊.png", b"not-\xff\xfe-utf8.png"]
)
def test_files_of_any_name_can_be_read(tmp_path: Path, name: str | bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + os.fsencode(name)))
    try:
        path.write_bytes(encoded(Image.fromarray(corners()), "PNG"))
    except OSError:
        pytest.skip("the file system refuses this name")
    loaded = load_image(path)
    assert loaded.source == describe_source(path)
    loaded.source.encode("utf-8")  # can be printed and stored


def test_a_name_that_is_not_utf8_is_shown_with_its_bytes() -> None:
    assert describe_source(os.fsdecode(b"a/not-\xff.png")) == "a/not-\\xff.png"
    assert describe_source("a/\ud800.png").encode("utf-8") == b"a/\\ud800.png"


def test_a_picture_of_one_pixel_and_one_of_extreme_proportions_are_read() -> None:
    for width, height in ((1, 1), (1, 20_000), (20_000, 1)):
        loaded = load_image(encoded(Image.new("RGB", (width, height), RED), "PNG"))
        assert loaded.pixels.size == (width, height)


def test_a_picture_beyond_pillows_own_limit_is_read_without_a_warning() -> None:
    width, height = 12_000, 9_000  # 108 megapixels; Pillow warns from 89 on
    data = encoded(Image.new("L", (width, height), 7), "JPEG", quality=30)
    loaded = load_image(data, limits=ImageLimits(max_pixels=width * height))
    assert (loaded.width, loaded.height) == (width, height)


def test_many_threads_may_load_at_once() -> None:
    files = [encoded(noise(600, 400, seed), "JPEG") for seed in range(8)]
    alone = [np.asarray(load_image(data).pixels) for data in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: np.asarray(load_image(data).pixels), files * 4))
    for index, pixels in enumerate(together):
        np.testing.assert_array_equal(pixels, alone[index % len(files)])
