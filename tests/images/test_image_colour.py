"""Colour modes and transparency; expected values are computed by hand."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from engine.errors import ImageError
from engine.images import load_image
from engine.testing.pictures import BLUE, GREEN, RED, WHITE, corner_colours, corners, encoded


def levels(data: bytes) -> list[int]:
    """The grey levels of a picture of one row, asserted to be grey."""
    pixels = np.asarray(load_image(data).pixels)
    assert (pixels == pixels[..., :1]).all()
    return [int(level) for level in pixels[0, :, 0]]


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG file written by hand (PNG specification, third edition)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    extra = b"".join(chunk(each[:4], each[4:]) for each in chunks)
    body = (
        chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_palette_pictures_get_their_palettes_colours() -> None:
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        image = Image.fromarray(corners()).quantize(4)
        assert image.mode == "P"
        loaded = load_image(encoded(image, kind))
        assert corner_colours(loaded.pixels) == [RED, GREEN, BLUE, WHITE]


def test_grey_and_black_and_white_pictures_get_three_equal_channels() -> None:
    row = np.array([[0, 100, 255]], np.uint8)
    assert levels(encoded(Image.fromarray(row), "PNG")) == [0, 100, 255]
    black_and_white = Image.fromarray(row).convert("1", dither=Image.Dither.NONE)
    assert levels(encoded(black_and_white, "PNG")) == [0, 0, 255]
    assert levels(encoded(black_and_white, "TIFF")) == [0, 0, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_to_eight(kind: str) -> None:
    row = np.array([[0, 257, 128 * 257, 65535]], np.uint16)  # 257 = 65535 / 255
    assert levels(encoded(Image.fromarray(row), kind)) == [0, 1, 128, 255]


def test_big_endian_sixteen_bit_grey_is_scaled_to_eight() -> None:
    row = np.array([[0, 257, 128 * 257, 65535]], ">u2")
    header = struct.pack(">2sHL", b"MM", 42, 8)
    entries = [(256, 3, 4), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 122)]
    entries += [(277, 3, 1), (278, 3, 1), (279, 4, 8)]
    directory = struct.pack(">H", len(entries))
    for tag, kind, value in entries:
        packed = struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">L", value)
        directory += struct.pack(">HHL", tag, kind, 1) + packed
    data = header + directory + struct.pack(">L", 0) + row.tobytes()
    assert data.index(row.tobytes()) == 122
    assert levels(data) == [0, 1, 128, 255]


def test_sixteen_bit_colour_keeps_the_high_byte_of_each_channel() -> None:
    row = struct.pack(">BHHHHHH", 0, 0, 257 * 10, 65535, 256 * 200, 0, 257)
    pixels = np.asarray(load_image(png(2, 1, 16, 2, row)).pixels)
    assert pixels.tolist() == [[[0, 10, 255], [200, 0, 1]]]


def deep_png(levels: npt.NDArray[Any]) -> bytes:
    """A PNG of sixteen-bit colours, `(h, w, 3)`, by the specification's section 11.2."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        tail = kind + data
        return struct.pack(">I", len(data)) + tail + struct.pack(">I", zlib.crc32(tail))

    height, width, _ = levels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    ends = [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *ends])


def test_deep_colours_keep_their_high_byte_and_a_narrow_range_is_told() -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (40, 40, 3))
    whole, narrow = load_image(deep_png(levels)), load_image(deep_png(levels >> 4))

    assert np.array_equal(np.asarray(whole.pixels), levels >> 8)
    assert whole.remarks == ()
    assert "nearly black" in narrow.warnings()[0]


