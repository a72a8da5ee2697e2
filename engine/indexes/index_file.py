"""The index's file: written aside and renamed, checked before anything of it is used.

    4,096 bytes   magic, CRC-32 of what follows, the header as JSON filled up with spaces
    vectors       (rows, dim) little-endian float32, in row order, removed ones left out
    ids           (rows,) little-endian int64
    checksums     (rows,) little-endian uint32, one a vector
    sketch        FAISS's serialisation, where there is a sketch

Opening checks all of it. Vectors that a sketch covers then stay in the file, mapped, since few of
them are read by a search; the others are read into memory. A file that is open must not be written
to, only replaced, which is what saving does.

Nothing in the file is run or unpickled. It is written in the machine's byte order, which is
little-endian wherever FAISS is published for; another gives checksums that don't match.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..durability import sync_folder
from ..types import FloatArray
from .base import VectorIndex
from .checksums import row_checksums
from .faults import Fault, IndexFileError
from .fit import Fit
from .kept_sketch import KeptSketch
from .rows import Rows
from .sketched_index import SketchedIndex
from .state import State

MAGIC = b"onelook\x02"
HEADER_BYTES = 4096
CRC_BYTES = 4
CODES = 2
"""The sketch's codes. Earlier ones may be wrong where rows were removed; what has them is searched
exactly until the next compaction makes a sketch anew."""
ROWS_AT_ONCE = 16_384


class LoadedIndex(NamedTuple):
    """An index from a file, and what it is of.

    Attributes:
        opened: the index.
        generation, commit_id: of the catalog, that the index holds.
    """

    opened: SketchedIndex
    generation: int
    commit_id: str


def save_index(
    index: VectorIndex,
    path: Path,
    *,
    generation: int,
    commit_id: str,
    space: str,
    mode: int = 0o600,
) -> None:
    """Write the index as it is at this moment; writers and searches go on meanwhile.

    Durable when it returns. Whoever has the old file open or mapped goes on reading that. Callers
    see to it that no two processes save to one path at a time.

    Args:
        generation, commit_id: of the catalog, that the index holds.
        space: id of the searched space.
        mode: who may read and write the file.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    state = index.state if isinstance(index, SketchedIndex) else _copied(index)
    aside = path.with_name(path.name + ".new")
    try:
        aside.unlink(missing_ok=True)
        made = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(made, "wb") as file:
            header = {"generation": generation, "commit_id": commit_id, "space": space}
            _write(file, state, header)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def load_index(path: Path, *, space: str, dimension: int) -> LoadedIndex:
    """Open an index's file.

    Raises:
        IndexFileError: it is missing, damaged, forged, or holds another space.
    """
    try:
        with path.open("rb") as file:
            reader = _Reader(path, file)
            reader.expect("space", space)
            reader.expect("dimension", dimension)
            index = SketchedIndex.of(reader.state())
            commit = int(reader.header["generation"]), str(reader.header.get("commit_id", ""))
            return LoadedIndex(index, *commit)
    except FileNotFoundError:
        raise IndexFileError(path, Fault.MISSING, "there is no such file") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise IndexFileError(path, Fault.UNREADABLE, f"can't be read: {reason}") from None
    except IndexFileError:
        raise
    except Exception as error:  # the checksums are right, yet it isn't what this code writes
        raise IndexFileError(
            path, Fault.FORMAT, f"wasn't written by Onelook ({type(error).__name__}: {error})"
        ) from error


def _copied(index: VectorIndex) -> State:
    ids = index.ids()
    return State(Rows(index.dimension).attach(ids, index.vectors(ids)))


