"""The light on a scene: falling off, shadowed, tinted; and the glare of what shines.

Light is smooth, so it is made on a small grid and enlarged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ..types import FloatArray
from .draws import Draws

GRID = 48


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Light over a photograph.

    Attributes:
        gain: `(GRID, GRID, 3) float32`, by which the scene's colours are multiplied.
        glare: `(GRID, GRID) float32`, white light added, as a share of full white.
    """

    gain: FloatArray
    glare: FloatArray


def draw_light(draws: Draws, strength: float, centre: tuple[float, float], reach: float) -> Light:
    """Draw a light.

    Args:
        centre: of the thing, as shares of the frame; glare and shadows fall near it.
        reach: the thing's size as a share of the frame.
    """
    knots = np.array([draws.normal(0.22 * strength) for _ in range(9)], np.float32).reshape(3, 3)
    field = cv2.resize(np.exp(knots), (GRID, GRID), interpolation=cv2.INTER_CUBIC)
    if draws.chance(0.45 * strength):
        field = field * _shadow(draws, centre, reach)
    tint = np.array([1 + draws.normal(0.07 * strength) for _ in range(3)], np.float32)
    warmth = np.float32(draws.normal(0.06 * strength))
    tint *= np.array([1 + warmth, 1, 1 - warmth], np.float32)
    exposure = math.exp(draws.normal(0.25 * strength))
    gain = (field * np.float32(exposure))[..., None] * tint
    glare = np.zeros((GRID, GRID), np.float32)
    for _ in range(2):
        if draws.chance(0.2 * strength):
            glare += _glare(draws, centre, reach)
    return Light(np.asarray(gain, np.float32), np.minimum(glare, 1))


def _shadow(draws: Draws, centre: tuple[float, float], reach: float) -> FloatArray:
    """Of a hand, a shelf, a window's bar: a polygon, more or less soft."""
    shade = np.ones((GRID, GRID), np.float32)
    middle = [(c + draws.normal(0.5) * reach) * GRID for c in centre]
    turn, length = draws.uniform(0, math.pi), GRID * 1.5
    width = draws.uniform(0.15, 0.8) * GRID
    along = np.array([math.cos(turn), math.sin(turn)])
    aside = np.array([-along[1], along[0]])
    ends = [(a, b) for a, b in ((-1, 0), (1, 0), (1, 1), (-1, 1))]
    outline = np.array([np.array(middle) + along * length * a + aside * width * b for a, b in ends])
    cv2.fillConvexPoly(shade, outline.astype(np.int32), draws.uniform(0.35, 0.8), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(shade, (0, 0), draws.log_uniform(0.5, 5)), np.float32)


def _glare(draws: Draws, centre: tuple[float, float], reach: float) -> FloatArray:
    """A lamp or a window in a shining surface: a spot or a streak, with a veil around it."""
    spot = np.zeros((GRID, GRID), np.float32)
    x, y = (int((c + draws.normal(0.35) * reach) * GRID) for c in centre)
    half = max(1, int(GRID * reach * draws.log_uniform(0.02, 0.15)))
    length = max(1, int(half * draws.log_uniform(1.0, 6.0)))
    turn = draws.uniform(0, 180)
    cv2.ellipse(spot, (x, y), (length, half), turn, 0, 360, draws.uniform(0.3, 1.1), -1)
    veil = cv2.GaussianBlur(spot, (0, 0), GRID * 0.12 * (0.4 + reach))
    soft = cv2.GaussianBlur(spot, (0, 0), draws.log_uniform(0.6, 2.5))
    return np.asarray(soft + veil * draws.uniform(0.2, 1.0), np.float32)
