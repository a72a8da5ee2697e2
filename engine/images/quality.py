"""Pictures that will recognise nothing: blank ones and very blurred ones."""

from __future__ import annotations

import numpy as np
from PIL import Image

_MEASURED_SIDE = 256
_BLANK_RANGE = 8  # grey levels, of 255
_LEAST_SIDE = 32  # of a picture whose sharpness can be told
_LEAST_STEP = 0.08


def quality_warnings(image: Image.Image) -> tuple[str, ...]:
    """One sentence for each thing that makes an upright RGB picture a poor example.

    Blank: all but one in a hundred of its pixels lie within a few levels of each other, in every
    channel. Very blurred: its sharpest edges (the steepest thousandth of its steps from one pixel
    to the next, in a copy with a long side of at most 256) take less than 8 % of its range, as
    they do in a step edge blurred by a Gaussian with a standard deviation of 5 pixels:
    1 / (5 √(2π)) = 0.08.
    """
    small = image
    if max(image.size) > _MEASURED_SIDE:
        scale = _MEASURED_SIDE / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        small = image.resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32)
    low, high = np.percentile(pixels, (0.5, 99.5), axis=(0, 1))
    if float((high - low).max()) <= _BLANK_RANGE:
        return ("The picture is blank: nearly all of it is one colour.",)
    if min(small.size) < _LEAST_SIDE:
        return ()
    grey = pixels.mean(axis=2)
    steps = np.hypot(np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1])
    contrast = float(np.subtract(*np.percentile(grey, (99.5, 0.5))))
    if float(np.percentile(steps, 99.9)) < _LEAST_STEP * contrast:
        return ("The picture is very blurred: it shows no sharp edge.",)
    return ()
