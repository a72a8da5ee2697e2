"""Classes and examples over HTTP: made, listed, changed, merged, removed, shown."""

import io
from collections.abc import Callable
from typing import TypeVar

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from engine.catalog import Catalog
from engine.catalog.reading import CatalogReader
from engine.recognizer import Recognizer
from engine.types import ClassRecord
from tests.server.conftest import png, seen
from tests.server.test_recognition_routes import enroll, recognize

T = TypeVar("T")


def test_classes_are_listed_in_pages_without_gap_or_repeat(client: TestClient) -> None:
    for seed in range(25):
        enroll(client, f"thing {seed:02}", seed)

    found, after = [], None
    for _ in range(3):
        page = client.get(
            "/v1/classes", params={"limit": 10, "after": after} if after else {"limit": 10}
        )
        found += [entry["label"] for entry in page.json()["classes"]]
        after = page.json()["next"]

    assert found == [f"thing {seed:02}" for seed in range(25)]
    assert after is None


def test_search_finds_labels_that_contain_it(client: TestClient) -> None:
    for seed, label in enumerate(["tea cup", "coffee CUP", "50% off", "mug"]):
        enroll(client, label, seed)

    def search(text: str) -> list[str]:
        page = client.get("/v1/classes", params={"search": text}).json()
        return [entry["label"] for entry in page["classes"]]

    assert search("cup") == ["coffee CUP", "tea cup"]
    assert search("%") == ["50% off"]
    assert search("' OR 1=1 --") == []


def test_a_class_shows_its_examples_threshold_and_neighbours(client: TestClient) -> None:
    for seed in range(12):
        enroll(client, f"thing {seed}", seed)
    made = enroll(client, "thing 3", 103)

    shown = client.get(f"/v1/classes/{made['class_id']}").json()

    assert shown["label"] == "thing 3"
    assert [(e["width"], e["height"], e["has_picture"]) for e in shown["examples"]] == [
        (48, 48, True),
        (48, 48, True),
    ]
    [decision] = recognize(client, 103)
    assert shown["threshold"] == pytest.approx(decision["threshold"])
    labels = [neighbour["label"] for neighbour in shown["neighbours"]]
    assert len(labels) == 6
    assert "thing 3" not in labels


def test_a_confusable_neighbour_is_marked(client: TestClient) -> None:
    for seed in range(12):
        enroll(client, f"thing {seed}", seed)
    with Image.open(io.BytesIO(png(3))) as image:
        nearly = image.point(lambda value: min(255, value + 1))
    buffer = io.BytesIO()
    nearly.save(buffer, "PNG")

    answer = client.post("/v1/classes", data={"label": "twin"}, files={"image": buffer.getvalue()})

    [pair] = answer.json()["near_duplicates"]
    assert pair["other"] == "thing 3"
    assert pair["example_id"] is not None
    assert pair["other_example_id"] is not None
    shown = client.get(f"/v1/classes/{answer.json()['class_id']}").json()
    assert shown["neighbours"][0]["label"] == "thing 3"
    assert shown["neighbours"][0]["confusable"] is True


def test_three_copies_are_confusable_though_each_has_another_beside_it(client: TestClient) -> None:
    for seed in range(12):
        enroll(client, f"thing {seed}", seed)
    made = []
    for size in (48, 64, 96):
        data = {"label": f"copy {size}"}
        made.append(client.post("/v1/classes", data=data, files={"image": png(40, size)}).json())
    shown = client.get(f"/v1/classes/{made[0]['class_id']}").json()
    confusable = [other["label"] for other in shown["neighbours"] if other["confusable"]]
    assert sorted(confusable) == ["copy 64", "copy 96"]


def test_a_renamed_class_is_recognised_by_its_new_name(client: TestClient) -> None:
    made = enroll(client, "cup", 1)
    enroll(client, "mug", 2)

    renamed = client.patch(f"/v1/classes/{made['class_id']}", json={"label": " tea cup "})
    taken = client.patch(f"/v1/classes/{made['class_id']}", json={"label": "mug"})
    empty = client.patch(f"/v1/classes/{made['class_id']}", json={"label": " "})

    assert renamed.json()["label"] == "tea cup"
    assert recognize(client, 1)[0]["label"] == "tea cup"
    assert (taken.status_code, taken.json()["error"]) == (409, "ClassExistsError")
    assert (empty.status_code, empty.json()["error"]) == (422, "LabelError")


