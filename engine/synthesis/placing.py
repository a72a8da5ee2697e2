"""Where a picture lies in a photograph: its surface, the camera's pose, its size and place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..types import FloatArray
from .cutouts import Cutout
from .draws import Draws
from .surfaces import Split, Surface, draw_surface

_LEAST_SIDE = math.sqrt(0.1)  # of the frame's side: a tenth of its area
_MOST_TILT = math.radians(52)
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A picture's place in a photograph.

    Attributes:
        surface: what it lies on.
        homography: `(3, 3) float64`, from plane coordinates (see `engine.synthesis.surfaces`), as
            they are seen, to the photograph's pixels; a pixel's centre has whole coordinates.
        corners: `(4, 2) float32`, where the whole picture's corners are, in pixels: top left, top
            right, bottom right, bottom left. They may lie outside of the photograph.
        scale: pixels to one unit of the plane, about.
        centre: `(2,) float64`, of the thing, in pixels.
    """

    surface: Surface
    homography: Floats
    corners: FloatArray
    scale: float
    centre: Floats


def place(cutout: Cutout, draws: Draws, *, size: int, strength: float, split: Split) -> Placement:
    """Draw a place for a picture in a photograph of `size` x `size` pixels."""
    extents = np.array(cutout.half_extents)
    surface = draw_surface(draws, strength, split, float(extents[0]))
    left, top, right, bottom = (2 * cutout.box.astype(np.float64) - 1) * np.tile(extents, 2)
    edge = np.linspace(0, 1, 5)
    thing = np.array(
        [(left + (right - left) * x, y) for x in edge for y in (top, bottom)]
        + [(x, top + (bottom - top) * y) for y in edge for x in (left, right)]
    )
    seen = surface.seen_at(thing)
    camera = _camera(draws, strength, reach=float(np.abs(seen).max()))
    outline = _project(camera, seen)
    low, high = outline.min(axis=0), outline.max(axis=0)
    side = _side(draws, strength)
    scale = side * size / float((high - low).max())
    centre = np.array([_middle(draws, side, strength) for _ in range(2)]) * size - 0.5
    shift = centre - scale * (low + high) / 2
    fitted = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]]) @ camera
    corners = _project(fitted, surface.seen_at(_CORNERS * extents))
    return Placement(surface, fitted, corners.astype(np.float32), scale, centre)


def _camera(draws: Draws, strength: float, reach: float) -> Floats:
    """`(3, 3)`: the plane, turned in space, as a camera some units away sees it."""
    tilt_x, tilt_y = (
        max(-_MOST_TILT, min(_MOST_TILT, draws.normal(math.radians(20)) * strength))
        for _ in range(2)
    )
    turn = _turn(draws) * strength
    distance = draws.uniform(2.4, 7.0) * max(reach, 1)
    about_x = np.array(
        [
            [1, 0, 0],
            [0, math.cos(tilt_x), -math.sin(tilt_x)],
            [0, math.sin(tilt_x), math.cos(tilt_x)],
        ]
    )
    about_y = np.array(
        [
            [math.cos(tilt_y), 0, math.sin(tilt_y)],
            [0, 1, 0],
            [-math.sin(tilt_y), 0, math.cos(tilt_y)],
        ]
    )
    about_z = np.array(
        [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]]
    )
    rotation = about_z @ about_x @ about_y
    depth = rotation[2, :2] / distance
    return np.array([[*rotation[0, :2], 0], [*rotation[1, :2], 0], [*depth, 1]])


def _turn(draws: Draws) -> float:
    """Radians: upright as most hold a camera, slanted as things lie, now and then any way."""
    how = draws.uniform()
    if how < 0.55:
        return draws.normal(math.radians(5))
    if how < 0.93:
        return math.radians(draws.uniform(-50, 50))
    return math.radians(draws.uniform(-180, 180))


def _side(draws: Draws, strength: float) -> float:
    """The thing's longer side as a share of the frame's."""
    if draws.chance(0.15 * strength):
        return draws.uniform(1.0, 1.25)  # cropped
    least = 0.8 + (_LEAST_SIDE - 0.8) * min(strength, 1)
    return draws.uniform(least, 1.0)


def _middle(draws: Draws, side: float, strength: float) -> float:
    """Where the thing's middle is, as a share of the frame's side."""
    room = max(1 - side, 0) / 2
    return 0.5 + (draws.uniform(-room, room) + draws.normal(0.035)) * strength


def _project(homography: Floats, points: Floats) -> Floats:
    """`(n, 2)` of `(n, 2)`."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    projected: Floats = homogeneous[:, :2] / np.maximum(homogeneous[:, 2:], 1e-3)
    return projected
