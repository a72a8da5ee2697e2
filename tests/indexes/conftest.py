"""Limits so low that a test's few rows get a sketch."""

import pytest

from engine.indexes.compaction import Limits


@pytest.fixture
def low_limits() -> Limits:
    return Limits(approximate_from=200, exact_below=100, trifle=10)
