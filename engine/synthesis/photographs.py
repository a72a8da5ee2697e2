"""A picture -> what a camera might have made of it, and where in it the picture lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..types import ByteArray, FloatArray
from .camera import draw_camera, photographed
from .carriers import draw_carrier
from .cutouts import Cutout, cut_out
from .draws import Draws
from .grounds import colour, draw_ground
from .lighting import Light, draw_light
from .placing import Placement, place
from .surfaces import KNOTS, REACH, Split

SIZE = 256
_SHARPNESS = 1.25  # texels of a picture for each pixel it takes, at most, before it is halved
_CUT, _CUT_RECTANGLE = 0.65, 0.92  # how often a thing is without its ground; a scan's is no ground
_SKIN = np.array([214, 160, 130], np.float32)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticPhotograph:
    """A photograph that was never taken.

    Attributes:
        pixels: `(size, size, 3) uint8`, RGB.
        corners: `(4, 2) float32`, x and y of the whole picture's corners in the photograph's
            pixels: its top left, top right, bottom right, bottom left. They may lie outside.
    """

    pixels: ByteArray
    corners: FloatArray


def synthesize(
    picture: ByteArray | Cutout,
    seed: int,
    *,
    others: Sequence[ByteArray | Cutout] = (),
    backgrounds: Sequence[ByteArray] = (),
    strength: float = 1.0,
    size: int = SIZE,
    split: Split = Split.ALL,
) -> SyntheticPhotograph:
    """Photograph a picture: the same arguments give the same photograph, everywhere.

    Args:
        picture: `(h, w, 3 or 4) uint8`, RGB with or without alpha. Of a picture that is
            photographed often, pass `cut_out(pixels, longest)`, which is most of the work for a
            large one.
        seed: of everything random.
        others: other pictures: of things beside and before it, and out of focus behind it.
        backgrounds: `(h, w, 3) uint8`, photographs of places, used instead of `others` behind it.
        strength: from 0 (the picture before a plain ground) by 1 (as people photograph) up.
        size: side of the photograph in pixels.
        split: which kinds of surfaces and textures to use.

    Raises:
        ValueError: an array has another shape or type, or a number is out of its range.
    """
    if size < 16 or strength < 0:
        raise ValueError(f"expected size >= 16 and strength >= 0, but got {size}, {strength}")
    cutout = _prepared(picture, size)
    placement = place(cutout, Draws(seed, 1), size=size, strength=strength, split=split)
    draws = Draws(seed, 2)
    behind = backgrounds or [_level(draws.choice(others), size) for _ in others[:1]]
    scene = draw_ground(draws, size, strength, split, behind)
    draws = Draws(seed, 3)
    for _ in range(_count_beside(draws, strength, others)):
        beside = _prepared(draws.choice(others), size)
        scene = _put_beside(scene, beside, draws, placement)
    scene = _put(scene, cutout, placement, Draws(seed, 4), strength)
    scene = _occluded(scene, placement, Draws(seed, 5), strength, others)
    centre = (float(placement.centre[0]) / size, float(placement.centre[1]) / size)
    light = draw_light(Draws(seed, 6), strength, centre, placement.scale * 2 / size)
    camera = draw_camera(Draws(seed, 7), strength)
    return SyntheticPhotograph(photographed(_lit(scene, light), camera), placement.corners)


def _prepared(picture: ByteArray | Cutout, size: int) -> Cutout:
    return picture if isinstance(picture, Cutout) else cut_out(picture, math.ceil(1.25 * size))


def _level(picture: ByteArray | Cutout, size: int) -> ByteArray:
    return _prepared(picture, size).whole[0]


def _count_beside(draws: Draws, strength: float, others: Sequence[object]) -> int:
    if not others or draws.chance(0.35):
        return 0
    return draws.below(round(4 * min(strength, 1)) + 1)


def _put(
    scene: FloatArray, cutout: Cutout, placement: Placement, draws: Draws, strength: float
) -> FloatArray:
    """The scene with the picture in its place, on what carries it, and with its shadow."""
    cut = is_cut(cutout, draws)
    carrier = draw_carrier(draws, placement.surface, cutout, cut=cut, strength=strength)
    seen, paper, light = _coordinates(placement, len(scene))
    found = _texels_at(cutout, paper, placement, cut=cut)
    share = found[..., 3:] / np.float32(255)
    shadowed = draws.uniform(0.1, 0.6) * min(strength, 1)
    if carrier is None:
        scene = scene * (1 - _shadow(share[..., 0], draws, placement) * shadowed)
    else:
        scene = carrier.drawn_over(scene, seen, paper, light, placement.scale)
    print_light = light[..., None] if not placement.surface.flat else np.float32(1)
    return np.asarray(scene * (1 - share) + found[..., :3] * print_light, np.float32)


def is_cut(cutout: Cutout, draws: Draws) -> bool:
    """Whether the picture is photographed without its ground; mostly, where it has one."""
    return cutout.has_ground and draws.chance(_CUT_RECTANGLE if cutout.is_rectangular else _CUT)


def level_for(cutout: Cutout, scale: float) -> int:
    """How often the picture is halved before a pixel takes about one of its texels.

    Args:
        scale: pixels to a unit of the plane.
    """
    texels = max(cutout.size) / 2 / scale
    return max(0, math.floor(math.log2(max(texels / _SHARPNESS, 1))))


def _texels_at(
    cutout: Cutout, paper: tuple[Floats, Floats], placement: Placement, *, cut: bool
) -> Floats:
    """`(size, size, 4) float32`: the picture at each pixel, RGB times alpha, and alpha."""
    levels = cutout.thing if cut else cutout.whole
    picture = levels[min(level_for(cutout, placement.scale), len(levels) - 1)]
    width, height = cutout.half_extents
    columns = (paper[0] / width + 1) * (picture.shape[1] / 2) - 0.5
    rows = (paper[1] / height + 1) * (picture.shape[0] / 2) - 0.5
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR), np.float32)


def _coordinates(
    placement: Placement, size: int
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], Floats]:
    """For each pixel, plane coordinates as seen and on the paper, and the surface's light."""
    inverse = np.linalg.inv(placement.homography)
    inverse /= inverse[2] @ [*placement.centre, 1]  # in front of the camera where positive
    inverse = inverse.astype(np.float32)
    x = np.arange(size, dtype=np.float32)[None]
    y = np.arange(size, dtype=np.float32)[:, None]
    depth = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
    depth = np.maximum(depth, np.float32(1e-4))
    seen: tuple[Floats, Floats] = (
        (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / depth,
        (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / depth,
    )
    surface = placement.surface
    if surface.flat:
        return seen, seen, np.ones((size, size), np.float32)
    across, straight = seen if surface.upright else (seen[1], seen[0])
    knots = (across + REACH) * np.float32((KNOTS - 1) / (2 * REACH))
    table = surface.table[None]
    first = np.zeros_like(knots)
    read: Floats = np.asarray(
        cv2.remap(table, knots, first, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )
    along: Floats = np.where(np.abs(across) < surface.edge, read[..., 0], np.float32(99))
    aside: Floats = straight + read[..., 1]
    paper = (along, aside) if surface.upright else (aside, along)
    return seen, paper, read[..., 2]


def _shadow(share: Floats, draws: Draws, placement: Placement) -> Floats:
    """`(size, size, 1)`: where the thing keeps light from its ground, in [0, 1]."""
    size = len(share)
    small = cv2.resize(share, (size // 4, size // 4), interpolation=cv2.INTER_AREA)
    away = placement.scale / 4 * draws.uniform(0.02, 0.2)
    turn = draws.uniform(0, 2 * math.pi)
    shift = np.array([[1, 0, math.cos(turn) * away], [0, 1, math.sin(turn) * away]])
    moved = cv2.warpAffine(small, shift, (small.shape[1], small.shape[0]))
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.4, away * draws.uniform(0.3, 1.0)))
    return np.asarray(cv2.resize(soft, (size, size)), np.float32)[..., None]


def _put_beside(
    scene: FloatArray, cutout: Cutout, draws: Draws, placement: Placement
) -> FloatArray:
    """The scene with another thing in it: anywhere, or as a neighbour on the shelf."""
    size = len(scene)
    if draws.chance(0.4):
        side = draws.sign() * 2.1 * placement.scale * draws.uniform(0.8, 1.2)
        x, y = placement.centre[0] + side, placement.centre[1] + draws.normal(0.1) * size
        half = placement.scale * draws.uniform(0.7, 1.2)
        turn = draws.normal(math.radians(4))
    else:
        x, y = draws.uniform(-0.1, 1.1) * size, draws.uniform(-0.1, 1.1) * size
        half = size * draws.log_uniform(0.08, 0.35)
        turn = draws.normal(math.radians(25))
    return _pasted(scene, cutout, (float(x), float(y)), half, turn)


def _pasted(
    scene: FloatArray, cutout: Cutout, middle: tuple[float, float], half: float, turn: float
) -> FloatArray:
    """The scene with a thing flat in it; `half` of its longer side, in pixels. In place."""
    texels = cutout.thing
    longest = max(cutout.size) / 2
    level = min(max(0, math.floor(math.log2(max(longest / half, 1)))), len(texels) - 1)
    picture = texels[level]
    height, width = picture.shape[:2]
    scale = half / (max(width, height) / 2)
    reach = math.hypot(width, height) / 2 * scale + 1
    left, top = (max(0, math.floor(m - reach)) for m in middle)
    right, bottom = (min(len(scene), math.ceil(m + reach)) for m in middle)
    if right <= left or bottom <= top:
        return scene
    cosine, sine = math.cos(turn) * scale, math.sin(turn) * scale
    matrix = np.array(
        [
            [cosine, -sine, middle[0] - left - (cosine * width - sine * height) / 2],
            [sine, cosine, middle[1] - top - (sine * width + cosine * height) / 2],
        ]
    )
    found = cv2.warpAffine(picture, matrix, (right - left, bottom - top)).astype(np.float32)
    part = scene[top:bottom, left:right]
    part *= 1 - found[..., 3:] / 255
    part += found[..., :3]
    return scene


def _occluded(
    scene: FloatArray,
    placement: Placement,
    draws: Draws,
    strength: float,
    others: Sequence[ByteArray | Cutout],
) -> FloatArray:
    """The scene with something before the thing, at its edge: fingers, a bar, another thing."""
    if not draws.chance(0.35 * strength):
        return scene
    size, scale = len(scene), placement.scale
    turn = draws.uniform(0, 2 * math.pi)
    away = scale * draws.uniform(0.85, 1.25)
    x = float(placement.centre[0]) + math.cos(turn) * away
    y = float(placement.centre[1]) + math.sin(turn) * away
    how = draws.uniform()
    if how < 0.4 and others:
        half = scale * draws.uniform(0.25, 0.6)
        beside = _prepared(draws.choice(others), size)
        return _pasted(scene, beside, (x, y), half, draws.normal(0.4))
    cover = np.zeros((size, size), np.float32)
    if how < 0.75:  # fingers reach in from outside
        shade = _SKIN * np.float32(draws.uniform(0.3, 1.15))
        inward, thick = math.degrees(turn), scale * draws.uniform(0.09, 0.16)
        for finger in range(1 + draws.below(3)):
            offset = (finger - 1) * thick * 2.1
            middle = (
                round(x - math.sin(turn) * offset + math.cos(turn) * scale * 0.3),
                round(y + math.cos(turn) * offset + math.sin(turn) * scale * 0.3),
            )
            axes = (max(2, round(scale * draws.uniform(0.5, 0.75))), max(1, round(thick)))
            cv2.ellipse(cover, middle, axes, inward + draws.normal(6), 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        shade = colour(draws)
        wide = scale * draws.uniform(0.05, 0.3)
        across = np.array([-math.sin(turn), math.cos(turn)])
        inward_step = np.array([math.cos(turn), math.sin(turn)]) * wide
        ends = [np.array([x, y]) + across * size * side for side in (-1.0, 1.0)]
        bar = np.array([ends[0], ends[1], ends[1] + inward_step, ends[0] + inward_step])
        cv2.fillConvexPoly(cover, bar.astype(np.int32), 1.0, cv2.LINE_AA)
    soft = cv2.GaussianBlur(cover, (0, 0), max(0.5, size * draws.uniform(0.001, 0.012)))
    body = shade * (0.55 + 0.45 * soft[..., None])
    return np.asarray(scene + (body - scene) * soft[..., None], np.float32)


def _lit(scene: FloatArray, light: Light) -> FloatArray:
    size = (len(scene), len(scene))
    lit = scene * cv2.resize(light.gain, size, interpolation=cv2.INTER_CUBIC)
    if light.glare.any():
        glare = cv2.resize(light.glare, size, interpolation=cv2.INTER_CUBIC)[..., None]
        lit += (255 - lit * 0.5) * glare
    return np.asarray(lit, np.float32)
