"""A PostgreSQL catalog keeps the contract."""

import pytest

from engine.testing.catalog_contract import CatalogContract


class TestPostgresCatalog(CatalogContract):
    @pytest.fixture
    def location(self, url: str) -> str:
        return url
