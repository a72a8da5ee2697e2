"""Vector indexes: the contract, the exact oracle, FAISS. Importing this loads no FAISS."""

from engine.indexes.base import VectorIndex
from engine.indexes.exact import NumpyIndex
from engine.indexes.faiss_index import FaissIndex

__all__ = ["FaissIndex", "NumpyIndex", "VectorIndex"]
