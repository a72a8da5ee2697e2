"""Unknown queries are kept if asked for, grouped by likeness, named once, enrolled together."""

from __future__ import annotations

import numpy as np
import pytest
from fastapi.testclient import TestClient

from engine.recognizer import Recognizer
from engine.server.clusters import clusters
from engine.server.options import ServerOptions
from tests.server.conftest import client_of, png
from tests.server.test_recognition_routes import enroll, recognize


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    """A gallery of twenty classes."""
    for seed in range(20):
        enroll(client, f"thing {seed}", seed)
    return client


def kept(client: TestClient) -> list[list[int]]:
    return [
        [query["id"] for query in group] for group in client.get("/v1/review").json()["clusters"]
    ]


def kept_ids(client: TestClient) -> list[int]:
    return sorted(query for group in kept(client) for query in group)


def test_an_unknown_is_named_in_review_and_recognised_next_time(shop: TestClient) -> None:
    assert [decision["label"] for decision in recognize(shop, 3, 99)] == ["thing 3", None]
    review = shop.get("/v1/review").json()
    [[query]] = review["clusters"]
    assert review["total"] == 1
    assert shop.get(f"/v1/review/{query['id']}/picture").headers["content-type"] == "image/png"

    answer = shop.post("/v1/review/enroll", json={"label": "vase", "query_ids": [query["id"]]})

    assert (answer.json()["enrolled"], answer.json()["rejects"]) == (1, [])
    assert kept(shop) == []
    assert recognize(shop, 99)[0]["label"] == "vase"
    shown = shop.get(f"/v1/classes/{answer.json()['class_id']}").json()
    assert shop.get(f"/v1/examples/{shown['examples'][0]['id']}/picture").status_code == 200


def test_what_is_enrolled_elsewhere_waits_for_no_name(shop: TestClient) -> None:
    recognize(shop, 99, 120)
    enroll(shop, "vase", 99)
    [[query]] = kept(shop)
    assert recognize(shop, 99)[0]["label"] == "vase"
    assert query == kept_ids(shop)[0] == 2


def test_likeness_makes_one_cluster_of_many_pictures(shop: TestClient) -> None:
    for seed, size in ((99, 48), (99, 64), (99, 80), (120, 48)):
        shop.post("/v1/recognize", files={"images": png(seed, size)})
    assert [len(group) for group in kept(shop)] == [3, 1]


def test_the_same_picture_is_kept_once(shop: TestClient) -> None:
    recognize(shop, 99, 99)
    recognize(shop, 99)
    assert [len(group) for group in kept(shop)] == [1]


def test_unknown_queries_show_at_the_class_they_are_near(shop: TestClient) -> None:
    [decision] = recognize(shop, 99)
    [[query]] = kept(shop)
    near = shop.get(f"/v1/classes/{decision['candidates'][0]['class_id']}").json()
    assert near["strangers"] == [query]


def test_nothing_is_kept_unless_asked_for(opened: Recognizer) -> None:
    with client_of(opened) as client:
        recognize(client, 99)
        assert client.get("/v1/review").json() == {"keep_unknown": 0, "total": 0, "clusters": []}


def test_only_the_newest_are_kept(opened: Recognizer) -> None:
    with client_of(opened, ServerOptions(keep_unknown=3)) as client:
        for seed in range(6):
            recognize(client, 100 + seed)
        assert kept_ids(client) == [4, 5, 6]
        assert client.get("/v1/review/1/picture").status_code == 404


def test_what_is_erased_is_gone_from_every_file(shop: TestClient, opened: Recognizer) -> None:
    recognize(shop, 99, 120, 121)
    ids = kept_ids(shop)
    secret = opened.gallery.catalog.service.review.picture(ids[0])
    assert secret is not None

    assert shop.post("/v1/review/forget", json={"query_ids": ids[:1]}).json() == {"forgotten": 1}
    assert kept_ids(shop) == ids[1:]
    for file in opened.gallery.folder.path.glob("catalog.sqlite*"):
        assert secret not in file.read_bytes()
    assert shop.request("DELETE", "/v1/review").json() == {"forgotten": 2}
    assert shop.get("/v1/review").json()["total"] == 0


def test_what_is_gone_cant_be_enrolled(shop: TestClient) -> None:
    answer = shop.post("/v1/review/enroll", json={"label": "vase", "query_ids": [77]})
    assert answer.status_code == 404


def test_clusters_are_those_a_hand_would_make() -> None:
    angles = np.radians([0, 5, 90, 2, 95, 180])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert clusters(vectors, 0.9) == [[0, 1, 3], [2, 4], [5]]
    assert clusters(vectors, 2.0) == [[5], [4], [3], [2], [1], [0]]
