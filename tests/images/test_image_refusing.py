"""A corpus of bad inputs: each gives an `ImageError` that names the source and the reason."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import socket
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageError
from engine.images import ImageLimits, content_hash, load_image
from engine.testing.pictures import corners, encoded, noise

AVIF = b"\0\0\0\x1cftypavif\0\0\0\0"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0"


def refusal(source: object, limits: ImageLimits | None = None) -> ImageError:
    with pytest.raises(ImageError) as caught:
        load_image(source, limits=limits or ImageLimits())  # type: ignore[arg-type]
    error = caught.value
    assert error.source
    assert str(error) == f"{error.source}: {error.reason}"
    assert "\n" not in error.reason
    return error


def missing(folder: Path) -> Path:
    return folder / "missing.png"


def folder(folder: Path) -> Path:
    return folder


def symlink_loop(folder: Path) -> Path:
    (folder / "one.png").symlink_to(folder / "two.png")
    (folder / "two.png").symlink_to(folder / "one.png")
    return folder / "one.png"


def dangling_symlink(folder: Path) -> Path:
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    return folder / "dangling.png"


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"x")
    return folder / "file" / "picture.png"


def empty(folder: Path) -> Path:
    (folder / "empty.png").touch()
    return folder / "empty.png"


def named_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def unix_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s.png"))
    return folder / "s.png"


def overlong_name(folder: Path) -> Path:
    return folder / ("x" * 300 + ".png")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "there is no such file"),
        (folder, "it is a folder"),
        (symlink_loop, "symbolic links form a loop"),
        (dangling_symlink, "there is no such file"),
        (below_a_file, "a part of its path is not a folder"),
        (empty, "it is empty"),
        (named_pipe, "it is not a regular file"),
        (unix_socket, "it is not a regular file"),
        (overlong_name, "name is longer"),
    ],
)
def test_paths_that_hold_no_readable_file_are_refused(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    path = make(tmp_path)
    error = refusal(path)
    assert reason in error.reason
    assert error.source == str(path)
    with pytest.raises(ImageError) as caught:
        content_hash(path)
    assert caught.value.reason == error.reason


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(Image.fromarray(corners()), "PNG"))
    path.chmod(0)
    assert "not permitted" in refusal(path).reason


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"hello, this is a text\n", "text"),
        ("grüße und mehr Text".encode(), "text"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\0" * 100, "zero bytes"),
        (bytes(range(128, 256)), "data of an unknown kind"),
        (b"RIFF\0\0\0\0WAVEfmt ", "data of an unknown kind"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_it_looks_like(
    data: bytes, looks_like: str
) -> None:
    reason = refusal(data).reason
    assert reason.startswith("expected a picture (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC)")
    assert looks_like in reason


def test_a_wrong_ending_does_not_make_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("these are notes")
    assert "looks like text" in refusal(path).reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_files_are_refused(kind: str, share: float) -> None:
    data = encoded(noise(64, 64), kind)
    cut = data[: int(len(data) * share)]
    assert refusal(cut).reason.startswith(("its ", "expected a picture"))


@pytest.mark.parametrize(
    "magic", [b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"MM\0*", AVIF, HEIC]
)
def test_a_beginning_alone_is_refused(magic: bytes) -> None:
    assert "damaged, cut short" in refusal(magic).reason
    assert "damaged, cut short" in refusal(magic + bytes(range(256))).reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_files_with_flipped_bytes_are_refused_or_read_but_never_crash(kind: str) -> None:
    data = encoded(noise(48, 32), kind)
    random = np.random.default_rng(1)
    for _ in range(200):
        damaged = bytearray(data)
        for position in random.integers(0, min(len(data), 400), 3):
            damaged[position] = random.integers(0, 256)
        with contextlib.suppress(ImageError):
            load_image(bytes(damaged), limits=ImageLimits(max_pixels=1_000_000))


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"")
    chunks = [header, body, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each))
        for each in chunks
    )


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    reason = refusal(png_header(50_000, 50_000)).reason
    assert "50000 × 50000 pixels" in reason
    assert "limit of 100,000,000" in reason


def test_a_real_bomb_is_refused_before_it_is_decoded() -> None:
    image = Image.new("1", (20_000, 20_000))
    data = encoded(image, "PNG")
    assert len(data) < 100_000
    assert "more than the limit" in refusal(data).reason


def test_limits_are_what_the_caller_says(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(corners()), "PNG")
    path = tmp_path / "corners.png"
    path.write_bytes(data)
    load_image(path, limits=ImageLimits(max_bytes=len(data), max_pixels=512))
    assert "more than the limit of 511" in refusal(data, ImageLimits(max_pixels=511)).reason
    assert "more than the limit of 511" in refusal(corners(), ImageLimits(max_pixels=511)).reason
    image = Image.fromarray(corners())
    assert "more than the limit of 511" in refusal(image, ImageLimits(max_pixels=511)).reason
    for source in (path, data, io.BytesIO(data)):
        reason = refusal(source, ImageLimits(max_bytes=len(data) - 1)).reason
        assert "MiB, more than the limit of" in reason


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.full((4, 4, 3), np.nan), "dtype float64"),
        (np.zeros((4, 4, 3), np.float32), "dtype float32"),
        (np.zeros((4, 4, 3), np.int64), "dtype int64"),
        (np.zeros((4, 4), np.uint8), "shape (4, 4)"),
        (np.zeros((4, 4, 4), np.uint8), "shape (4, 4, 4)"),
        (np.zeros((3, 4, 4), np.uint8), "shape (3, 4, 4)"),
        (np.zeros((1, 4, 4, 3), np.uint8), "shape (1, 4, 4, 3)"),
        (np.zeros(12, np.uint8), "shape (12,)"),
    ],
)
def test_arrays_of_another_shape_or_dtype_are_refused(array: np.ndarray, told: str) -> None:
    reason = refusal(array).reason
    assert "expected an array of shape (height, width, 3) and dtype uint8" in reason
    assert told in reason


def test_pictures_without_pixels_are_refused() -> None:
    assert "has no pixels" in refusal(np.zeros((0, 4, 3), np.uint8)).reason
    assert "has no pixels" in refusal(Image.new("RGB", (4, 0))).reason


def test_a_damaged_pil_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(encoded(noise(64, 64), "PNG")[:-2000])
    with Image.open(path) as image:
        assert "Pillow can't decode it" in refusal(image).reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "got NoneType"),
        (3, "got int"),
        (["a.png"], "got list"),
        ("a\0b.png", "can't be a file's path"),
        ("https://example.org/cat.png", "addresses are not fetched"),
        (f"https://example.org/{'x' * 5000}.png", "addresses are not fetched"),
        ("file:///home/cat.png", "give the path without `file://`"),
        ("/9j/" + "A" * 100, "looks like base64 data"),
        ("iVBORw0KGgo" * 100_000, "looks like base64 data"),
        ("data:image/png,abc", "expected a data URL such as"),
        ("data:image/png;base64,@@@", "base64 data is damaged"),
        ("data:image/png;base64,", "it is empty"),
        ("data:image/png;base64,aGVsbG8gdGV4dA==", "looks like text"),
        (io.StringIO("text"), "open it in binary mode"),
        (io.BytesIO(b""), "no bytes left"),
        (b"", "it is empty"),
    ],
)
def test_what_is_no_source_is_refused(source: object, reason: str) -> None:
    error = refusal(source)
    assert reason in error.reason
    assert len(str(error)) < 300


def test_data_urls_are_bounded_before_they_are_decoded() -> None:
    url = "data:;base64," + "A" * 4_000_000
    assert "MiB, more than the limit" in refusal(url, ImageLimits(max_bytes=1_000_000)).reason


def test_heic_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pip install onelook[heic]" in refusal(HEIC + bytes(100)).reason


def test_avif_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False)
    assert "install Pillow 11.3 or later" in refusal(AVIF + bytes(100)).reason


def test_a_closed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corners.png"
    path.write_bytes(encoded(Image.fromarray(corners()), "PNG"))
    with path.open("rb") as file:
        pass
    assert "can't be read" in refusal(file).reason


def test_the_error_survives_the_way_from_a_worker_process() -> None:
    error = refusal(b"text")
    again = pickle.loads(pickle.dumps(error))
    assert (again.source, again.reason) == (error.source, error.reason)
