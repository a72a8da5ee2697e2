"""Writing synthetic photographs to a folder, for people to look at and as labelled queries.

queries/LABEL/NAME-0.jpg ...   the photographs
photographs.jsonl              of each: path, label, corners, source and seed; a manifest
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import StorageError
from ..types import ByteArray
from .cutouts import Cutout, cut_out
from .photographs import synthesize
from .surfaces import Split

QUERIES = "queries"
LISTING = "photographs.jsonl"
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class Photographing:
    """How pictures are photographed.

    Attributes:
        per_picture: photographs of each.
        seed: of everything random. A photograph depends on it, on the picture's label and number
            within its class, and on what else is in the scene.
        size: side of a photograph in pixels.
        strength: see `synthesize`.
        split: see `synthesize`.
    """

    per_picture: int = 4
    seed: int = 0
    size: int = 480
    strength: float = 1.0
    split: Split = Split.ALL


def write_photographs(
    pictures: Iterable[tuple[str, str, ByteArray]],
    out: Path,
    how: Photographing,
    *,
    others: Sequence[Cutout] = (),
    backgrounds: Sequence[ByteArray] = (),
) -> int:
    """Photograph each picture and write what came of it; returns how many there are.

    Args:
        pictures: label, source and pixels `(h, w, 3) uint8` of each; read one at a time.
        others, backgrounds: see `synthesize`.

    Raises:
        StorageError: the folder can't be written.
    """
    written = 0
    numbers: dict[str, int] = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / LISTING).open("w", encoding="utf-8") as listing:
            for label, source, pixels in pictures:
                cutout = cut_out(pixels, how.size)
                for _ in range(how.per_picture):
                    number = numbers.get(label, 0)
                    numbers[label] = number + 1
                    seed = seed_of(how.seed, label, number)
                    photograph = synthesize(
                        cutout,
                        seed,
                        others=others,
                        backgrounds=backgrounds,
                        strength=how.strength,
                        size=how.size,
                        split=how.split,
                    )
                    path = Path(QUERIES) / _folder_name(label) / f"{number:03}.jpg"
                    _write(photograph.pixels, out / path)
                    row = {
                        "path": path.as_posix(),
                        "label": label,
                        "corners": np.round(photograph.corners, 2).tolist(),
                        "source": source,
                        "seed": seed,
                    }
                    listing.write(json.dumps(row, ensure_ascii=False) + "\n")
                    written += 1
    except OSError as error:
        raise StorageError(f"{out}: photographs can't be written there: {error}") from error
    return written


def seed_of(seed: int, label: str, number: int) -> int:
    """A seed of a class's own, the same in every run and on every machine."""
    return zlib.crc32(f"{seed}\n{label}\n{number}".encode())


def _folder_name(label: str) -> str:
    name = label.replace("/", "_").replace("\\", "_")
    return f"_{name}" if name.startswith(".") else name


def _write(pixels: ByteArray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=_QUALITY)