def _write(file: BinaryIO, state: State, header: dict[str, Any]) -> None:
    file.write(bytes(HEADER_BYTES))
    checksums = [np.empty(0, np.uint32)]
    for vectors in _live_vectors(state):
        checksums.append(row_checksums(vectors))
        file.write(vectors.data)
    ids = np.delete(state.rows.ids(), state.dead)
    sections = {"ids": ids.tobytes(), "checksums": np.concatenate(checksums).tobytes()}
    if state.refused is not None:
        header["refused"] = asdict(state.refused)
    sketch = None if state.sketch is None else state.sketch.unpacked()
    if sketch is not None:
        dead = state.dead_below(len(sketch))
        sketch = sketch.without(dead)
        header |= {"fit": asdict(sketch.fit), "covered": len(sketch), "codes": CODES}
        sections["sketch"] = sketch.to_bytes().tobytes()
    header |= {"rows": len(ids), "dimension": state.rows.dimension, "sections": {}}
    for name, data in sections.items():
        header["sections"][name] = [file.tell(), len(data), zlib.crc32(data)]
        file.write(data)
    header["bytes"] = file.tell()
    text = json.dumps(header).encode().ljust(HEADER_BYTES - len(MAGIC) - CRC_BYTES)
    file.seek(0)
    file.write(MAGIC + zlib.crc32(text).to_bytes(CRC_BYTES, "little") + text)


def _live_vectors(state: State) -> Iterator[FloatArray]:
    first = 0
    for vectors in state.rows.batches(ROWS_AT_ONCE):
        bounds = np.searchsorted(state.dead, [first, first + len(vectors)])
        yield np.delete(vectors, state.dead[slice(*bounds)] - first, axis=0)
        first += len(vectors)


class _Reader:
    """Reads an open file. Every method raises IndexFileError where the file isn't as written."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path = path
        self._file = file
        self.header = self._read_header()
        held = os.fstat(file.fileno()).st_size
        if held != self.header["bytes"]:
            raise self._error(
                Fault.TRUNCATED, f"expected {self.header['bytes']} bytes but it holds {held}"
            )

    def expect(self, name: str, wanted: Any) -> None:
        """Check that the file was written for the gallery that opens it."""
        if self.header[name] != wanted:
            raise self._error(
                Fault.STALE, f"expected vectors of {name} {wanted} but got {self.header[name]}"
            )

    def state(self) -> State:
        """The index."""
        ids = np.frombuffer(self._section("ids"), np.int64)
        checksums = np.frombuffer(self._section("checksums"), np.uint32)
        sketch: KeptSketch | None = None
        if self.header.get("codes") == CODES:
            data = np.frombuffer(self._section("sketch"), np.uint8)
            fit = Fit.from_json(self.header["fit"])
            sketch = KeptSketch(data, fit, self.header["covered"])
        covered = 0 if sketch is None else len(sketch)
        vectors = self._mapped()
        if not np.array_equal(row_checksums(vectors), checksums):
            raise self._error(Fault.DAMAGED, "its vectors were overwritten")
        rows = Rows(self.header["dimension"]).attach(ids[:covered], vectors[:covered])
        rows = rows.attach(ids[covered:], vectors[covered:].copy())
        refused = self.header.get("refused")
        return State(rows, sketch=sketch, refused=refused and Fit.from_json(refused))

    def _read_header(self) -> dict[str, Any]:
        block = self._file.read(HEADER_BYTES)
        if len(block) < HEADER_BYTES:
            raise self._error(Fault.TRUNCATED, "it ends within its header")
        if not block.startswith(MAGIC):
            raise self._error(Fault.FORMAT, "it isn't an index file of this version's format")
        crc, text = block[len(MAGIC) :][:CRC_BYTES], block[len(MAGIC) + CRC_BYTES :]
        if zlib.crc32(text) != int.from_bytes(crc, "little"):
            raise self._error(Fault.DAMAGED, "its header was overwritten")
        header: dict[str, Any] = json.loads(text)
        return header

    def _section(self, name: str) -> bytes:
        offset, length, expected = self.header["sections"][name]
        self._file.seek(offset)
        data = self._file.read(length)
        if zlib.crc32(data) != expected:
            raise self._error(Fault.DAMAGED, f"its {name} were overwritten")
        return data

    def _mapped(self) -> FloatArray:
        shape = (self.header["rows"], self.header["dimension"])
        if not shape[0]:
            return np.empty(shape, np.float32)
        return np.asarray(np.memmap(self._file, np.float32, "r", HEADER_BYTES, shape))

    def _error(self, fault: Fault, detail: str) -> IndexFileError:
        return IndexFileError(self._path, fault, detail)
