"""Made pictures that cost what photographs cost: noise whose spectrum falls as photographs' do.

Amplitudes fall as 1/f^1.1 (Field, "Relations between the statistics of natural images and the
response properties of cortical cells", 1987, has 1/f), which brings a JPEG of quality 85 to 0.4
bytes a pixel, as cameras write them. Each picture is a window of one large field, so that
thousands are made within seconds.
"""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from engine.cores import available_cores
from engine.types import ByteArray, FloatArray

QUALITY = 85


def photographs(folder: Path, count: int, width: int, height: int, *, seed: int = 0) -> list[Path]:
    """Writes `count` JPEGs of that size into a new folder; their paths."""
    folder.mkdir(parents=True)
    paths = []
    for number, encoded in enumerate(encoded_photographs(count, width, height, seed=seed)):
        paths.append(folder / f"photograph {number:06}.jpg")
        paths[-1].write_bytes(encoded)
    return paths


def many_photographs(folder: Path, count: int, width: int, height: int) -> list[Path]:
    """At least `count` of them in a new folder, made on every core."""
    cores = available_cores()
    each = partial(photographs, count=-(-count // cores), width=width, height=height)
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        parts = [pool.submit(each, folder / str(core), seed=core) for core in range(cores)]
        paths = [path for part in parts for path in part.result()]
    return [path.rename(folder / f"{path.parent.name} {path.name}") for path in paths]


def encoded_photographs(count: int, width: int, height: int, *, seed: int = 0) -> list[bytes]:
    """`count` JPEGs of that size."""
    random = np.random.default_rng(seed)
    field = _field(height + height // 3 + 64, width + width // 3 + 64, random)
    encoded = []
    for _ in range(count):
        top = random.integers(0, field.shape[0] - height)
        left = random.integers(0, field.shape[1] - width)
        window = np.ascontiguousarray(field[top : top + height, left : left + width])
        buffer = io.BytesIO()
        Image.fromarray(window).save(buffer, "JPEG", quality=QUALITY)
        encoded.append(buffer.getvalue())
    return encoded


def _field(height: int, width: int, random: np.random.Generator) -> ByteArray:
    """`(height, width, 3) uint8`: strong brightness, weaker colour."""
    brightness = _noise(height, width, random) * 50
    channels = [brightness + 15 * _noise(height, width, random) for _ in range(3)]
    field: ByteArray = np.clip(np.stack(channels, axis=-1) + 118, 0, 255).astype(np.uint8)
    return field


def _noise(height: int, width: int, random: np.random.Generator) -> FloatArray:
    """`(height, width) float32` of unit deviation."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    phases = np.exp(2j * np.pi * random.random(frequency.shape))
    noise = np.fft.irfft2(phases * frequency**-1.1, (height, width))
    unit: FloatArray = (noise / noise.std()).astype(np.float32)
    return unit
