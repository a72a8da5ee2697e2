"""Numbers that no database, or no JSON, can hold: refused going in, null coming out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.server.schemas import ClassDetailOut, DecisionOut, DecisionsOut
from tests.server.conftest import png
from tests.server.test_recognition_routes import enroll

JSON = {"content-type": "application/json"}
HUGE = [str(2**53 + 1), str(2**63), str(2**64), "9" * 400, "9" * 5000, "0", "-1", "1.5", "NaN"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e300", '"inf"'])
def test_an_infinite_number_is_refused_in_a_body(client: TestClient, number: str) -> None:
    enroll(client, "cup", 1)
    for method, path, field in (
        ("PATCH", "/v1/classes/1", "pinned_threshold"),
        ("PUT", "/v1/quality/target", "target_fpir"),
        ("POST", "/v1/classes/1/merge", "class_ids"),
    ):
        content = f'{{"{field}": {f"[{number}]" if field == "class_ids" else number}}}'
        answer = client.request(method, path, content=content, headers=JSON)
        assert (answer.status_code, answer.json()["error"]) == (422, "ServiceError")


@pytest.mark.parametrize("number", HUGE)
def test_an_id_that_no_database_holds_is_not_an_internal_error(
    client: TestClient, number: str
) -> None:
    for kind in ("classes", "examples", "jobs"):
        for method in ("GET", "DELETE", "PATCH"):
            answer = client.request(method, f"/v1/{kind}/{number}", headers=JSON, content=b"{}")
            assert answer.status_code in (404, 405, 422), answer.text
    for path in (f"/v1/examples/{number}/picture", f"/v1/review/{number}/picture"):
        assert client.get(path).status_code in (404, 422)
    for query in (f"jobs?before={number}", f"jobs?limit={number}", f"classes?limit={number}"):
        assert client.get(f"/v1/{query}").status_code == 422
    content = f'{{"query_ids": [{number}]}}'
    answer = client.post("/v1/review/forget", content=content, headers=JSON)
    assert answer.status_code in (400, 422)
    files = {"images": png(1)}
    counted = client.post("/v1/recognize", files=files, data={"candidates": number})
    assert counted.status_code == 400


def test_no_answer_holds_a_number_that_json_doesnt_know() -> None:
    app = FastAPI()
    odd = (float("inf"), float("-inf"), float("nan"))

    @app.get("/decisions")
    def decisions() -> DecisionsOut:
        return DecisionsOut(
            results=[
                DecisionOut(source="a", similarity=odd[0], score=odd[1], threshold=odd[2]),
            ]
        )

    @app.get("/class")
    def detail() -> ClassDetailOut:
        now = datetime.now(UTC)
        return ClassDetailOut(
            id=1, label="a", attributes={"weight": odd[2]}, created_at=now, updated_at=now,
            threshold=odd[0], pinned_threshold=None, examples=[], neighbours=[], strangers=[],
        )  # fmt: skip

    with TestClient(app) as client:
        [found] = client.get("/decisions").json()["results"]
        assert (found["similarity"], found["score"], found["threshold"]) == (None, None, None)
        assert client.get("/class").json()["attributes"] == {"weight": None}
