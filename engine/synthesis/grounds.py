"""What is behind the thing: textures made of noise, other pictures blown up, a studio's sweep.

No picture ships for it. Textures come in families, some for training and others for judging.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from ..types import ByteArray, FloatArray
from .draws import Draws
from .surfaces import Split

_NOISE_SIDE = 512
_OCTAVES = (4, 8, 16, 32, 64, 128)
_SHADES = 256


def draw_ground(
    draws: Draws, size: int, strength: float, split: Split, pictures: Sequence[ByteArray]
) -> FloatArray:
    """A background `(size, size, 3) float32`, RGB in [0, 255].

    Args:
        pictures: `(h, w, 3 or more) uint8` each, of which some backgrounds are made.
    """
    how = draws.uniform()
    if how < 0.16 or not draws.chance(min(1.0, 3 * strength)):
        return _studio(draws, size)
    if pictures and how < 0.5:
        return _picture(draws, size, pictures)
    ground = draws.choice(_TEXTURES[split])(draws, size)
    if draws.chance(0.35):
        ground = _meeting(draws, ground, draws.choice(_TEXTURES[split])(draws, size))
    return ground


def colour(draws: Draws) -> FloatArray:
    """`(3,) float32` in [0, 255]; as things are, oftener pale, dark or grey than bright."""
    hue, value = draws.uniform(0, 6), draws.uniform(0.08, 1.0)
    saturation = draws.choice((0.0, 0.1, 0.25, 0.45, 0.8)) * draws.uniform(0.6, 1.0)
    channels = [
        value * (1 - saturation * max(0.0, min(1.0, 2 - abs((hue + turn) % 6 - 3))))
        for turn in (0, 2, 4)
    ]
    return np.array(channels, np.float32) * 255


def _studio(draws: Draws, size: int) -> FloatArray:
    """White, grey or black paper, a little darker towards one edge."""
    bright = draws.choice((255.0, 250.0, 244.0, 225.0, 120.0, 24.0))
    fall = np.linspace(1, draws.uniform(0.75, 1.05), size, dtype=np.float32) * bright
    ground = np.repeat(np.repeat(fall[:, None, None], size, 1), 3, 2)
    return np.ascontiguousarray(ground)


def _picture(draws: Draws, size: int, pictures: Sequence[ByteArray]) -> FloatArray:
    """A part of another picture, blown up and out of focus."""
    picture = draws.choice(pictures)
    height, width = picture.shape[:2]
    reach = size / (min(height, width) * draws.uniform(0.3, 1.0))
    turn = math.radians(draws.normal(12))
    found = _sampled(picture, draws, size, reach, turn, cv2.BORDER_REFLECT_101)
    if draws.chance(0.5):
        blur = size * draws.uniform(0.004, 0.02)
        found = np.asarray(cv2.GaussianBlur(found, (0, 0), blur), np.float32)
    return found[..., :3] * np.float32(draws.uniform(0.6, 1.05))


def _meeting(draws: Draws, ground: FloatArray, wall: FloatArray) -> FloatArray:
    """A table before a wall: two grounds that meet along a line."""
    size = len(ground)
    slope, height = draws.normal(0.08), draws.uniform(0.15, 0.6)
    columns = np.arange(size, dtype=np.float32) / size - 0.5
    line = (height + slope * columns) * size
    above = np.clip((line[None] - np.arange(size, dtype=np.float32)[:, None]) * 0.7, 0, 1)
    wall = wall * np.float32(draws.uniform(0.5, 1.1))
    return np.asarray(ground + (wall - ground) * above[..., None], np.float32)


def _clouds(draws: Draws, size: int) -> FloatArray:
    """Stone, plaster, carpet."""
    return _tinted(draws, _noise_part(draws, size, draws.log_uniform(0.3, 3.0), 1.0))


def _grain(draws: Draws, size: int) -> FloatArray:
    """Wood: noise drawn out along the grain, some of it ringed."""
    field = _noise_part(draws, size, draws.log_uniform(0.5, 2.5), draws.uniform(6, 18))
    if draws.chance(0.5):
        rings = np.sin(np.arange(_SHADES) * draws.uniform(0.05, 0.3)) * 90 + 128
        field = np.asarray(cv2.LUT(field, rings.astype(np.uint8)), np.uint8)
    brown = np.array([150, 105, 65], np.float32) * draws.uniform(0.5, 1.4)
    dark = colour(draws) if draws.chance(0.3) else brown * draws.uniform(0.45, 0.8)
    return _mapped(field, dark, np.minimum(brown * draws.uniform(1.0, 1.3), 255))


def _tiles(draws: Draws, size: int) -> FloatArray:
    """Tiles, bricks, planks: parts of one colour, each a little its own, with joints between."""
    across, down = draws.log_uniform(0.05, 0.5) * size, draws.log_uniform(0.05, 0.4) * size
    rows = (np.arange(size) / down).astype(np.int64)
    offset = 0.5 if draws.chance(0.5) else 0.0
    columns = np.arange(size)[None] / across + (rows[:, None] % 2) * offset
    shades = draws.uniforms(4096).astype(np.float32)
    cell = (rows[:, None] * 61 + columns.astype(np.int64)) % 4096
    light = 1 + (shades[cell] - 0.5) * np.float32(draws.uniform(0.05, 0.7))
    joint = ((np.arange(size) % down) < 0.04 * down)[:, None] | ((columns % 1) < 0.04)
    light = np.where(joint, np.float32(draws.uniform(0.3, 1.3)), light)
    field = _noise_part(draws, size, 1.0, 1.0).astype(np.float32) / 255 * 0.3 + 0.85
    flat = colour(draws)[None, None] * (light * field)[..., None]
    return _turned(draws, np.clip(flat, 0, 255))


def _clutter(draws: Draws, size: int) -> FloatArray:
    """A desk or a shelf out of focus: things without detail."""
    ground = np.ascontiguousarray(np.broadcast_to(colour(draws), (size, size, 3)))
    for _ in range(6 + draws.below(16)):
        middle = np.array([draws.uniform(0, size), draws.uniform(0, size)])
        half = np.array([draws.log_uniform(0.03, 0.3), draws.log_uniform(0.03, 0.3)]) * size
        turn = math.radians(draws.normal(15))
        turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        outline = ((signs * half) @ turned.T + middle).astype(np.int32)
        cv2.fillConvexPoly(ground, outline, tuple(map(float, colour(draws))), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(ground, (0, 0), size * draws.uniform(0.002, 0.02)))


def _cloth(draws: Draws, size: int) -> FloatArray:
    """Stripes and checks."""
    width = draws.log_uniform(0.02, 0.2) * size
    stripes = (np.sin(np.arange(size, dtype=np.float32) * (2 * math.pi / width)) * 4).clip(-1, 1)
    down = stripes if draws.chance(0.6) else np.zeros_like(stripes)
    field = ((stripes[None] + down[:, None]) * 50 + 128).astype(np.uint8)
    return _turned(draws, _tinted(draws, field))


def _speckle(draws: Draws, size: int) -> FloatArray:
    """Terrazzo, gravel, grass."""
    noise = _noise_part(draws, size, draws.log_uniform(2.0, 6.0), draws.uniform(1.0, 2.0))
    steps = (np.arange(_SHADES) > draws.uniform(120, 160)) * 160 + np.arange(_SHADES) * 0.3
    stones = cv2.LUT(noise, steps.clip(0, 255).astype(np.uint8))
    return _tinted(draws, np.asarray(stones, np.uint8))


def _lights(draws: Draws, size: int) -> FloatArray:
    """A room far behind: a dark ground with discs of light out of focus."""
    ground = np.ascontiguousarray(np.broadcast_to(colour(draws) * 0.4, (size, size, 3)))
    for _ in range(8 + draws.below(20)):
        middle = (draws.below(size), draws.below(size))
        shine = tuple(map(float, np.minimum(colour(draws) * draws.uniform(0.7, 1.6), 255)))
        cv2.circle(ground, middle, int(draws.uniform(0.01, 0.08) * size) + 1, shine, -1)
    return np.asarray(cv2.GaussianBlur(ground, (0, 0), size * draws.uniform(0.004, 0.03)))


_Texture = Callable[[Draws, int], FloatArray]
_TRAINING: tuple[_Texture, ...] = (_clouds, _grain, _tiles, _clutter)
_JUDGING: tuple[_Texture, ...] = (_cloth, _speckle, _lights)
_TEXTURES = {
    Split.ALL: _TRAINING + _JUDGING,
    Split.TRAINING: _TRAINING,
    Split.JUDGING: _JUDGING,
}


@lru_cache(maxsize=1)
def _noise() -> ByteArray:
    """`(512, 512) uint8`: noise of many sizes that tiles; the same one always."""
    draws = Draws(512)
    field = np.zeros((_NOISE_SIDE, _NOISE_SIDE), np.float32)
    for octave in _OCTAVES:
        knots = draws.uniforms(octave * octave).astype(np.float32).reshape(octave, octave)
        tiled = np.tile(knots, (3, 3))
        large = cv2.resize(tiled, (3 * _NOISE_SIDE,) * 2, interpolation=cv2.INTER_CUBIC)
        middle = slice(_NOISE_SIDE, 2 * _NOISE_SIDE)
        field += large[middle, middle] * np.float32(octave**-0.6)
    low, high = np.percentile(field, [1, 99])
    shares = np.clip((field - low) / (high - low), 0, 1)
    return np.asarray(np.rint(shares * 255), np.uint8)


def _noise_part(draws: Draws, size: int, coarse: float, drawn_out: float) -> ByteArray:
    """`(size, size) uint8`: a part of the noise, turned; `drawn_out` times as long as wide."""
    turn = draws.uniform(0, 2 * math.pi) if drawn_out == 1 else math.radians(draws.normal(20))
    scale = _NOISE_SIDE / size / coarse
    matrix = np.array(
        [
            [math.cos(turn) * scale, -math.sin(turn) * scale, draws.uniform(0, _NOISE_SIDE)],
            [math.sin(turn) * scale, math.cos(turn) * scale, draws.uniform(0, _NOISE_SIDE)],
        ]
    )
    matrix[:, 0] /= drawn_out
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(_noise(), matrix, (size, size), flags=flags, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found, np.uint8)


def _tinted(draws: Draws, field: ByteArray) -> FloatArray:
    first, second = colour(draws), colour(draws)
    share = np.float32(draws.uniform(0.15, 1.0))
    return _mapped(field, first, first + (second - first) * share)


def _mapped(field: ByteArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """`(h, w, 3) float32`: 0 as the first colour, 255 as the second."""
    share = np.linspace(0, 1, _SHADES, dtype=np.float32)[:, None]
    table = (first + (second - first) * share).astype(np.float32)
    return table[field]


def _turned(draws: Draws, ground: FloatArray) -> FloatArray:
    turn = math.radians(draws.normal(25))
    return _sampled(ground, draws, len(ground), 1.2, turn, cv2.BORDER_REFLECT_101)


def _sampled(
    picture: ByteArray | FloatArray,
    draws: Draws,
    size: int,
    reach: float,
    turn: float,
    border: int,
) -> FloatArray:
    """A turned square part of a picture, enlarged `reach` times."""
    height, width = picture.shape[:2]
    cosine, sine = math.cos(turn) / reach, math.sin(turn) / reach
    middle = (draws.uniform(0.3, 0.7) * width, draws.uniform(0.3, 0.7) * height)
    half = size / 2
    matrix = np.array(
        [
            [cosine, -sine, middle[0] - (cosine - sine) * half],
            [sine, cosine, middle[1] - (sine + cosine) * half],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(picture, matrix, (size, size), flags=flags, borderMode=border)
    return np.asarray(found, np.float32)
