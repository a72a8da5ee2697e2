"""Every index keeps the contract."""

from engine.indexes import NumpyIndex, SketchedIndex, VectorIndex
from engine.indexes.compaction import Limits
from engine.testing.index_contract import IndexContract


class TestNumpyIndex(IndexContract):
    def make_index(self, dimension: int) -> VectorIndex:
        return NumpyIndex(dimension)


class TestSketchedIndex(IndexContract):
    def make_index(self, dimension: int) -> VectorIndex:
        return SketchedIndex(dimension)


class TestSketchedIndexThatIsAlwaysCompacting(IndexContract):
    def make_index(self, dimension: int) -> VectorIndex:
        limits = Limits(approximate_from=30, exact_below=15, trifle=0)
        return SketchedIndex(dimension, limits=limits)
