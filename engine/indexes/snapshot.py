"""The index's snapshot file (provisional: to be replaced by the checksummed, mapped format)."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path

import numpy as np

from engine.indexes.base import VectorIndex
from engine.indexes.faiss_index import FaissIndex


class SnapshotError(Exception):
    """A snapshot can't be used; the index must be made anew."""


def save_snapshot(index: VectorIndex, path: Path, *, generation: int, space: str) -> None:
    """Write aside, sync, rename."""
    ids = index.ids()
    buffer = io.BytesIO()
    np.savez(buffer, ids=ids, vectors=index.vectors(ids), generation=generation, space=space)
    data = buffer.getvalue()
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        file.write(zlib.crc32(data).to_bytes(4, "little") + data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def load_snapshot(path: Path, *, space: str, dimension: int) -> tuple[VectorIndex, int]:
    """Read back, or raise SnapshotError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{path}: can't be read: {error.strerror}") from None
    if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "little"):
        raise SnapshotError(f"{path}: is damaged")
    with np.load(io.BytesIO(data[4:]), allow_pickle=False) as arrays:
        if str(arrays["space"]) != space:
            raise SnapshotError(f"{path}: is of another space")
        index = FaissIndex(dimension)
        index.add(arrays["ids"], arrays["vectors"])
        return index, int(arrays["generation"])
