"""Random distortions of whole batches of small pictures, as one sampling pass.

Each picture is read along its own distorted grid: a random affine map and, added to it, a smooth
random displacement (Simard et al. 2003). Then its strokes are made thicker or thinner.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

_ELASTIC_KNOTS = 5  # displacement is drawn on a 5 x 5 lattice and interpolated


@dataclass(frozen=True, slots=True)
class Distortion:
    """How far pictures may be distorted; each amount is drawn uniformly from -limit to limit.

    Attributes:
        rotation: in radians.
        stretch: natural logarithm of the scale, drawn for each axis alone.
        shear: horizontal shift per vertical unit.
        shift: of the picture's half side.
        elastic: typical displacement of the lattice, of the picture's half side.
        stroke: 1 thickens bright strokes by up to a pixel each side; -1 thins them likewise.
    """

    rotation: float = 0.0
    stretch: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    stroke: float = 0.0


@dataclass(frozen=True, slots=True)
class Pose:
    """One fixed affine view, in the units of `Distortion`; the default is the plain picture."""

    rotation: float = 0.0
    scale: float = 1.0
    shear: float = 0.0
    across: float = 0.0
    down: float = 0.0


def distort(images: Tensor, size: int, limits: Distortion, generator: torch.Generator) -> Tensor:
    """A random distortion of each picture.

    Args:
        images: `(n, channels, height, width) float32`, background 0, strokes up to 1.
        size: side of the pictures returned, in pixels.

    Returns:
        `(n, channels, size, size) float32`.
    """
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    maps = _affine_maps(
        uniform(limits.rotation),
        uniform(limits.stretch).exp(),
        uniform(limits.stretch).exp(),
        uniform(limits.shear),
        uniform(limits.shift),
        uniform(limits.shift),
    )
    grid = functional.affine_grid(maps, [count, 1, size, size], align_corners=False)
    if limits.elastic:
        knots = torch.randn(count, 2, _ELASTIC_KNOTS, _ELASTIC_KNOTS, generator=generator)
        knots *= 2 * limits.elastic * torch.rand(count, 1, 1, 1, generator=generator)
        field = functional.interpolate(knots, (size, size), mode="bilinear", align_corners=True)
        grid = grid + field.permute(0, 2, 3, 1)
    distorted = functional.grid_sample(images, grid, align_corners=False)
    if limits.stroke:
        distorted = _change_strokes(distorted, uniform(limits.stroke))
    return distorted


def view(images: Tensor, size: int, pose: Pose) -> Tensor:
    """Every picture in the same pose; shapes as for `distort`."""
    count = len(images)
    full = torch.ones(count)
    maps = _affine_maps(
        full * pose.rotation,
        full * pose.scale,
        full * pose.scale,
        full * pose.shear,
        full * pose.across,
        full * pose.down,
    )
    grid = functional.affine_grid(maps, [count, 1, size, size], align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _affine_maps(
    rotation: Tensor, across: Tensor, down: Tensor, shear: Tensor, right: Tensor, below: Tensor
) -> Tensor:
    """`(n, 2, 3)`: where in the source each point of the result is read, from `(n,)` amounts."""
    cosine, sine = rotation.cos(), rotation.sin()
    first = torch.stack([cosine * across, cosine * across * shear - sine * down, right], dim=1)
    second = torch.stack([sine * across, sine * across * shear + cosine * down, below], dim=1)
    return torch.stack([first, second], dim=1)


def _change_strokes(images: Tensor, amount: Tensor) -> Tensor:
    """Blend each picture with its dilation (amount above 0) or its erosion (below)."""
    weight = amount[:, None, None, None]
    thick = functional.max_pool2d(images, 3, 1, 1)
    thin = images * functional.avg_pool2d(images, 3, 1, 1)
    target = torch.where(weight > 0, thick, thin)
    return torch.lerp(images, target, torch.where(weight > 0, weight, -0.6 * weight))
