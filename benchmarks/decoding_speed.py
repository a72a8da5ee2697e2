"""How many milliseconds it takes to decode and shrink a JPEG, by library, and what it changes."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measuring import core_seconds_of
from benchmarks.photographs import encoded_photographs
from engine.backbones import load_backbone
from engine.features import Embedder
from engine.images import load_image
from engine.types import ByteArray

SIZES = {"12 megapixels": (4000, 3000), "0.5 megapixels": (816, 612)}
NEEDED = {"simplejpeg, shrinking": "simplejpeg", "OpenCV": "cv2"}

Decode = Callable[[bytes], Image.Image]


def pillow(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def onelook(data: bytes) -> Image.Image:
    """Pillow's draft, with Onelook's checks, and the hash of the file."""
    return load_image(data).pixels


def simplejpeg(data: bytes) -> Image.Image:
    """Shrunk while decoding to a short side of at least 512, as Onelook does."""
    import simplejpeg as library

    pixels = library.decode_jpeg(data, "RGB", min_height=512, min_width=512, min_factor=1)
    return Image.fromarray(pixels)


def opencv(data: bytes) -> Image.Image:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


WAYS: dict[str, Decode] = {
    "Pillow": pillow,
    "Onelook (Pillow's draft, checked, hashed)": onelook,
    "simplejpeg, shrinking": simplejpeg,
    "OpenCV": opencv,
}


def by_library(count: int) -> list[dict[str, Any]]:
    """Core-milliseconds to prepare a picture; the embedding's cosine to that of full decoding."""
    embedder = Embedder(load_backbone())
    ways = {name: way for name, way in WAYS.items() if find_spec(NEEDED.get(name, "PIL"))}
    rows = []
    for size, (width, height) in SIZES.items():
        data = encoded_photographs(count, width, height)
        exact = embedder.embed(map(pillow, data))
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for encoded in data:
            for name, way in ways.items():
                taken[name].append(core_seconds_of(partial(_prepared, embedder, way, encoded)))
        for name, way in ways.items():
            cosines = np.sum(embedder.embed(map(way, data)) * exact, axis=1)
            rows.append(
                {
                    "pictures": size,
                    "library": name,
                    "core_ms": 1000 * float(np.median(taken[name])),
                    "least_cosine": float(cosines.min()),
                }
            )
    return rows


def _prepared(embedder: Embedder, way: Decode, encoded: bytes) -> ByteArray:
    return embedder.backbone.prepare(way(encoded))


def table(rows: list[dict[str, Any]]) -> str:
    """As text."""
    lines = [f"{'pictures':17}{'decoded and prepared by':43}{'core ms':>9}{'least cosine':>14}"]
    lines += [
        f"{row['pictures']:17}{row['library']:43}{row['core_ms']:9.1f}{row['least_cosine']:14.4f}"
        for row in rows
    ]
    missing = [name for name in NEEDED.values() if find_spec(name) is None]
    if missing:
        lines.append(f"not installed: {', '.join(missing)} (pip install 'onelook[bench]')")
    return "\n".join(lines)
