"""Texts over HTTP: enrolled, looked up, told in answers, removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from engine.backbones import Backbone
from engine.errors import TextError
from engine.recognizer import Recognizer
from engine.server.client import Client
from engine.server.options import ServerOptions
from tests.server.browser import tab
from tests.server.conftest import client_of, png, running
from tests.server.page import file, go


@pytest.fixture
def texts(tmp_path: Path, clip: Backbone) -> Iterator[TestClient]:
    """A service over a gallery whose backbone knows texts."""
    with (
        Recognizer.open(tmp_path / "texts", create=True, backbone=clip) as recognizer,
        client_of(recognizer, ServerOptions(rate=0)) as client,
    ):
        yield client


def form(**fields: str) -> dict[str, tuple[None, str]]:
    """A multipart form without files."""
    return {name: (None, value) for name, value in fields.items()}


def test_a_text_is_enrolled_found_told_and_removed(texts: TestClient) -> None:
    made = texts.post("/v1/classes", files=form(label="mug", text="a red mug"))
    assert made.status_code == 201, made.text
    enrolled = made.json()
    more = f"/v1/classes/{enrolled['class_id']}/examples"
    assert texts.post(more, files=form(text="a mug")).json()["status"] == "added"
    [decision] = texts.post("/v1/recognize", files={"images": png(1)}).json()["results"]
    assert decision["text"] in ("a red mug", "a mug")
    assert decision["candidates"][0]["text"] == decision["text"]
    asked = texts.post("/v1/nearest", files=form(text="a red mug", k="1")).json()["results"]
    assert [(each["source"], each["candidates"][0]["text"]) for each in asked] == [
        ("a red mug", "a red mug")
    ]
    detail = texts.get(f"/v1/classes/{enrolled['class_id']}").json()
    assert [(each["text"], each["has_picture"]) for each in detail["examples"]] == [
        ("a red mug", False),
        ("a mug", False),
    ]
    assert detail["threshold"] is not None
    [listed] = texts.get("/v1/classes").json()["classes"]
    assert (listed["examples"], listed["example_id"]) == (2, None)
    explained = texts.post("/v1/explain", files={"image": png(1)})
    assert "to the text" in explained.json()["because"][0]
    assert texts.delete(f"/v1/examples/{enrolled['example_id']}").status_code == 204
    assert texts.get("/v1/classes").json()["classes"][0]["examples"] == 1


def test_a_text_and_a_picture_together_are_refused(texts: TestClient) -> None:
    both = {**form(label="mug", text="a red mug"), "image": ("a.png", png(1))}
    answer = texts.post("/v1/classes", files=both)
    assert answer.status_code == 400
    assert "but not both" in answer.json()["detail"]
    both = {**form(text="a red mug"), "images": ("a.png", png(1))}
    assert "but not both" in texts.post("/v1/nearest", files=both).json()["detail"]
    assert texts.post("/v1/classes", files=form(label="mug", text=" ")).status_code == 422
    assert texts.get("/v1/classes").json()["classes"] == []


def test_the_service_tells_whether_it_knows_texts(texts: TestClient, client: TestClient) -> None:
    assert texts.get("/v1/gallery").json()["knows_texts"] is True
    assert client.get("/v1/gallery").json()["knows_texts"] is False


def test_a_backbone_of_pictures_refuses_a_text(client: TestClient) -> None:
    answer = client.post("/v1/classes", files=form(label="mug", text="a red mug"))
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith("fake knows pictures only")


def test_the_client_sends_texts(tmp_path: Path, clip: Backbone) -> None:
    with (
        Recognizer.open(tmp_path / "texts", create=True, backbone=clip) as recognizer,
        running(recognizer) as service,
        Client(service.url) as client,
    ):
        assert client.enroll("mug", text="a red mug").status == "added"
        assert client.nearest(text="a red mug")[0].text == "a red mug"
        assert client.example(1).text == "a red mug"


def test_the_client_gets_the_refusal_as_an_error(opened: Recognizer) -> None:
    with (
        running(opened) as service,
        Client(service.url) as client,
        pytest.raises(TextError, match="knows pictures only"),
    ):
        client.enroll("mug", text="a red mug")


def test_the_page_enrolls_a_text_beside_a_picture_or_alone(
    tmp_path: Path, clip: Backbone, browser: Browser
) -> None:
    with (
        Recognizer.open(tmp_path / "texts", create=True, backbone=clip) as recognizer,
        running(recognizer) as service,
        tab(browser) as page,
    ):
        page.goto(service.url)
        go(page, "Enroll")
        form = page.locator("form.card")
        text, label = form.get_by_label("In words"), form.get_by_label("What is it?")
        label.fill("mug")
        form.get_by_role("button", name="Enroll").click()
        expect(page.get_by_text("Choose a picture or write a text first.")).to_be_visible()
        text.fill("a red mug")
        form.get_by_role("button", name="Enroll").click()
        expect(form.get_by_text("Enrolled as mug.")).to_be_visible()
        expect(text).to_have_value("")
        form.locator("input[type=file]").first.set_input_files(file(1, "mug.png"))
        text.fill("a red mug")
        form.get_by_role("button", name="Enroll").click()
        expect(form.get_by_text("mug has this very text already.")).to_be_visible()
        listed = recognizer.gallery.catalog.ask(lambda read: read.examples.listed())
        assert [each.text for each in listed] == ["a red mug", None]
        form.get_by_role("link", name="Show it").first.click()
        expect(page.get_by_text("a red mug")).to_be_visible()


def test_the_page_asks_for_no_text_where_the_backbone_knows_pictures_only(
    opened: Recognizer, browser: Browser
) -> None:
    with running(opened) as service, tab(browser) as page:
        page.goto(service.url)
        go(page, "Enroll")
        expect(page.get_by_label("What is it?")).to_be_visible()
        expect(page.get_by_label("In words")).to_have_count(0)
