"""The index in the database keeps the index contract."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from engine.catalog.database import Database
from engine.indexes.pgvector_index import PgvectorIndex
from engine.testing.index_contract import IndexContract

_spaces = itertools.count()


class TestPgvectorIndex(IndexContract):
    @pytest.fixture(autouse=True)
    def _database(self, url: str) -> Iterator[None]:
        with Database(make_url(url)) as self.database:
            yield

    def make_index(self, dimension: int) -> PgvectorIndex:
        index = PgvectorIndex(
            dimension, self.database.index_transaction, space=f"space {next(_spaces)}"
        )
        index.make_empty()
        return index