def test_a_pinned_threshold_holds_until_it_is_let_go(client: TestClient) -> None:
    made = [enroll(client, f"thing {seed}", seed) for seed in range(12)]
    path = f"/v1/classes/{made[3]['class_id']}"
    before = client.get(path).json()
    computed = before["threshold"]

    pinned = client.patch(path, json={"pinned_threshold": 0.25}).json()
    decision = recognize(client, 3)[0]
    freed = client.patch(path, json={"pinned_threshold": None}).json()

    assert (pinned["threshold"], pinned["pinned_threshold"]) == (0.25, 0.25)
    assert decision["threshold"] == 0.25
    assert freed["pinned_threshold"] is None
    assert freed["threshold"] == computed
    assert before["stranger_rate"] == pytest.approx(0.05)  # the target
    assert pinned["stranger_rate"] > 0.05
    assert client.patch(path, json={"pinned_threshold": 11}).status_code == 422


def test_merged_classes_become_one(client: TestClient) -> None:
    cup, mug = enroll(client, "cup", 1), enroll(client, "mug", 2)

    merged = client.post(
        f"/v1/classes/{mug['class_id']}/merge", json={"class_ids": [cup["class_id"]]}
    )

    assert len(merged.json()["examples"]) == 2
    assert recognize(client, 1)[0]["label"] == "mug"
    assert client.get(f"/v1/classes/{cup['class_id']}").status_code == 404


def test_a_removed_class_is_gone_with_its_pictures(client: TestClient) -> None:
    cup = enroll(client, "cup", 1)

    assert client.delete(f"/v1/classes/{cup['class_id']}").status_code == 204

    assert client.get("/v1/classes").json()["classes"] == []
    assert client.get(f"/v1/examples/{cup['example_id']}/picture").status_code == 404
    assert client.delete(f"/v1/classes/{cup['class_id']}").json()["error"] == "ClassNotFoundError"


def test_examples_are_added_shown_and_removed(client: TestClient) -> None:
    cup = enroll(client, "cup", 1)
    path = f"/v1/classes/{cup['class_id']}"

    more = client.post(f"{path}/examples", files={"image": ("2.png", png(2))})
    again = client.post(f"{path}/examples", files={"image": ("2.png", png(2))})

    assert more.status_code == 201
    assert again.json()["status"] == "unchanged"
    example = client.get(f"/v1/examples/{more.json()['example_id']}").json()
    assert (example["label"], example["source"]) == ("cup", "<upload 2.png>")
    assert client.delete(f"/v1/examples/{cup['example_id']}").status_code == 204
    assert len(client.get(path).json()["examples"]) == 1
    assert recognize(client, 2)[0]["label"] == "cup"


def test_what_is_not_of_a_class_is_told_listed_shown_and_taken_back(client: TestClient) -> None:
    cup, mug = enroll(client, "cup", 1)["class_id"], enroll(client, "mug", 2)["class_id"]
    path = f"/v1/classes/{cup}/counterexamples"
    told = client.post(path, files={"image": ("false.png", png(3))})
    assert told.status_code == 201
    kept = told.json()
    assert (kept["label"], kept["source"], kept["width"]) == ("cup", "<upload false.png>", 48)
    assert client.get(path).json() == {"counterexamples": [kept]}
    assert client.post(path, files={"image": ("again.png", png(3))}).json() == kept
    picture = client.get(f"{path}/{kept['id']}/picture")
    assert (picture.headers["content-type"], picture.content) == ("image/png", png(3))
    assert "no-store" in picture.headers["cache-control"]
    [decision] = recognize(client, 3)
    assert decision["label"] is None
    assert [refusal["label"] for refusal in decision["refused"]] in ([], ["cup"])

    enrolled = client.post(path, files={"image": png(1)})
    assert enrolled.status_code == 409
    assert "enrolled as example" in enrolled.json()["detail"]
    again = client.post(
        "/v1/classes", data={"label": "cup"}, files={"image": ("false.png", png(3))}
    )
    assert again.status_code == 409
    assert "was said not to show 'cup'" in again.json()["detail"]
    assert (
        client.post("/v1/classes/999/counterexamples", files={"image": png(3)}).status_code == 404
    )
    elsewhere = f"/v1/classes/{mug}/counterexamples/{kept['id']}"
    assert client.delete(elsewhere).status_code == 404
    assert client.get(f"{elsewhere}/picture").status_code == 404
    assert client.delete(f"{path}/{kept['id']}").status_code == 204
    assert client.delete(f"{path}/{kept['id']}").status_code == 404
    assert client.get(path).json() == {"counterexamples": []}


