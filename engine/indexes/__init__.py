"""Vector indexes: the contract, the exact oracle, FAISS. Importing this loads no FAISS."""

from engine.indexes.base import VectorIndex, VectorReader
from engine.indexes.exact import NumpyIndex
from engine.indexes.faults import IndexFileError
from engine.indexes.index_file import load_index, save_index
from engine.indexes.sketched_index import SketchedIndex

__all__ = [
    "IndexFileError",
    "NumpyIndex",
    "SketchedIndex",
    "VectorIndex",
    "VectorReader",
    "load_index",
    "save_index",
]
