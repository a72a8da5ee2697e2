"""Every index keeps the contract."""

from engine.indexes import FaissIndex, NumpyIndex, VectorIndex
from engine.testing.index_contract import IndexContract


class TestNumpyIndex(IndexContract):
    def make_index(self, dimension: int) -> VectorIndex:
        return NumpyIndex(dimension)


class TestFaissIndex(IndexContract):
    def make_index(self, dimension: int) -> VectorIndex:
        return FaissIndex(dimension)
