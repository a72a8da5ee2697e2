"""What carries a picture: the card it is printed on, the case around it, the bottle it is on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ..types import FloatArray
from .cutouts import Cutout
from .draws import Draws
from .grounds import colour
from .surfaces import REACH, Surface

Floats = npt.NDArray[np.float32]


class Shape(IntEnum):
    """A carrier's outline."""

    CARD = 0
    DISC = 1
    BOTTLE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Carrier:
    """A thing of one colour that a picture is on; lengths are plane coordinates.

    Attributes:
        shape: its outline. A card's and a disc's lie in the paper, bent with it; a bottle's
            is what is seen, upright.
        across, down: half of its width and of its height.
        middle: where it is, below the picture's middle.
        neck: a bottle's neck is narrower by this share, in [0, 1); a can has none.
        shoulder: where the neck begins, above the bottle's middle.
        colour: `(3,) float32`, 0 to 255.
        cover: how much of what is behind it hides, in (0, 1]; glass lets some through.
    """

    shape: Shape
    across: float
    down: float
    middle: float
    neck: float
    shoulder: float
    colour: FloatArray
    cover: float = 1.0

    def drawn_over(
        self,
        scene: FloatArray,
        seen: tuple[Floats, Floats],
        paper: tuple[Floats, Floats],
        light: Floats,
        scale: float,
    ) -> FloatArray:
        """The scene `(h, w, 3)` with the carrier in it.

        Args:
            seen, paper: `(h, w)` each, plane coordinates of each pixel: as seen, and on the paper.
            light: `(h, w)`, what the surface sends back there.
            scale: pixels to a unit.
        """
        if self.shape is Shape.BOTTLE:
            across, down = seen
            narrow = 1 - self.neck * _smooth((-self.shoulder - (down - self.middle)) / 0.7)
            share = across / (self.across * narrow)
            light = np.float32(0.3) + np.float32(0.7) * np.sqrt(np.clip(1 - share**2, 0, 1))
            lamp = np.exp(-(((share + 0.45) / 0.1) ** 2))  # reflected along its side
            light = np.asarray(light + 0.5 * lamp, np.float32)
        else:
            across, down = paper
            share = across / self.across
        height = (down - self.middle) / self.down
        if self.shape is Shape.DISC:
            outside = np.sqrt(share**2 + height**2)
        else:
            outside = np.maximum(np.abs(share), np.abs(height))
        edge = min(self.across, self.down) * scale
        mask = np.clip((1 - outside) * edge + 0.5, 0, 1) * np.float32(self.cover)
        body = self.colour * np.clip(light, 0, 1.6)[..., None]
        return np.asarray(scene + (body - scene) * mask[..., None], np.float32)


def draw_carrier(
    draws: Draws, surface: Surface, cutout: Cutout, *, cut: bool, strength: float
) -> Carrier | None:
    """A carrier that suits the picture, or none.

    Args:
        cut: whether the picture is without its ground, and so needs one oftener.
    """
    width, height = cutout.half_extents
    shade = np.minimum(colour(draws) * np.float32(draws.uniform(0.7, 1.2)), 255)
    if surface.edge < REACH:
        if not draws.chance(0.9):
            return None
        bottle = draws.chance(0.6)
        tall = height * draws.log_uniform(1.05, 3.5)
        return Carrier(
            Shape.BOTTLE,
            across=surface.edge,
            down=tall * (1.6 if bottle else 1.0),
            middle=draws.uniform(-0.3, 0.3) * (tall - height) - (0.5 * tall if bottle else 0),
            neck=draws.uniform(0.45, 0.7) if bottle else 0.0,
            shoulder=draws.uniform(0.1, 0.5) * tall - 0.5 * tall if bottle else 0.0,
            colour=shade,
            cover=draws.choice((1.0, 1.0, 0.8)),
        )
    if not draws.chance((0.6 if cut else 0.3) * strength):
        return None
    margin = draws.uniform(1.02, 1.4) if cut else draws.uniform(1.02, 1.12)
    disc = cut and not cutout.is_rectangular and draws.chance(0.4)
    if disc:
        margin *= math.hypot(width, height) / max(width, height)
        width = height = max(width, height)
    shape = Shape.DISC if disc else Shape.CARD
    return Carrier(shape, width * margin, height * margin, 0.0, 0.0, 0.0, _apart(shade, cutout))


def _apart(shade: FloatArray, cutout: Cutout) -> FloatArray:
    """A colour that the picture stands out from."""
    small = cutout.thing[-1].reshape(-1, 4).astype(np.float32)
    mean = small[:, :3].sum(axis=0) / max(float(small[:, 3].sum()) / 255, 1)
    if abs(float(mean.mean() - shade.mean())) > 50:
        return shade
    return shade * np.float32(0.2) if mean.mean() > 127 else 255 - (255 - shade) * np.float32(0.2)


def _smooth(share: Floats) -> Floats:
    bounded = np.clip(share, 0, 1)
    return np.asarray(bounded * bounded * (3 - 2 * bounded), np.float32)
