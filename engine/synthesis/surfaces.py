"""What a picture lies on: flat, bent like a bottle, folded, waved, curled.

Every such surface is one that paper can take (developable), seen along its rulings: bent across,
straight aside. So it is told by three functions of one coordinate, kept as a table: for a point
seen at `across`, how far along the paper it is, how far the paper is shifted aside there, and how
much light it sends back.

Plane coordinates: the flat picture has its centre at (0, 0) and its longer half side is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..types import FloatArray
from .draws import Draws

KNOTS = 1024
REACH = 4.0  # the table runs from -REACH to REACH

Floats = npt.NDArray[np.float64]


class Split(StrEnum):
    """Which kinds of surfaces and backgrounds are used, so that judging sees others.

    A flat surface and plain grounds belong to both.
    """

    ALL = "all"
    TRAINING = "training"
    JUDGING = "judging"


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A surface as it is seen.

    Attributes:
        table: `(KNOTS, 3) float32` over across in [-REACH, REACH]: along, aside, light (1: that of
            a flat surface). `along` never falls.
        upright: whether it is bent across the picture's width; else across its height.
        edge: how far across it can be seen at all, as a bottle to its outline.
        flat: whether nothing is bent, so that the table need not be read.
    """

    table: FloatArray
    upright: bool
    edge: float = REACH
    flat: bool = False

    def seen_at(self, points: Floats) -> Floats:
        """Where points of the picture are seen.

        Args:
            points: `(n, 2)`, plane coordinates of the flat picture.

        Returns:
            `(n, 2)`, plane coordinates of the bent one.
        """
        along, straight = points.T if self.upright else points.T[::-1]
        table = self.table.astype(np.float64)
        across = np.interp(along, table[:, 0], _across())
        aside = straight - np.interp(across, _across(), table[:, 1])
        return np.stack([across, aside] if self.upright else [aside, across], axis=1)


def draw_surface(draws: Draws, strength: float, split: Split, half_width: float) -> Surface:
    """A surface of one of the split's kinds; flat more often the weaker.

    Args:
        half_width: of the picture, in plane coordinates, which a bottle must show.
    """
    if not draws.chance(0.5 * strength):
        return flat_surface()
    return draws.choice(_KINDS[split])(draws, strength, half_width)


@lru_cache(maxsize=1)
def flat_surface() -> Surface:
    across = _across()
    table = np.stack([across, np.zeros(KNOTS), np.ones(KNOTS)], axis=1).astype(np.float32)
    return Surface(table, upright=True, flat=True)


def _bottle(draws: Draws, strength: float, half_width: float) -> Surface:
    """A cylinder seen from a little above or below: its rings look like arcs of ellipses."""
    radius = half_width * draws.uniform(0.74, 1.9) / min(1.0, 0.5 + 0.5 * strength)
    sag = draws.normal(0.22 * strength)
    light_from, contrast = draws.uniform(-0.7, 0.7), draws.uniform(0.4, 1.0)
    share = np.clip(_across() / radius, -1, 1)
    depth = np.sqrt(1 - share**2)
    along = radius * np.arcsin(share) + np.where(np.abs(share) < 1, 0, np.sign(share) * 9)
    facing = share * light_from + depth * math.sqrt(1 - light_from**2)
    light = 1 - contrast * (1 - np.clip(facing, 0, 1)) * 0.85
    return Surface(_table(along, -sag * radius * (1 - depth), light), upright=True, edge=radius)


def _fold(draws: Draws, strength: float, half_width: float) -> Surface:
    """Creased once or twice: each part seen under its own angle, in its own light."""
    across = _across()
    along, aside, light = across.copy(), np.zeros(KNOTS), np.ones(KNOTS)
    for _ in range(1 + draws.below(2)):
        crease = draws.uniform(-0.7, 0.7) * half_width
        side = draws.sign()
        beyond = np.maximum(side * (across - crease), 0)
        steeper = draws.uniform(0.05, 0.6) * strength
        along += side * beyond * steeper
        aside += beyond * draws.normal(0.18 * strength)
        light *= np.where(beyond > 0, 1 + draws.uniform(-0.45, 0.25) * strength, 1)
    return Surface(_table(along, aside, light), upright=draws.chance(0.5))


def _wave(draws: Draws, strength: float, half_width: float) -> Surface:
    """Cloth or thin paper: a smooth wave."""
    across = _across()
    rate = draws.uniform(2.0, 6.0)
    phase = draws.uniform(0, 2 * math.pi)
    height = draws.uniform(0.03, 0.14) * strength
    slope = height * rate * np.cos(rate * across + phase)
    aside = height * np.sin(rate * across + phase)
    along = across + 0.5 * height * half_width * np.sin(rate * across + phase + 1)
    return Surface(_table(along, aside, 1 + slope * draws.uniform(0.3, 0.8)), draws.chance(0.5))


def _curl(draws: Draws, strength: float, half_width: float) -> Surface:
    """Flat on one side, rolling away on the other, as an open page does."""
    across = _across()
    side, start = draws.sign(), draws.uniform(-0.3, 0.5) * half_width
    radius = draws.uniform(0.9, 2.0) / max(strength, 0.3)
    share = np.clip((side * across - start) / radius, 0, 0.999)
    along = np.where(share > 0, side * (start + radius * np.arcsin(share)), across)
    aside = draws.normal(0.2) * radius * (1 - np.sqrt(1 - share**2))
    light = 1 - 0.6 * (1 - np.sqrt(1 - share**2))
    return Surface(_table(along, aside, light), upright=draws.chance(0.5))


_Kind = Callable[[Draws, float, float], Surface]
_TRAINING: tuple[_Kind, ...] = (_bottle, _bottle, _fold)
_JUDGING: tuple[_Kind, ...] = (_wave, _curl)
_KINDS = {
    Split.ALL: _TRAINING + _JUDGING,
    Split.TRAINING: _TRAINING,
    Split.JUDGING: _JUDGING,
}


@lru_cache(maxsize=1)
def _across() -> Floats:
    return np.linspace(-REACH, REACH, KNOTS)


def _table(along: Floats, aside: Floats, light: Floats) -> FloatArray:
    rising = np.maximum.accumulate(along)
    return np.stack([rising, aside, light], axis=1).astype(np.float32)
