"""Random histories of a PostgreSQL catalog."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.catalog import Catalog
from engine.testing.catalog_machine import CatalogMachine
from tests.postgres.conftest import NewSchema


@pytest.mark.slow
def test_random_histories_leave_what_the_model_holds(new_schema: NewSchema) -> None:
    class PostgresMachine(CatalogMachine):
        def make_location(self) -> str:
            url = new_schema()
            Catalog.upgrade(url)
            return url

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        PostgresMachine,
        settings=settings(
            max_examples=6,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
