"""EXIF orientation, against the turns that the standard's table describes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

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


def heic(image: Image.Image, orientation: int) -> bytes:
    """A HEIC file that says how it is to be turned."""
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    held = pillow_heif.from_pillow(image)
    held.save(file, quality=95, exif=exif(orientation), chroma=444)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    options: dict[str, object] = {"quality": 95} if kind in ("JPEG", "AVIF", "HEIF") else {}
    if kind == "WEBP":
        options["lossless"] = True
    if kind == "TIFF":
        options["tiffinfo"] = {0x0112: orientation}
    else:
        options["exif"] = exif(orientation)
    data = heic(image, orientation) if kind == "HEIF" else encoded(image, kind, **options)
    loaded = load_image(data)
    assert (loaded.width, loaded.height) == loaded.pixels.size == (32, 16)
    colours = np.array(corner_colours(loaded.pixels), int)
    assert np.abs(colours - np.array([RED, GREEN, BLUE, WHITE])).max() <= 12


def xmp(orientation: int, *, element: bool) -> bytes:
    """A packet as editors write it, with the orientation as an attribute or as an element."""
    told = f'tiff:Orientation="{orientation}"/>'
    if element:
        told = f"><tiff:Orientation>{orientation}</tiff:Orientation></rdf:Description>"
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {told}</rdf:RDF></x:xmpmeta>'
    ).encode()


def with_xmp(image: Image.Image, kind: str, packet: bytes, **options: object) -> bytes:
    if kind != "PNG":
        return encoded(image, kind, xmp=packet, **options)
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet.decode())
    return encoded(image, kind, pnginfo=info, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_an_orientation_that_a_program_noted_in_xmp_counts(kind: str, orientation: int) -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    for element in (False, True):
        packet = xmp(orientation, element=element)
        loaded = load_image(with_xmp(image, kind, packet, **options))
        assert (loaded.width, loaded.height) == loaded.pixels.size == (32, 16)
        colours = np.array(corner_colours(loaded.pixels), int)
        assert np.abs(colours - np.array([RED, GREEN, BLUE, WHITE])).max() <= 60


def test_the_cameras_orientation_counts_before_that_in_xmp() -> None:
    packet = xmp(6, element=False)
    data = encoded(Image.fromarray(corners()), "WEBP", exif=exif(1), xmp=packet, lossless=True)
    assert corner_colours(load_image(data).pixels) == [RED, GREEN, BLUE, WHITE]
    for damaged in (b"tiff:Orientation='x'", b"\xff\xfe", b"tiff:Orientation=", b""):
        data = encoded(Image.fromarray(corners()), "WEBP", xmp=damaged, lossless=True)
        assert corner_colours(load_image(data).pixels) == [RED, GREEN, BLUE, WHITE]


def test_an_orientation_behind_a_png_s_pixels_counts() -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[6]))
    data = encoded(image, "PNG", exif=exif(6))
    at = data.index(b"eXIf") - 4
    length = struct.unpack(">I", data[at : at + 4])[0] + 12
    chunk, end = data[at : at + length], data.index(b"IEND") - 4
    moved = data[:at] + data[at + length : end] + chunk + data[end:]
    loaded = load_image(moved)
    assert (loaded.width, loaded.height) == (32, 16)
    assert corner_colours(loaded.pixels) == [RED, GREEN, BLUE, WHITE]


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
