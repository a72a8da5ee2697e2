"""Photographs made many at a time on a GPU, for training there.

Where a picture lies is drawn as `synthesize` draws it, by the same seed, and so are light and
camera. What is simpler: things beside lie flat, nothing is before the picture, a shaken and
defocused image is one blur, and nothing is compressed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from ..types import ByteArray, FloatArray
from .camera import HeldCamera, draw_camera
from .carriers import Carrier, Shape, draw_carrier
from .cutouts import Cutout
from .draws import Draws
from .grounds import draw_ground
from .lighting import Light, draw_light
from .photographs import is_cut, level_for
from .placing import Placement, place
from .surfaces import KNOTS, REACH, Split

_SIDE = 256  # of a picture's texture, stretched to a square
_LEVELS = 4
_GROUNDS = 256  # backgrounds made beforehand
_BESIDE = 2  # things beside each, at most
_KERNEL = 13


class BatchComposer:
    """Photographs of some pictures, made on one device.

    Args:
        cutouts: the pictures; they are kept on the device.
        backgrounds: `(h, w, 3) uint8` each, photographs of places; may be none.
        split: which kinds of surfaces and textures.
        size: side of the photographs in pixels.
        seed: of the backgrounds made beforehand.
    """

    def __init__(
        self,
        cutouts: Sequence[Cutout],
        device: torch.device,
        *,
        backgrounds: Sequence[ByteArray],
        split: Split,
        size: int,
        seed: int = 0,
    ) -> None:
        self._cutouts = cutouts
        self._device = device
        self._split = split
        self._size = size
        kinds = [[one.whole[0] for one in cutouts], [one.thing[0] for one in cutouts]]
        self._textures = torch.stack(
            [_stacked(pictures, _SIDE, device) for pictures in kinds], dim=1
        )
        behind = backgrounds or [one.whole[0] for one in cutouts[:_GROUNDS]]
        grounds = [
            draw_ground(Draws(seed, 8, number), size, 1.0, split, behind)
            for number in range(_GROUNDS)
        ]
        pixels = [np.clip(one, 0, 255).astype(np.uint8) for one in grounds]
        self._grounds = _stacked(pixels, size, device)

    def compose(
        self, rows: Sequence[int], seeds: Sequence[int], strengths: Sequence[float]
    ) -> tuple[Tensor, FloatArray]:
        """Photographs of those pictures.

        Returns:
            `(n, 3, size, size) float32` on the device, RGB in [0, 255]; and `(n, 4, 2) float32`,
            the corners as `synthesize` gives them.
        """
        chosen = [self._cutouts[row] for row in rows]
        asked = list(zip(chosen, seeds, strengths, strict=True))
        placements = [
            place(one, Draws(seed, 1), size=self._size, strength=strength, split=self._split)
            for one, seed, strength in asked
        ]
        cuts, carriers = [], []
        for (one, seed, strength), placement in zip(asked, placements, strict=True):
            draws = Draws(seed, 4)
            cuts.append(is_cut(one, draws))
            surface = placement.surface
            carriers.append(draw_carrier(draws, surface, one, cut=cuts[-1], strength=strength))
        scene = self._surroundings(seeds, strengths)
        seen, paper, light = self.coordinates(placements)
        scene = self._carried(scene, carriers, placements, seen, paper, light)
        texels = self.texels(rows, cuts, placements, paper)
        share = texels[:, 3:] / 255
        scene = scene * (1 - share) + texels[:, :3] * light[:, None]
        lights = [
            draw_light(
                Draws(seed, 6),
                strength,
                (float(one.centre[0]) / self._size, float(one.centre[1]) / self._size),
                one.scale * 2 / self._size,
            )
            for one, seed, strength in zip(placements, seeds, strengths, strict=True)
        ]
        cameras = [draw_camera(Draws(seed, 7), one) for _, seed, one in asked]
        generator = torch.Generator(self._device).manual_seed(int(seeds[0]) % 2**63)
        photographs = _photographed(self._lit(scene, lights), cameras, generator)
        return photographs, np.stack([one.corners for one in placements])

    def coordinates(self, placements: Sequence[Placement]) -> tuple[Tensor, Tensor, Tensor]:
        """Plane coordinates of each pixel, as seen and on the paper, `(n, 2, size, size)` each,
        and the surface's light, `(n, size, size)`."""
        size, device = self._size, self._device
        inverses = np.stack([np.linalg.inv(one.homography) for one in placements])
        middles = np.stack([[*one.centre, 1] for one in placements])
        inverses /= np.einsum("nj,nj->n", inverses[:, 2], middles)[:, None, None]
        inverse = torch.from_numpy(inverses).float().to(device)
        steps = torch.arange(size, device=device, dtype=torch.float32)
        pixels = torch.stack(
            [
                steps.expand(size, size),
                steps[:, None].expand(size, size),
                torch.ones(size, size, device=device),
            ]
        )
        projected = torch.einsum("nij,jyx->niyx", inverse, pixels)
        seen = projected[:, :2] / projected[:, 2:].clamp(min=1e-4)
        tables = torch.from_numpy(np.stack([one.surface.table for one in placements])).to(device)
        upright = _column([one.surface.upright for one in placements], device).bool()
        across = torch.where(upright, seen[:, 0], seen[:, 1])
        straight = torch.where(upright, seen[:, 1], seen[:, 0])
        knots = ((across + REACH) * ((KNOTS - 1) / (2 * REACH))).clamp(0, KNOTS - 1 - 1e-3)
        left = knots.floor().long().flatten(1)
        share = (knots.flatten(1) - left)[..., None]
        columns = left[..., None].expand(-1, -1, 3)
        read = tables.gather(1, columns) * (1 - share) + tables.gather(1, columns + 1) * share
        along, aside, light = read.view(len(placements), size, size, 3).unbind(3)
        edge = _column([one.surface.edge for one in placements], device)
        along = torch.where(across.abs() < edge, along, torch.full_like(along, 99.0))
        aside = straight + aside
        first = torch.where(upright, along, aside)
        second = torch.where(upright, aside, along)
        return seen, torch.stack([first, second], dim=1), light

    def texels(
        self,
        rows: Sequence[int],
        cuts: Sequence[bool],
        placements: Sequence[Placement],
        paper: Tensor,
    ) -> Tensor:
        """`(n, 4, size, size)`: the picture at each pixel, RGB times alpha, and alpha."""
        chosen = [self._cutouts[row] for row in rows]
        extents = torch.tensor([one.half_extents for one in chosen], device=self._device)
        grid = (paper / extents[:, :, None, None].float()).permute(0, 2, 3, 1)
        levels = np.array(
            [
                level_for(one, placement.scale * max(one.size) / _SIDE)
                for one, placement in zip(chosen, placements, strict=True)
            ]
        ).clip(0, _LEVELS)
        found = torch.empty(len(rows), 4, self._size, self._size, device=self._device)
        wanted = torch.as_tensor(np.asarray(rows, np.int64), device=self._device)
        kinds = torch.as_tensor(np.asarray(cuts, np.int64), device=self._device)
        for level in np.unique(levels):
            places = torch.as_tensor(np.flatnonzero(levels == level), device=self._device)
            pictures = self._textures[wanted[places], kinds[places]].float()
            if level:
                pictures = functional.avg_pool2d(pictures, 2 ** int(level))
            found[places] = functional.grid_sample(pictures, grid[places], align_corners=False)
        return found

    def _surroundings(self, seeds: Sequence[int], strengths: Sequence[float]) -> Tensor:
        """`(n, 3, size, size)`: a background made beforehand, and things beside, lying flat."""
        draws = [Draws(seed, 9) for seed in seeds]
        numbers = torch.tensor([one.below(len(self._grounds)) for one in draws])
        scene = self._grounds[numbers.to(self._device)].float()
        for _ in range(_BESIDE):
            rows = [one.below(len(self._cutouts)) for one in draws]
            shown = [
                one.chance(0.4 * min(strength, 1))
                for one, strength in zip(draws, strengths, strict=True)
            ]
            maps = np.stack(
                [_flat_map(one, self._cutouts[row]) for one, row in zip(draws, rows, strict=True)]
            )
            grid = functional.affine_grid(
                torch.from_numpy(maps).float().to(self._device),
                [len(rows), 4, self._size, self._size],
                align_corners=False,
            )
            pictures = self._textures[torch.as_tensor(rows, device=self._device), 1].float()
            texels = functional.grid_sample(
                functional.avg_pool2d(pictures, 2), grid, align_corners=False
            )
            share = texels[:, 3:] / 255 * _column(shown, self._device)[:, None]
            unlit = texels[:, :3] * _column(shown, self._device)[:, None]
            scene = scene * (1 - share) + unlit
        return scene

    def _carried(
        self,
        scene: Tensor,
        carriers: Sequence[Carrier | None],
        placements: Sequence[Placement],
        seen: Tensor,
        paper: Tensor,
        light: Tensor,
    ) -> Tensor:
        """The scene with what carries each picture; see `Carrier`."""
        places = [number for number, one in enumerate(carriers) if one is not None]
        if not places:
            return scene
        there = [one for one in carriers if one is not None]
        scales = _column([placements[number].scale for number in places], self._device)

        def of(name: str) -> Tensor:
            return _column([float(getattr(one, name)) for one in there], self._device)

        bottle, disc = of("shape") == Shape.BOTTLE, of("shape") == Shape.DISC
        across, down = torch.where(bottle[:, None], seen[places], paper[places]).unbind(1)
        above = ((-of("shoulder") - (down - of("middle"))) / 0.7).clamp(0, 1)
        narrow = 1 - of("neck") * above * above * (3 - 2 * above)
        share = across / (of("across") * narrow)
        height = (down - of("middle")) / of("down")
        round_ = (share**2 + height**2).sqrt()
        outside = torch.where(disc, round_, torch.maximum(share.abs(), height.abs()))
        edge = torch.minimum(of("across"), of("down")) * scales
        mask = ((1 - outside) * edge + 0.5).clamp(0, 1) * of("cover")
        curved = 0.3 + 0.7 * (1 - share**2).clamp(0, 1).sqrt()
        curved = curved + 0.5 * (-(((share + 0.45) / 0.1) ** 2)).exp()
        lit = torch.where(bottle, curved, light[places]).clamp(0, 1.6)
        colours = torch.from_numpy(np.stack([one.colour for one in there])).float()
        body = colours.to(self._device)[:, :, None, None] * lit[:, None]
        scene = scene.clone()
        scene[places] += (body - scene[places]) * mask[:, None]
        return scene

    def _lit(self, scene: Tensor, lights: Sequence[Light]) -> Tensor:
        size = (self._size, self._size)
        gains = torch.from_numpy(np.stack([one.gain for one in lights])).permute(0, 3, 1, 2)
        glares = torch.from_numpy(np.stack([one.glare for one in lights]))[:, None]
        gain, glare = (
            functional.interpolate(part.to(self._device), size, mode="bilinear")
            for part in (gains, glares)
        )
        lit = scene * gain
        return lit + (255 - lit * 0.5) * glare


