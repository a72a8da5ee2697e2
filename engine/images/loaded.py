"""An image that was read: its pixels, what is doubtful about it, a copy small enough to keep."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from .quality import quality_warnings
from .sniff import AVIF, HEIC, supported_format

BOUNDED_LONG_SIDE = 512
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An upright RGB picture and where it came from.

    Attributes:
        source: as text: a path, or `<bytes>`, `<array>`, `<image>`, `<file object>`.
        content_hash: SHA-256, hex, of the file's bytes; of the shape and pixels where there is no
            file (arrays, PIL images). Of a part of a picture, that of the picture's and the part.
        width, height: upright, as in the source, before any shrinking while decoding; of a part,
            the part's.
        pixels: the upright RGB picture, possibly shrunk while decoding.
        encoded: the file's bytes, or None where there are none, or more of them than the part.
        remarks: what was done to it that one would not expect, one sentence each.
        corner: the left and top of the part in its picture; 0 and 0 of a whole picture.
        whole: width and height of the picture that it is a part of; else its own.
    """

    source: str
    content_hash: str
    width: int
    height: int
    pixels: Image.Image
    encoded: bytes | None
    remarks: tuple[str, ...]
    corner: tuple[int, int]
    whole: tuple[int, int]

    def warnings(self) -> tuple[str, ...]:
        """What makes the picture a poor example of anything, one sentence each; usually nothing."""
        return (*self.remarks, *quality_warnings(self.pixels))

    def bounded_picture(self, long_side: int = BOUNDED_LONG_SIDE) -> bytes:
        """An encoded copy whose long side is at most `long_side` pixels.

        The file itself where it is within that already and takes no more than a byte a pixel of
        the bound, and is of a kind that every installation reads; else a JPEG.
        """
        if (
            self.encoded is not None
            and max(self.width, self.height) <= long_side
            and len(self.encoded) <= long_side * long_side
            and supported_format(self.encoded) not in (AVIF, HEIC)
        ):
            return self.encoded
        picture = self.pixels
        scale = long_side / max(picture.size)
        if scale < 1:
            width, height = (max(1, round(side * scale)) for side in picture.size)
            # Shrinks as sharply as a bicubic filter in less than half of Lanczos's time, which was
            # a third of what enrolling a photograph took.
            picture = picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=3.0)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        return buffer.getvalue()
