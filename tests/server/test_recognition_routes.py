"""Recognising over HTTP answers as the library does, and refuses with its messages."""

import threading
from datetime import UTC, datetime

import numpy as np
import pytest
from fastapi.testclient import TestClient

from engine.catalog.service.query_sums import QuerySumsStore
from engine.decision.siamese import SiameseHead
from engine.decision.trained_head import TrainedHead
from engine.errors import ImageError, UnavailableError
from engine.images import load_image
from engine.recognizer import Recognizer
from tests.conftest import Held
from tests.server.conftest import client_of, png


def enroll(client: TestClient, label: str, seed: int) -> dict:
    answer = client.post("/v1/classes", data={"label": label}, files={"image": png(seed)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def recognize(client: TestClient, *seeds: int) -> list[dict]:
    files = [("images", (f"{seed}.png", png(seed))) for seed in seeds]
    answer = client.post("/v1/recognize", files=files)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_an_enrolled_picture_is_recognised_and_a_stranger_is_not(client: TestClient) -> None:
    for seed in range(20):
        enroll(client, f"thing {seed}", seed)

    known, unknown = recognize(client, 3, 99)

    assert (known["label"], known["known"], known["reason"]) == ("thing 3", True, "accepted")
    assert known["similarity"] > 0.9999
    assert known["source"] == "<upload 3.png>"
    assert (unknown["label"], unknown["reason"]) == (None, "below_threshold")
    assert unknown["score"] < unknown["threshold"]


def test_the_answer_is_the_librarys(client: TestClient, opened: Recognizer) -> None:
    for seed in range(12):
        enroll(client, f"thing {seed}", seed)

    [answer] = recognize(client, 40)
    decision = opened.recognize(png(40)).to_json()

    for key in ("label", "reason", "similarity", "score", "threshold", "margin", "calibration"):
        assert answer[key] == decision[key]
    labels = [candidate["label"] for candidate in answer["candidates"]]
    assert labels == [candidate["label"] for candidate in decision["candidates"]]


def test_blas_wakes_no_threads_while_a_service_runs(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They spin for a tenth of a second after each product, on cores that callers need."""
    alone = Held()
    monkeypatch.setattr("engine.server.service.every_core_busy", alone)
    with client_of(opened):
        assert alone.now == 1
    assert alone.now == 0


def test_nothing_is_known_in_an_empty_gallery(client: TestClient) -> None:
    [answer] = recognize(client, 1)
    assert (answer["label"], answer["reason"], answer["candidates"]) == (None, "empty_gallery", [])


def test_a_picture_that_cant_be_read_is_refused_with_the_librarys_words(client: TestClient) -> None:
    try:
        load_image(b"%PDF-1.7")
    except ImageError as error:
        reason = error.reason

    answer = client.post("/v1/recognize", files={"images": ("bill.pdf", b"%PDF-1.7")})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"] == "ImageError"
    assert answer.json()["detail"] == f"<upload bill.pdf>: {reason}"


def test_one_bad_picture_doesnt_spoil_the_others(client: TestClient) -> None:
    enroll(client, "thing", 1)
    files = [("images", ("a.png", png(1))), ("images", ("b.png", b"no picture"))]

    good, bad = client.post("/v1/recognize", files=files).json()["results"]

    assert (good["label"], good["error"]) == ("thing", None)
    assert bad["label"] is None
    assert "no picture" in bad["error"] or "text" in bad["error"]


def test_nearest_lists_as_many_classes_as_asked_for(client: TestClient) -> None:
    for seed in range(10):
        enroll(client, f"thing {seed}", seed)

    answer = client.post("/v1/nearest", files={"images": png(4)}, data={"k": "3"})

    [result] = answer.json()["results"]
    assert len(result["candidates"]) == 3
    assert result["candidates"][0]["label"] == "thing 4"
    similarities = [candidate["similarity"] for candidate in result["candidates"]]
    assert similarities == sorted(similarities, reverse=True)


def test_nearest_is_by_similarity_whatever_head_is_in_force(
    client: TestClient, opened: Recognizer
) -> None:
    """The service ranked by the Siamese head where `Recognizer.nearest` does not."""
    for seed in range(10):
        enroll(client, f"thing {seed}", seed)
    space = opened.gallery.snapshot().space_id
    dimension = opened.gallery.snapshot().projection.dimension
    upside_down = TrainedHead(
        siamese=SiameseHead(np.full(dimension, 50.0, np.float32), -3.0),
        active=True,
        least_probability=0.5,
        method="a test",
        classes=10,
        generation=1,
        created_at=datetime.now(UTC),
    )
    opened.gallery.heads.use(upside_down, space)
    asked = png(50)

    [served] = client.post("/v1/nearest", files={"images": asked}).json()["results"]

    expected = opened.nearest(asked)
    assert [c["label"] for c in served["candidates"]] == [c.label for c in expected]
    by_head = opened.recognize(asked).candidates
    assert [c.label for c in by_head] != [c.label for c in expected]  # so there is a difference


def test_verify_compares_two_pictures(client: TestClient) -> None:
    for seed in range(10):
        enroll(client, f"thing {seed}", seed)

    def verify(first: int, second: int) -> dict:
        return client.post("/v1/verify", files={"first": png(first), "second": png(second)}).json()

    assert verify(50, 50)["same"] is True
    assert verify(50, 51)["similarity"] < 0.99


def test_too_many_pictures_at_once_are_refused(client: TestClient) -> None:
    files = [("images", ("a.png", png(1)))] * 65
    answer = client.post("/v1/recognize", files=files)
    assert answer.status_code in (400, 413)
    assert "64" in answer.json()["detail"] or "Too many files" in answer.json()["detail"]


def test_a_form_without_pictures_says_what_is_missing(client: TestClient) -> None:
    for call in (
        {"data": {"images": "text"}},
        {"files": {"other": png(1)}},
        {"json": {"images": []}},
        {},
    ):
        answer = client.post("/v1/recognize", **call)
        assert answer.status_code == 400, answer.text
        assert "expected" in answer.json()["detail"]


def test_feedback_tells_right_from_wrong(client: TestClient) -> None:
    for seed in range(20):
        enroll(client, f"thing {seed}", seed)

    def say(seed: int, **label: str) -> dict:
        answer = client.post("/v1/feedback", files={"image": png(seed)}, data=label)
        assert answer.status_code == 200, answer.text
        return answer.json()

    said = say(3, label="thing 3")
    assert said == {"id": 1, "label": "thing 3", "decided": "thing 3", "right": True}
    assert say(3, label="thing 4")["right"] is False
    assert say(99)["right"] is True
    assert say(99, label="thing 5")["right"] is False
    counts = client.get("/v1/quality").json()["feedback"]
    assert counts == {"right": 2, "misnamed": 1, "missed": 1, "strangers_named": 0}

    assert client.delete(f"/v1/feedback/{said['id']}").status_code == 204
    assert client.delete(f"/v1/feedback/{said['id']}").status_code == 404
    counts = client.get("/v1/quality").json()["feedback"]
    assert counts == {"right": 1, "misnamed": 1, "missed": 1, "strangers_named": 0}


def test_an_explanation_shows_how_near_other_things_come(client: TestClient) -> None:
    for seed in range(12):
        enroll(client, f"thing {seed}", seed)

    found = client.post("/v1/explain", files={"image": ("3.png", png(3, 96))}).json()

    assert found["decision"]["label"] == "thing 3"
    assert found["decision"]["source"] == "<upload 3.png>"
    assert "'thing 3'" in found["because"][0]
    assert found["impostors"]["edges"] == found["genuine"]["edges"]
    assert sum(found["impostors"]["counts"]) >= 11
    assert found["matches"] is None  # four plain colours have no points to match
    refused = client.post("/v1/explain", files={"image": ("bill.pdf", b"%PDF-1.7")})
    assert refused.status_code == 422
    assert "bill.pdf" in refused.json()["detail"]


def test_a_live_cameras_frames_are_not_kept_for_review(client: TestClient) -> None:
    enroll(client, "thing", 1)
    client.post("/v1/recognize", files={"images": png(98)}, data={"keep": "false"})
    assert client.get("/v1/review").json()["total"] == 0
    client.post("/v1/recognize", files={"images": png(98)})
    assert client.get("/v1/review").json()["total"] == 1


def test_feedback_names_only_classes_that_are_there(client: TestClient) -> None:
    enroll(client, "thing", 1)
    answer = client.post("/v1/feedback", files={"image": png(1)}, data={"label": "thin"})
    assert answer.status_code == 404
    assert "did you mean 'thing'?" in answer.json()["detail"]


def test_the_service_answers_while_it_embeds(
    client: TestClient, opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    embed = opened.embedder.embed_prepared

    def slowly(prepared: list) -> object:
        begun.set()
        assert go_on.wait(60)
        return embed(prepared)

    monkeypatch.setattr(opened.embedder, "embed_prepared", slowly)
    answers: list = []
    waiting = threading.Thread(target=lambda: answers.append(recognize(client, 1)))
    waiting.start()
    assert begun.wait(60)
    assert client.get("/healthz").status_code == 200
    assert client.get("/v1/classes").status_code == 200
    assert answers == []
    go_on.set()
    waiting.join()
    assert answers[0][0]["reason"] == "empty_gallery"


def test_feedback_follows_its_class(client: TestClient, opened: Recognizer) -> None:
    made = [enroll(client, f"thing {seed}", seed) for seed in range(20)]
    client.post("/v1/feedback", files={"image": png(3)}, data={"label": "thing 3"})
    client.post("/v1/feedback", files={"image": png(3, 64)}, data={"label": "thing 4"})
    path = "/v1/classes/{}"

    client.patch(path.format(made[3]["class_id"]), json={"label": "kettle"})
    client.post(
        f"{path.format(made[5]['class_id'])}/merge", json={"class_ids": [made[4]["class_id"]]}
    )

    said = opened.gallery.catalog.service.review.verdicts(opened.backbone.space.id)
    assert said == [("kettle", "kettle"), ("thing 5", "kettle")]


def test_the_service_counts_what_it_does(client: TestClient) -> None:
    enroll(client, "thing", 1)
    recognize(client, 1, 77)
    client.post("/v1/recognize", files={"images": b"nothing"})
    client.post("/v1/nearest", files={"images": png(1)})
    client.post("/v1/feedback", files={"image": png(1)}, data={"label": "thing"})

    text = client.get("/metrics").text

    assert 'onelook_decisions_total{outcome="known"} 1.0' in text
    assert 'onelook_decisions_total{outcome="unknown"} 1.0' in text
    assert 'onelook_errors_total{error="ImageError"} 1.0' in text
    assert 'onelook_stage_seconds_count{stage="embed"}' in text
    assert 'route="/v1/recognize"' in text
    assert "onelook_queue_pictures 0.0" in text
    assert "onelook_classes 1.0" in text
    assert "onelook_queries_different 0.0" in text


def test_where_queries_sit_is_counted_and_told(client: TestClient) -> None:
    for seed in range(30):
        enroll(client, f"thing {seed}", seed)
    for start in range(100, 260, 40):
        recognize(client, *range(start, start + 40))
    told = client.get("/v1/quality").json()["queries"]
    assert 60 <= told["queries"] <= 160
    assert (told["moved"], told["alarm"]) == (None, False)
    assert told["distance"] > 0
    text = client.get("/metrics").text
    assert f"onelook_queries_different {told['queries']:.1f}" in text
    assert f"onelook_query_drift {told['distance']}" in text
    assert "onelook_queries_left_calibration 0.0" in text


def test_metrics_are_told_while_the_database_is_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise UnavailableError("the server can't be reached")

    enroll(client, "thing", 1)
    monkeypatch.setattr(QuerySumsStore, "read", away)
    assert "onelook_classes 1.0" in client.get("/metrics").text


def test_attributes_come_back_and_a_filter_is_applied_to_its_caller_alone(
    client: TestClient,
) -> None:
    for seed in range(10):
        enroll(client, f"thing {seed}", seed)
        attributes = {"shop": ("north", "south")[seed % 2], "price": seed}
        changed = client.patch(f"/v1/classes/{seed + 1}", json={"attributes": attributes})
        assert changed.json()["attributes"] == attributes

    def ask(path: str, condition: str) -> dict:
        data = {"filter": condition}
        answer = client.post(path, files={"images": png(4)}, data=data)
        return {"status": answer.status_code} | answer.json()

    [found] = ask("/v1/recognize", "shop=north|east")["results"]
    assert (found["label"], found["attributes"]) == ("thing 4", {"shop": "north", "price": 4})
    assert {each["attributes"]["shop"] for each in found["candidates"]} == {"north"}
    [missing] = ask("/v1/recognize", "shop=south")["results"]
    assert (missing["label"], missing["reason"]) == (None, "below_threshold")
    [nothing] = ask("/v1/recognize", '{"shop": "east"}')["results"]
    assert (nothing["reason"], nothing["candidates"]) == ("nothing_matches", [])
    [near] = ask("/v1/nearest", "shop=south")["results"]
    assert len(near["candidates"]) == 5
    assert all(each["attributes"]["shop"] == "south" for each in near["candidates"])
    wrong = ask("/v1/recognize", "shpo=north")
    assert (wrong["status"], wrong["error"]) == (422, "FilterError")
    assert ask("/v1/recognize", "shop")["status"] == 422
    assert recognize(client, 4)[0]["label"] == "thing 4"
