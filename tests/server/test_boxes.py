"""A box in a request means a part of the picture, as it does in the library."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from engine import Crop
from engine.boxes import Box
from engine.errors import ImageError, ServiceError, SettingsError
from engine.recognizer import Recognizer
from engine.server.client import Client
from engine.server.options import ServerOptions
from engine.testing.pictures import encoded, poster, seen
from tests.conftest import quarters
from tests.server.conftest import running
from tests.test_boxes import CORNERS, place, shelf

SHELF = encoded(shelf(1, 2, 3), "PNG")


def text(number: int) -> str:
    return ",".join(map(str, place(number)))


def test_a_part_is_enrolled_shown_and_recognised(client: TestClient) -> None:
    for number in range(3):
        answer = client.post(
            "/v1/classes",
            data={"label": f"thing {number}", "box": text(number)},
            files={"image": ("shelf.png", SHELF)},
        )
        assert answer.status_code == 201, answer.text
    enrolled = answer.json()

    example = client.get(f"/v1/examples/{enrolled['example_id']}").json()
    assert example["source"] == f"<upload shelf.png>#box={text(2)}"
    assert (example["box"], example["width"], example["height"]) == (list(place(2)), 32, 32)
    kept = client.get(f"/v1/examples/{enrolled['example_id']}/picture").content
    assert Image.open(io.BytesIO(kept)).size == (32, 32)

    files = [("images", ("cut.png", encoded(quarters(3), "PNG")))]
    [cut] = client.post("/v1/recognize", files=files).json()["results"]
    shares = "0.525,0.277778,0.725,0.722222"  # of 160 by 72 pixels
    for box in (text(2), shares):
        files = [("images", ("shelf.png", SHELF))]
        [part] = client.post("/v1/recognize", files=files, data={"box": box}).json()["results"]
        assert part["candidates"][0]["label"] == "thing 2"
        assert (part["similarity"], part["score"]) == (cut["similarity"], cut["score"])
        assert part["source"] == f"<upload shelf.png>#box={box}"


def test_each_picture_has_its_box_or_all_have_one(client: TestClient, opened: Recognizer) -> None:
    for number in range(2):
        opened.enroll(f"thing {number}", shelf(1, 2, 3), box=place(number))
    files = [("images", ("a.png", SHELF)), ("images", ("b.png", SHELF))]

    def nearest(*boxes: str) -> list[str]:
        answer = client.post("/v1/nearest", files=files, data={"box": list(boxes)})
        assert answer.status_code == 200, answer.text
        return [result["candidates"][0]["label"] for result in answer.json()["results"]]

    assert nearest(text(1), text(0)) == ["thing 1", "thing 0"]
    assert nearest(text(1)) == ["thing 1", "thing 1"]
    refused = client.post("/v1/nearest", files=files, data={"box": [text(0)] * 3})
    assert refused.status_code == 400
    assert "one for each of the 2, but got 3" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("box", "status", "said"),
    [
        ("1,2,3", 400, "four numbers"),
        ("5,5,2,9", 400, "encloses nothing"),
        ("nan,0,1,1", 400, "finite"),
        ("0.1,0.1,0.5,50", 400, "mixes"),
        ("900,900,950,950", 422, "within its 160 × 72 pixels"),
    ],
)
def test_what_is_no_box_is_refused(client: TestClient, box: str, status: int, said: str) -> None:
    files = {"images": ("shelf.png", SHELF)}
    for path in ("/v1/recognize", "/v1/nearest", "/v1/locate"):
        answer = client.post(path, files=files, data={"box": box})
        assert (answer.status_code, said in answer.text) == (status, True), answer.text
    answer = client.post("/v1/classes", files={"image": SHELF}, data={"label": "thing", "box": box})
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_a_part_called_unknown_is_kept_as_the_part(client: TestClient, opened: Recognizer) -> None:
    opened.enroll_catalog([(f"thing {seed}", quarters(seed)) for seed in range(10, 20)])
    files = {"images": ("shelf.png", SHELF)}
    [part] = client.post("/v1/recognize", files=files, data={"box": text(0)}).json()["results"]
    assert not part["known"]

    [kept] = opened.gallery.catalog.service.review.kept(part["space"])
    picture = client.get(f"/v1/review/{kept.id}/picture").content
    assert Image.open(io.BytesIO(picture)).size == (32, 32)


@pytest.fixture
def caller(opened: Recognizer) -> Iterator[Client]:
    with running(opened, ServerOptions(rate=0)) as service, Client(service.url) as client:
        yield client


def test_the_client_sends_boxes_and_crops(caller: Client) -> None:
    for number in range(3):
        caller.enroll(f"thing {number}", SHELF, box=place(number))
    crops = [Crop(SHELF, Box.of(place(2))), encoded(quarters(1), "PNG")]

    second, first = caller.recognize_many(crops)

    assert [second.candidates[0].label, first.candidates[0].label] == ["thing 2", "thing 0"]
    assert caller.recognize(SHELF, box=place(1)).candidates[0].label == "thing 1"
    assert caller.nearest(SHELF, 1, box=place(1))[0].label == "thing 1"
    assert caller.confirm(SHELF, "thing 1", box=place(1)).decided in (None, "thing 1")
    assert caller.verify(crops[0], encoded(quarters(3), "PNG")).similarity > 0.9999
    [example] = caller.class_named("thing 1").examples
    assert example.box == place(1)
    with pytest.raises(SettingsError, match="four numbers"):
        caller.recognize(SHELF, box=(1, 2, 3))
    with pytest.raises(ImageError, match="within its 160 × 72 pixels"):
        caller.recognize(SHELF, box=(500, 0, 600, 40))
    with pytest.raises((ImageError, ServiceError)):
        caller.enroll("thing 9", SHELF, box=(500, 0, 600, 40))


def test_outlines_are_told_in_the_whole_pictures_pixels(caller: Client, opened: Recognizer) -> None:
    for seed in range(6):
        opened.enroll(f"print {seed}", poster(seed=seed))
    view = encoded(seen(poster(seed=2), CORNERS, (1000, 500)), "PNG")
    box = (450, 60, 900, 400)

    decision = caller.recognize(view, box=box)
    found = caller.locate(view, box=box)

    assert decision.location is not None
    assert np.abs(np.array(decision.location.corners) - CORNERS).max() < 6
    assert (found.width, found.height) == (1000, 500)
    [finding] = found.findings
    assert finding.label == "print 2"
    assert np.abs(np.array(finding.corners) - CORNERS).max() < 6