def _photographed(
    scene: Tensor, cameras: Sequence[HeldCamera], generator: torch.Generator
) -> Tensor:
    """`(n, 3, size, size)` in [0, 255]: what the cameras make of the scenes."""
    count, _, size, _ = scene.shape
    device = scene.device
    kernels = torch.from_numpy(np.stack([_blur(one, size) for one in cameras])).to(device)
    flat = scene.clamp(0, 255).reshape(1, count * 3, size, size)
    weights = kernels[:, None].repeat_interleave(3, dim=0)
    padded = functional.pad(flat, (_KERNEL // 2,) * 4, mode="reflect")
    blurred = functional.conv2d(padded, weights, groups=count * 3)
    seen = blurred.view(count, 3, size, size) / 255

    def of(name: str) -> Tensor:
        return _column([float(getattr(one, name)) for one in cameras], device)[:, None]

    toned = 0.5 + (seen.clamp(0, 1) ** of("gamma") - 0.5) * of("contrast")
    toned = (of("lift") + (1 - of("lift")) * toned).clamp(0, 1)
    weights = torch.tensor([0.299, 0.587, 0.114], device=device).view(1, 3, 1, 1)
    grey = (toned * weights).sum(1, keepdim=True)
    coloured = grey + (toned - grey) * of("saturation")
    fine, tint = (
        torch.randn(count, channels, size, size, device=device, generator=generator)
        for channels in (1, 3)
    )
    noise = (0.85 * fine + 0.5 * tint) * of("noise") * (0.6 + 0.8 * grey)
    return ((coloured + noise) * 255).clamp(0, 255)


def _blur(camera: HeldCamera, size: int) -> FloatArray:
    """`(_KERNEL, _KERNEL) float32`: defocus, shake and few pixels, as one normal distribution."""
    focus = (camera.defocus * size) ** 2 + (0.4 * (1 / camera.resolution - 1)) ** 2 + 0.05
    shaken = focus + (camera.shake * size) ** 2 / 12
    at = np.arange(_KERNEL) - _KERNEL // 2
    x, y = np.meshgrid(at, at)
    cosine, sine = math.cos(camera.shake_turn), math.sin(camera.shake_turn)
    along, aside = x * cosine + y * sine, y * cosine - x * sine
    kernel = np.exp(-(along**2) / (2 * shaken) - aside**2 / (2 * focus))
    return np.asarray(kernel / kernel.sum(), np.float32)


def _flat_map(draws: Draws, cutout: Cutout) -> FloatArray:
    """`(2, 3)`: from a photograph's coordinates to a picture's, both in [-1, 1]."""
    turn, half = draws.normal(math.radians(25)), draws.log_uniform(0.16, 0.7)
    x, y = draws.uniform(-1.2, 1.2), draws.uniform(-1.2, 1.2)
    width, height = cutout.half_extents
    cosine, sine = math.cos(turn) / half, math.sin(turn) / half
    rows = [
        [cosine / width, sine / width, -(cosine * x + sine * y) / width],
        [-sine / height, cosine / height, (sine * x - cosine * y) / height],
    ]
    return np.array(rows, np.float32)


def _stacked(pictures: Sequence[ByteArray], side: int, device: torch.device) -> Tensor:
    """`(n, channels, side, side) uint8` on the device, each stretched to the square."""
    resized = []
    for picture in pictures:
        channels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
        square = functional.interpolate(
            channels, (side, side), mode="bilinear", antialias=True, align_corners=False
        )
        resized.append(square.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(resized).to(device)


def _column(values: Sequence[float], device: torch.device) -> Tensor:
    """`(n, 1, 1) float32`."""
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
