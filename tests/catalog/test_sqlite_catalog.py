"""A SQLite catalog keeps the contract."""

from pathlib import Path

import pytest

from engine.testing.catalog_contract import CatalogContract


class TestSqliteCatalog(CatalogContract):
    @pytest.fixture
    def location(self, tmp_path: Path) -> Path:
        return tmp_path / "catalog.sqlite"