def test_two_pictures_of_one_file_name_are_two_examples(client: TestClient) -> None:
    for seed in (1, 2):
        client.post("/v1/classes", data={"label": "cup"}, files={"image": ("image.jpg", png(seed))})
    [cup] = client.get("/v1/classes").json()["classes"]
    assert cup["examples"] == 2


def test_the_same_picture_in_another_class_is_refused_unless_asked_for(client: TestClient) -> None:
    enroll(client, "cup", 1)
    body = {"files": {"image": png(1)}}

    refused = client.post("/v1/classes", data={"label": "mug"}, **body)
    allowed = client.post("/v1/classes", data={"label": "mug", "allow_duplicates": "true"}, **body)

    assert (refused.status_code, refused.json()["error"]) == (409, "DuplicateImageError")
    assert "already enrolled as 'cup'" in refused.json()["detail"]
    assert allowed.status_code == 201


def test_pictures_come_back_as_pictures_small_ones_smaller(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((480, 400), 90).convert("RGB").save(buffer, "PNG")
    made = client.post("/v1/classes", data={"label": "noise"}, files={"image": buffer.getvalue()})
    path = f"/v1/examples/{made.json()['example_id']}/picture"

    full, small = client.get(path), client.get(path, params={"size": "thumbnail"})

    assert full.headers["content-type"] in ("image/png", "image/jpeg")
    assert Image.open(io.BytesIO(full.content)).size == (480, 400)
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).size == (192, 160)
    again = client.get(path, headers={"If-None-Match": full.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_bitmap_is_handed_out_as_png(client: TestClient) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), (200, 30, 30)).save(buffer, "BMP")
    made = client.post("/v1/classes", data={"label": "red"}, files={"image": buffer.getvalue()})

    picture = client.get(f"/v1/examples/{made.json()['example_id']}/picture")

    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(picture.content)).getpixel((3, 3)) == (200, 30, 30)


def test_what_another_process_changes_is_seen(client: TestClient, opened: Recognizer) -> None:
    with Recognizer.open(opened.gallery.folder.path, backbone=opened.backbone) as other:
        other.enroll("theirs", png(7))
    seen(lambda: recognize(client, 7)[0]["label"] == "theirs")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST", "ADD"])
def test_a_class_is_meant_by_its_id_whoever_renames_it_meanwhile(
    client: TestClient, opened: Recognizer, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    meant = enroll(client, "cup", 1)["class_id"]
    other = enroll(client, "mug", 2)["class_id"]
    target = enroll(client, "bowl", 3)["class_id"]
    ask, swapped = Catalog.ask, []

    def swap_afterwards(catalog: Catalog, question: Callable[[CatalogReader], T]) -> T:
        answer = ask(catalog, question)
        if isinstance(answer, ClassRecord) and answer.id == meant and not swapped:
            swapped.append(True)
            opened.gallery.classes.rename(meant, "former cup")
            opened.gallery.classes.rename(other, "cup")
        return answer

    monkeypatch.setattr(Catalog, "ask", swap_afterwards)
    if method == "DELETE":
        client.delete(f"/v1/classes/{meant}")
    elif method == "PATCH":
        client.patch(f"/v1/classes/{meant}", json={"pinned_threshold": 0.75})
    elif method == "ADD":
        client.post(f"/v1/classes/{meant}/examples", files={"image": png(4)})
    else:
        client.post(f"/v1/classes/{target}/merge", json={"class_ids": [meant]})
    monkeypatch.undo()

    labels = opened.gallery.catalog.ask(lambda read: read.classes.labels())
    assert other in labels
    assert (meant in labels) == (method in ("PATCH", "ADD"))
    assert len(opened.gallery.catalog.ask(lambda read: read.examples.listed(other))) == 1
    assert opened.gallery.catalog.ask(lambda read: read.classes.pins()) == (
        {meant: 0.75} if method == "PATCH" else {}
    )
