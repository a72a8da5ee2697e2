"""The catalog is searched forgivingly, filtered by attributes and put in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from engine.recognizer import Recognizer
from engine.server.alike import Vocabulary, distance_to_beginning, folded
from engine.server.options import ServerOptions
from engine.testing.fake_backbone import FakeBackbone
from tests.server.conftest import client_of, png

THINGS = {
    "red mug": {"price": 9.5, "kind": "mug"},
    "Blue mug": {"price": 12, "kind": "mug"},
    "Café crème": {"price": 3, "kind": ["cup", "drink"]},
    "teapot": {},
    "saucer": {"price": "ask", "kind": "plate"},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    path = tmp_path_factory.mktemp("listing") / "shop.gallery"
    with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
        for seed, (label, attributes) in enumerate(THINGS.items()):
            recognizer.enroll(label, png(seed))
            recognizer.gallery.classes.set_attributes(label, attributes)
        recognizer.enroll("teapot", png(90))
        with client_of(recognizer, ServerOptions(rate=0)) as found:
            yield found


def listed(client: TestClient, **query: object) -> list[str]:
    answer = client.get("/v1/classes", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [entry["label"] for entry in answer.json()["classes"]]


def test_labels_come_as_written_in_the_order_of_their_letters(client: TestClient) -> None:
    assert listed(client) == ["Blue mug", "Café crème", "red mug", "saucer", "teapot"]


@pytest.mark.parametrize(
    ("search", "found", "alike"),
    [
        ("MUG", ["Blue mug", "red mug"], False),
        ("cafe creme", ["Café crème"], False),
        ("mgu", ["Blue mug", "red mug"], True),  # two neighbours swapped
        ("tepot", ["teapot"], True),  # one left out
        ("saucerr", ["saucer"], True),  # one too many
        ("saucxer", ["saucer"], True),
        ("red mgu", ["red mug"], True),  # every word counts
        ("sauser", ["saucer"], True),  # one wrong
        ("spoon", [], True),
        ("tx", [], True),  # too short to forgive anything
    ],
)
def test_search_forgives(client: TestClient, search: str, found: list[str], alike: bool) -> None:
    page = client.get("/v1/classes", params={"search": search}).json()
    assert [entry["label"] for entry in page["classes"]] == found
    assert page["alike"] is alike


@pytest.mark.parametrize(
    ("typed", "word", "distance"),
    [
        ("mug", "mug", 0),
        ("mgu", "mug", 1),
        ("mug", "mugs", 0),
        ("kitten", "sitting", 2),
        ("", "a", 0),
    ],
)
def test_the_distance_is_to_the_likest_beginning(typed: str, word: str, distance: int) -> None:
    """By hand: kitten → sitte(n)ing's beginning sittin takes two letters replaced."""
    assert distance_to_beginning(typed, word) == distance


def test_likest_texts_come_first() -> None:
    texts = [folded(text) for text in ("Träger", "traeger", "trager", "ladder")]
    assert texts[0] == "trager"
    assert Vocabulary(texts).alike("trayer")[:2] == [0, 2]


def test_classes_are_filtered_by_attributes(client: TestClient) -> None:
    assert listed(client, filter="kind=mug") == ["Blue mug", "red mug"]
    assert listed(client, filter=["kind=mug|cup", "price=9.5|3"]) == ["Café crème", "red mug"]
    assert listed(client, filter='{"kind": "drink"}', search="cream") == ["Café crème"]
    refused = client.get("/v1/classes", params={"filter": "colour=red"})
    assert refused.status_code == 422
    assert "'kind', 'price'" in refused.json()["detail"]


def test_classes_are_put_in_order(client: TestClient) -> None:
    assert listed(client, sort="most")[0] == "teapot"
    assert listed(client, sort="fewest")[-1] == "teapot"
    assert listed(client, sort="newest") == list(reversed(THINGS))
    by_price = ["Café crème", "red mug", "Blue mug", "saucer", "teapot"]
    assert listed(client, attribute="price") == by_price


@pytest.mark.parametrize("order", [{}, {"sort": "newest"}, {"attribute": "price"}])
def test_pages_make_up_the_whole(client: TestClient, order: dict[str, str]) -> None:
    together: list[str] = []
    after: dict[str, str] = {}
    for _ in range(9):
        page = client.get("/v1/classes", params={**order, **after, "limit": 2}).json()
        together += [entry["label"] for entry in page["classes"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert together == listed(client, **order)


def test_a_page_behind_a_class_that_is_gone_says_so(client: TestClient) -> None:
    assert listed(client, after="pot") == ["red mug", "saucer", "teapot"]  # by label it goes on
    refused = client.get("/v1/classes", params={"after": "no such thing", "sort": "newest"})
    assert refused.status_code == 404
    assert "begin anew" in refused.json()["detail"]


def test_attributes_are_listed_with_their_commonest_values(client: TestClient) -> None:
    kind, price = client.get("/v1/classes/attributes").json()["attributes"]
    assert (kind["name"], price["name"]) == ("kind", "price")
    assert kind["values"][0] == {"value": "mug", "classes": 2}
    assert {one["value"] for one in price["values"]} == {"9.5", "12", "3", "ask"}


def test_several_classes_are_removed_and_those_that_are_gone_passed_over(
    client: TestClient,
) -> None:
    for seed, label in ((70, "one too many"), (71, "and another")):
        client.post("/v1/classes", data={"label": label}, files={"image": png(seed)})
    ids = [entry["id"] for entry in client.get("/v1/classes?sort=newest&limit=2").json()["classes"]]
    answer = client.post("/v1/classes/remove", json={"class_ids": [*ids, 2**40, ids[0]]})
    assert answer.json() == {"removed": 2}
    assert len(listed(client)) == len(THINGS)
