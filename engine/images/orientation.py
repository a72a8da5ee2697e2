"""The orientation that a camera noted in a picture's EXIF data, or a program in its XMP.

Read here rather than by Pillow, which parses every EXIF tag to find this one and warns about each
that is damaged; pictures with damaged EXIF data are common and are perfectly good pictures.
Sources: EXIF 2.32 (CIPA DC-008), section 4.6.4, tag 0x0112; its structure is that of TIFF 6.0.
XMP specification, part 2, section 3.4: `tiff:Orientation`, as an attribute or an element.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

from PIL import Image

_ORIENTATION = 0x0112
_SHORT = 3
_EXIF_HEADER = b"Exif\0\0"
_XMP_ORIENTATION = re.compile(r"""tiff:Orientation(?:\s*=\s*["']|\s*>\s*)([1-8])\b""")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture turned and mirrored so that its top is up; as it is for unknown orientations."""
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def swaps_sides(orientation: int) -> bool:
    """Whether turning the picture upright exchanges its width and height."""
    return orientation in (5, 6, 7, 8)


def orientation_of(info: Mapping[Any, Any]) -> int:
    """The orientation that Pillow's `info` of a picture tells: EXIF's, or else XMP's."""
    told = _exif_orientation(info.get("exif"))
    if told is None:
        told = _xmp_orientation(info.get("xmp") or info.get("XML:com.adobe.xmp"))
    return told or 1


def exif_orientation(exif: object) -> int:
    """The orientation in a block of EXIF data, 1 to 8; 1 (as it is) where there is none."""
    return _exif_orientation(exif) or 1


def _xmp_orientation(xmp: object) -> int | None:
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else xmp
    found = _XMP_ORIENTATION.search(text) if isinstance(text, str) else None
    return None if found is None else int(found[1])


def _exif_orientation(exif: object) -> int | None:
    if not isinstance(exif, bytes):
        return None
    try:
        return _first_directory_orientation(exif.removeprefix(_EXIF_HEADER))
    except struct.error:  # shorter than it says
        return None


def _first_directory_orientation(tiff: bytes) -> int | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    (start,) = struct.unpack_from(order + "L", tiff, 4)
    (entries,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(entries):
        offset = start + 2 + 12 * entry
        tag, kind, count = struct.unpack_from(order + "HHL", tiff, offset)
        if tag == _ORIENTATION:
            (value,) = struct.unpack_from(order + "H", tiff, offset + 8)
            return int(value) if kind == _SHORT and count == 1 and 1 <= value <= 8 else None
    return None