def test_thirty_two_bit_levels_within_sixteen_bits_count_as_sixteen_bit() -> None:
    row = np.array([[0, 65535 // 2, 65535]], np.int32)
    assert levels(encoded(Image.fromarray(row), "TIFF")) == [0, 127, 255]


def test_thirty_two_bit_levels_beyond_sixteen_bits_are_stretched() -> None:
    row = np.array([[-1000, 399_000, 999_000]], np.int32)  # the second at 0.4
    assert levels(encoded(Image.fromarray(row), "TIFF")) == [0, 102, 255]


def test_floats_from_0_to_1_are_scaled_and_others_stretched() -> None:
    unit = np.array([[0.0, 0.2, 0.6]], np.float32)  # 0.2 × 255 = 51
    assert levels(encoded(Image.fromarray(unit), "TIFF")) == [0, 51, 153]
    wide = np.array([[-5.0, 0.0, 5.0]], np.float32)
    assert levels(encoded(Image.fromarray(wide), "TIFF")) == [0, 128, 255]


def test_floats_that_are_not_finite_are_refused() -> None:
    row = np.array([[0.0, np.nan, 1.0]], np.float32)
    with pytest.raises(ImageError, match="not all finite"):
        load_image(encoded(Image.fromarray(row), "TIFF"))


def test_alpha_is_composited_on_white() -> None:
    row = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    expected = [[[255, 0, 0], [255, 255, 255], [204, 204, 204]]]  # 255 × (1 - 51/255) = 204
    for kind in ("PNG", "TIFF"):
        data = encoded(Image.fromarray(row), kind)
        assert np.asarray(load_image(data).pixels).tolist() == expected
    grey = Image.merge("LA", [Image.new("L", (1, 1), 0), Image.new("L", (1, 1), 51)])
    assert levels(encoded(grey, "PNG")) == [204]


def test_transparent_palette_entries_are_composited_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    expected = [[[255, 255, 255], [0, 0, 255]]]
    assert np.asarray(load_image(encoded(image, "PNG", transparency=0)).pixels).tolist() == expected
    assert np.asarray(load_image(encoded(image, "GIF", transparency=0)).pixels).tolist() == expected
    partial = encoded(image, "PNG", transparency=bytes([51, 255]))
    assert np.asarray(load_image(partial).pixels).tolist() == [[[255, 204, 204], [0, 0, 255]]]


def test_a_transparent_colour_is_composited_on_white() -> None:
    grey = png(2, 1, 8, 0, bytes([0, 10, 20]), b"tRNS\0\x0a")
    assert levels(grey) == [255, 20]
    colour = png(2, 1, 8, 2, bytes([0, 1, 2, 3, 4, 5, 6]), b"tRNS\0\x01\0\x02\0\x03")
    assert np.asarray(load_image(colour).pixels).tolist() == [[[255, 255, 255], [4, 5, 6]]]


def test_a_bmp_whose_fourth_byte_was_left_unset_is_not_transparent() -> None:
    image = Image.fromarray(np.dstack([corners(), np.zeros((16, 32), np.uint8)]))
    assert corner_colours(load_image(encoded(image, "BMP")).pixels) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted_to_rgb(kind: str) -> None:
    """Pillow writes CMYK JPEGs as Adobe does, inverted, with Adobe's marker."""
    image = Image.fromarray(corners()).convert("CMYK")
    data = encoded(image, kind, quality=95) if kind == "JPEG" else encoded(image, kind)
    assert (b"Adobe" in data) == (kind == "JPEG")
    colours = np.array(corner_colours(load_image(data).pixels), int)
    assert np.abs(colours - np.array([RED, GREEN, BLUE, WHITE])).max() <= 12


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_deep_grey_of_a_narrow_range_is_stretched_and_it_is_said(kind: str) -> None:
    row = np.array([[0, 819, 4095]], np.uint16)  # twelve bits: 819 is a fifth of them, 51 of 255
    data = encoded(Image.fromarray(row), kind)
    assert levels(data) == [0, 51, 255]
    assert "were stretched" in load_image(data).warnings()[0]
    raised = encoded(Image.fromarray(row + np.uint16(30_000)), kind)
    assert levels(raised) == [0, 51, 255]


def test_deep_grey_of_one_level_stays_blank() -> None:
    row = np.array([[1000, 1010, 1200]], np.uint16)  # within one level of eight bits
    data = encoded(Image.fromarray(row), "PNG")
    assert levels(data) == [3, 3, 4]
    assert "blank" in load_image(data).warnings()[0]


def test_a_drawing_in_white_on_nothing_is_put_on_black() -> None:
    row = np.array([[[255, 255, 255, 255], [0, 0, 0, 0], [250, 250, 250, 255]]], np.uint8)
    data = encoded(Image.fromarray(row), "PNG")
    assert levels(data) == [255, 0, 250]
    assert "put on black" in load_image(data).warnings()[0]
    opaque = np.full((1, 3, 4), 255, np.uint8)
    assert levels(encoded(Image.fromarray(opaque), "PNG")) == [255, 255, 255]
    invisible = np.zeros((1, 3, 4), np.uint8)
    assert levels(encoded(Image.fromarray(invisible), "PNG")) == [255, 255, 255]
