"""Vector indexes: the contract, the exact oracle, FAISS. Importing this loads no FAISS."""

from engine.indexes.base import VectorIndex, VectorReader
from engine.indexes.exact import NumpyIndex
from engine.indexes.faiss_index import FaissIndex
from engine.indexes.faults import SnapshotError
from engine.indexes.snapshot import load_snapshot, save_snapshot

__all__ = [
    "FaissIndex",
    "NumpyIndex",
    "SnapshotError",
    "VectorIndex",
    "VectorReader",
    "load_snapshot",
    "save_snapshot",
]
