"""Vector indexes: the contract, the exact oracle, FAISS. Importing this loads no FAISS."""

from .base import VectorIndex, VectorReader
from .exact import NumpyIndex
from .faults import IndexFileError
from .index_file import load_index, save_index
from .sketched_index import SketchedIndex

__all__ = [
    "IndexFileError",
    "NumpyIndex",
    "SketchedIndex",
    "VectorIndex",
    "VectorReader",
    "load_index",
    "save_index",
]
