"""Random histories of a SQLite catalog."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

from engine.testing.catalog_machine import CatalogMachine


class SqliteMachine(CatalogMachine):
    def make_location(self) -> Path:
        self._folder = tempfile.TemporaryDirectory()
        return Path(self._folder.name) / "catalog.sqlite"

    def teardown(self) -> None:
        super().teardown()
        self._folder.cleanup()


TestHistories = SqliteMachine.TestCase
TestHistories.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
