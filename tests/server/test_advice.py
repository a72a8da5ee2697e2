"""What a shop should do next: another picture here, a merge there."""

from __future__ import annotations

from fastapi.testclient import TestClient

from engine.recognizer import Recognizer
from tests.server.conftest import png


def test_nothing_is_advised_about_an_empty_gallery(client: TestClient) -> None:
    found = client.get("/v1/quality/advice").json()
    assert (found["second_picture"], found["confused"], found["looked_at"]) == ([], [], 0)


def test_missed_classes_come_first_and_mixed_up_ones_are_paired(
    client: TestClient, opened: Recognizer
) -> None:
    for seed in range(12):
        opened.enroll(f"thing {seed}", png(seed))
    opened.enroll("twin", png(4, 64))  # the same picture, larger
    opened.enroll("thing 9", png(30))
    client.post("/v1/feedback", data={"label": "thing 7"}, files={"image": png(99)})

    found = client.get("/v1/quality/advice").json()

    assert found["second_picture"][0]["label"] == "thing 7"
    assert found["second_picture"][0]["missed"] == 1
    assert "thing 9" not in [needy["label"] for needy in found["second_picture"]]
    [pair] = [pair for pair in found["confused"] if "twin" in (pair["label"], pair["other"])]
    assert {pair["label"], pair["other"]} == {"thing 4", "twin"}
    assert pair["similarity"] > 0.97
    assert (found["single"], found["looked_at"], found["feedback"]) == (12, 14, 1)
