"""The OpenAPI document is true to what is served: generated requests get documented answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from engine.testing.fake_backbone import FakeBackbone
from tests.server.conftest import png, running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> object:
    path: Path = tmp_path_factory.mktemp("openapi") / "g.gallery"
    with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
        for seed in range(5):
            recognizer.enroll(f"thing {seed}", png(seed))
        with running(recognizer, ServerOptions(rate=0, keep_unknown=5)) as service:
            yield openapi.from_url(f"{service.url}/openapi.json")


def test_who_may_not_is_answered_as_documented(schema: Any) -> None:
    open_to_anybody = ("/healthz", "/readyz", "/v1/session")
    for path, item in schema.raw_schema["paths"].items():
        for method, operation in item.items():
            if path not in open_to_anybody:
                assert {"401", "403", "429"} <= set(operation["responses"]), (method, path)


def test_generated_requests_get_documented_answers(schema: Any) -> None:
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:
        if operation.path.endswith("/events"):
            continue  # it ends with its job only

        @given(case=operation.as_strategy())
        @settings(
            max_examples=10,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answered(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        answered()
