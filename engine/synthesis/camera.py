"""What a camera makes of a scene: focus, shake, resolution, tone, noise, compression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..types import ByteArray, FloatArray
from .draws import Draws

Image = npt.NDArray[np.integer[Any] | np.floating[Any]]

_NOISE_SIDE = 512
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class HeldCamera:
    """A camera and how it was held.

    Attributes:
        defocus: deviation of its blur, as a share of the frame's side.
        shake, shake_turn: length of its movement, as a share of the frame's side, and direction
            in radians.
        resolution: pixels of the sensor for each of the photograph's, along a side; at most 1.
        gamma, contrast, saturation: of the tone; 1 changes nothing.
        lift: by which black is lifted, in [0, 1].
        noise: deviation of its noise at middle grey, in [0, 1].
        grain: pixels of the photograph that a grain of noise takes.
        noise_at: where in the noise to begin.
        quality: of the JPEG, in [1, 100].
    """

    defocus: float
    shake: float
    shake_turn: float
    resolution: float
    gamma: float
    contrast: float
    saturation: float
    lift: float
    noise: float
    grain: float
    noise_at: tuple[int, int]
    quality: int


def draw_camera(draws: Draws, strength: float) -> HeldCamera:
    """A camera: mostly a fair telephone, at times a poor one in poor light."""
    poor = draws.uniform() ** 2 * strength
    return HeldCamera(
        defocus=draws.uniform(0, 0.003) * strength + draws.uniform(0, 0.008) * poor,
        shake=draws.uniform(0.004, 0.03) * poor if draws.chance(0.25) else 0.0,
        shake_turn=draws.uniform(0, math.pi),
        resolution=1 - draws.uniform(0, 0.7) * poor,
        gamma=math.exp(draws.normal(0.18 * strength)),
        contrast=math.exp(draws.normal(0.16 * strength)),
        saturation=math.exp(draws.normal(0.25 * strength)),
        lift=draws.uniform(0, 0.12) * strength if draws.chance(0.5) else 0.0,
        noise=draws.uniform(0.001, 0.012) * strength + draws.uniform(0, 0.035) * poor,
        grain=draws.uniform(1.0, 2.2),
        noise_at=(draws.below(_NOISE_SIDE), draws.below(_NOISE_SIDE)),
        quality=round(96 - draws.uniform(0, 40) * strength - draws.uniform(0, 35) * poor),
    )


def photographed(scene: FloatArray, camera: HeldCamera) -> ByteArray:
    """The photograph `(size, size, 3) uint8` of a scene `(size, size, 3) float32`, 0 to 255."""
    size = len(scene)
    seen: Image = scene
    if camera.shake:
        seen = cv2.filter2D(seen, -1, _shake(camera, size))
    if camera.defocus * size > 0.3:
        seen = cv2.GaussianBlur(seen, (0, 0), camera.defocus * size)
    if camera.resolution < 0.95:
        fewer = max(16, round(size * camera.resolution))
        seen = cv2.resize(seen, (fewer, fewer), interpolation=cv2.INTER_AREA)
        seen = cv2.resize(seen, (size, size), interpolation=cv2.INTER_LINEAR)
    toned = tone_table(camera)[np.clip(seen, 0, 255).astype(np.uint8)]
    grey = (toned @ _LUMA)[..., None]
    coloured = grey + (toned - grey) * np.float32(camera.saturation)
    coloured += _noise_over(camera, size) * (0.6 + grey * np.float32(0.8 / 255))
    finished = np.clip(coloured, 0, 255).astype(np.uint8)
    blue_first = cv2.cvtColor(finished, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])
    if not ok:
        raise RuntimeError(f"OpenCV could not compress {finished.shape} as JPEG")
    decoded = cv2.cvtColor(np.asarray(cv2.imdecode(data, 1)), cv2.COLOR_BGR2RGB)
    return np.asarray(decoded, np.uint8)


def tone_table(camera: HeldCamera) -> FloatArray:
    """`(256,) float32`: what becomes of each brightness."""
    light = (np.arange(256, dtype=np.float64) / 255) ** camera.gamma
    light = camera.lift + (1 - camera.lift) * (0.5 + (light - 0.5) * camera.contrast)
    return np.clip(light * 255, 0, 255).astype(np.float32)


def _shake(camera: HeldCamera, size: int) -> FloatArray:
    """A kernel: a short straight line."""
    half = max(1, round(camera.shake * size / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    x, y = (
        round(half * part) for part in (math.cos(camera.shake_turn), math.sin(camera.shake_turn))
    )
    cv2.line(kernel, (half - x, half - y), (half + x, half + y), 1.0, 1, cv2.LINE_AA)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _noise_over(camera: HeldCamera, size: int) -> FloatArray:
    """`(size, size, 3) float32`: mostly of brightness, less of colour."""
    fine = max(8, math.ceil(size / camera.grain))
    rows = (np.arange(fine) + camera.noise_at[0]) % _NOISE_SIDE
    columns = (np.arange(fine) + camera.noise_at[1]) % _NOISE_SIDE
    part: Image = _noise()[rows[:, None], columns[None]]
    if fine != size:
        part = cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(part * np.float32(camera.noise * 255), np.float32)


@lru_cache(maxsize=1)
def _noise() -> FloatArray:
    """`(512, 512, 3) float32`, mean 0 and deviation about 1; the same one always."""
    draws = Draws(511)
    count = _NOISE_SIDE * _NOISE_SIDE * 4
    parts = draws.uniforms(4 * count).reshape(4, count).sum(axis=0) - 2.0
    fields = (parts * math.sqrt(3)).astype(np.float32).reshape(_NOISE_SIDE, _NOISE_SIDE, 4)
    return np.asarray(fields[..., :1] * 0.85 + fields[..., 1:] * 0.5)
