"""Pictures that will recognise nothing: blank ones and very blurred ones."""

from __future__ import annotations

import numpy as np
from PIL import Image

_MEASURED_SIDE = 256
_TAIL = 0.005  # share of the pixels that are disregarded at either end of the brightness range
_BLANK_RANGE = 8  # grey levels, of 255
_LEAST_SIDE = 32  # of a picture whose sharpness can be told
_SHARPEST = 0.001  # share of the steps from pixel to pixel that make the sharpest edges
_LEAST_STEP = 0.08


def quality_warnings(image: Image.Image) -> tuple[str, ...]:
    """One sentence for each thing that makes an upright RGB picture a poor example.

    Blank: all but one in a hundred of its pixels lie within a few levels of each other, in every
    channel. Very blurred: its sharpest edges (the steepest thousandth of its steps from one pixel
    to the next, in a copy with a long side of at most 256) take less than 8 % of its range, as
    they do in a step edge blurred by a Gaussian with a standard deviation of 5 pixels:
    1 / (5 √(2π)) = 0.08.
    """
    small = _small(image)
    if _is_flat(small):
        return ("The picture is blank: nearly all of it is one colour.",)
    if min(small.size) < _LEAST_SIDE:
        return ()
    grey = small.convert("L")
    if not _has_step(grey, _LEAST_STEP * _range(grey)):
        return ("The picture is very blurred: it shows no sharp edge.",)
    return ()


def is_blank(image: Image.Image) -> bool:
    """Whether nearly all of an RGB picture is one colour, as `quality_warnings` says it."""
    return _is_flat(_small(image))


def _small(image: Image.Image) -> Image.Image:
    if max(image.size) <= _MEASURED_SIDE:
        return image
    scale = _MEASURED_SIDE / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX, reducing_gap=1.0)


def _is_flat(small: Image.Image) -> bool:
    return _range(small) <= _BLANK_RANGE


def _range(image: Image.Image) -> int:
    """Levels between the darkest and the brightest pixels, the tails disregarded; of several
    channels, those of the one with most."""
    pixels = np.cumsum(np.reshape(image.histogram(), (-1, 256)), axis=1)
    total = pixels[:, -1:]
    low, high = ((pixels < share * total).sum(axis=1) for share in (_TAIL, 1 - _TAIL))
    return int((high - low).max())


def _has_step(grey: Image.Image, least: float) -> bool:
    """Whether the sharpest thousandth of the steps are of at least so many levels."""
    levels = np.asarray(grey, np.int16)
    across = np.diff(levels, axis=1)[:-1].astype(np.int32)
    down = np.diff(levels, axis=0)[:, :-1].astype(np.int32)
    squares = across * across + down * down
    sharpest = squares.size - int((1 - _SHARPEST) * (squares.size - 1))
    return int(np.count_nonzero(squares >= least * least)) >= sharpest
