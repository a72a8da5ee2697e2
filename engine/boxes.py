"""A box says which part of a picture is meant, and is a part of that picture's name.

What was enrolled from a part of `shelf.jpg` comes from `shelf.jpg#box=40,20,300,380`: so two boxes
in one file are two sources, and whoever enrolls the file again finds each of them.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .errors import ImageError, SettingsError

_MARK = "#box="
_LEAST_SHARE = 0.5
"""A box that lies in its picture by less of its area was drawn on another one."""

_SLACK = 1.01
"""Shares of a side may come to so much, by rounding."""

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, right and bottom, from the upper left corner of the upright picture.

    In whole pixels of the picture's source; or where neither right nor bottom is beyond 1, in
    shares of its width and height.
    """

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, given: object) -> Self:
        """A box from four numbers, or from text such as `10,20,300,400`.

        Raises:
            SettingsError: it is anything else, or encloses nothing.
        """
        if isinstance(given, cls):
            return given
        left, top, right, bottom = _four(given)
        if left >= right or top >= bottom:
            raise SettingsError(
                "expected a box x0, y0, x1, y1 with x0 < x1 and y0 < y1, but got "
                f"{_shown(given)}, which encloses nothing"
            )
        if min(right, bottom) <= 1 < _SLACK < max(right, bottom):
            raise SettingsError(
                "expected a box either in pixels or in shares from 0 to 1 of the picture's sides, "
                f"but got {_shown(given)}, which mixes them"
            )
        shares = max(right, bottom) <= _SLACK
        sides = (round(side, _DIGITS if shares else None) for side in (left, top, right, bottom))
        box = cls(*sides)
        if box.left >= box.right or box.top >= box.bottom:
            raise SettingsError(f"the box {_shown(given)} is less than a pixel across or down")
        return box

    @property
    def in_shares(self) -> bool:
        """Whether it is told in shares of the picture's sides."""
        return max(self.right, self.bottom) <= _SLACK

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.left, self.top, self.right, self.bottom

    def within(self, name: str, width: int, height: int) -> tuple[int, int, int, int]:
        """What of it lies in a picture, in whole pixels: left, top, right, bottom.

        Args:
            name: of the picture, for errors.
            width, height: of the picture, upright.

        Raises:
            ImageError: less than half of it lies there.
        """
        across, down = (width, height) if self.in_shares else (1, 1)
        left, right = round(self.left * across), round(self.right * across)
        top, bottom = round(self.top * down), round(self.bottom * down)
        inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        size = max(0, inside[2] - inside[0]), max(0, inside[3] - inside[1])
        if size[0] * size[1] < max(1, _LEAST_SHARE * (right - left) * (bottom - top)):
            raise ImageError(
                name,
                f"expected a box within its {width} × {height} pixels, but {size[0]} × {size[1]} "
                f"of the box's {right - left} × {bottom - top} lie there; boxes count in the "
                "upright picture, at full size",
            )
        return inside

    def __str__(self) -> str:
        if not self.in_shares:
            return ",".join(f"{side:.0f}" for side in self.sides)
        return ",".join(f"{side:.{_DIGITS}f}".rstrip("0").rstrip(".") for side in self.sides)


BoxLike = Box | Sequence[float] | str
"""A box as callers may give it; `Box.of` reads it."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A part of a picture, in the place of a picture wherever one is taken.

    Attributes:
        image: the picture: anything that is taken as one, but a part.
        box: the part, as `Box.of` takes it: `(x0, y0, x1, y1)` in pixels of the upright picture, or
            in shares of its sides where neither x1 nor y1 is beyond 1.

    Raises:
        SettingsError: the box is none, or the picture is a part already.
    """

    image: Any
    box: Box

    def __init__(self, image: Any, box: BoxLike) -> None:
        if isinstance(image, Crop):
            raise SettingsError(
                f"expected a picture and one box in it, but got the part {image.box} of a picture "
                "already"
            )
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "box", Box.of(box))


def boxed_source(source: str, box: Box | None) -> str:
    """The text that names a part of a source; without a box, the source's own."""
    return source if box is None else f"{source}{_MARK}{box}"


def split_source(source: str) -> tuple[str, Box | None]:
    """A source's text without its box, and the box, if it has one."""
    place, mark, told = source.rpartition(_MARK)
    if mark:
        try:
            box = Box.of(told)
        except SettingsError:
            return source, None
        if str(box) == told:
            return place, box
    return source, None


def _four(given: object) -> tuple[float, float, float, float]:
    parts: Any = given.split(",") if isinstance(given, str) else given
    try:
        values = list(parts) if isinstance(parts, Iterable) else []
        sides = [float(value) for value in values if _is_number(value)]
    except (TypeError, ValueError, OverflowError):
        values = sides = []
    if len(values) != 4 or len(sides) != 4:
        raise SettingsError(
            "expected a box as four numbers x0, y0, x1, y1 (in pixels, or in shares from 0 to 1 of "
            f"the picture's sides), but got {_shown(given)}"
        )
    if not all(math.isfinite(side) and abs(side) < 1e9 for side in sides):
        raise SettingsError(f"expected a box of finite numbers, but got {_shown(given)}")
    return sides[0], sides[1], sides[2], sides[3]


def _is_number(value: object) -> bool:
    return isinstance(value, str | numbers.Real) and not isinstance(value, bool)


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:79]}…"
