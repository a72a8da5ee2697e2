"""The page with tokens, a slow network, two tabs, thousands of classes, the keyboard, and axe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from engine.server.tokens import Scope, create_token
from engine.testing.fake_backbone import FakeBackbone
from tests.server.browser import DESKTOP, PHONE, tab
from tests.server.conftest import Running, fill, running
from tests.server.page import file, go, problems_of, show, stranger

looks = pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])


@looks
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, shop: Running, options: dict, scheme: str) -> None:
    class_id = shop.recognizer.gallery.catalog.ask(lambda read: read.classes.id_of("thing 03"))
    views = {
        "catalog": "Catalog",
        f"catalog/{class_id}": "thing 03",
        "catalog/99999": "That didn’t work",
        "enroll": "Enroll",
        "review": "Review",
        "quality": "Quality",
    }
    with tab(browser, **options, color_scheme=scheme) as page:
        page.goto(shop.url)
        show(page, 4)
        show(page, 3)
        expect(page.locator(".verdict h2")).to_have_text("thing 03")
        page.get_by_text("Why?").click()
        expect(page.locator(".explained .chart")).to_be_visible()
        page.get_by_role("button", name="Draw a frame").click()
        expect(page.locator(".frame")).to_be_focused()
        problems = problems_of(page, "recognize")
        for address, title in views.items():
            page.goto(f"{shop.url}/#/{address}")
            expect(page.get_by_role("heading", level=1)).to_have_text(title)
            page.wait_for_load_state("networkidle")
            if address == "catalog":
                page.get_by_role("button", name="Select").click()
            problems += problems_of(page, address)
    assert problems == []


@looks
def test_axe_finds_nothing_in_what_comes_and_goes(
    browser: Browser, shop: Running, options: dict
) -> None:
    with tab(browser, **options) as page:
        page.goto(shop.url)
        show(page, stranger(shop, 700))
        expect(page.locator(".verdict h2")).to_have_text("Unknown")
        problems = problems_of(page, "unknown")
        page.get_by_role("button", name="Enroll as new").click()
        problems += problems_of(page, "dialog")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Use the camera").click()
        expect(page.locator("video")).to_be_visible()
        problems += problems_of(page, "camera")
        page.get_by_role("button", name="Close").click()
        page.route("**/v1/recognize", lambda route: route.abort())
        show(page, 3)
        expect(page.get_by_role("alert")).to_be_visible()
        problems += problems_of(page, "error")
        go(page, "Enroll")
        twin = file(5, "twin.png", size=64)
        broken = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
        page.locator("#files").set_input_files([twin, broken])
        job = page.locator(".job").first
        expect(job.locator(".badge").first).to_have_text("done")
        expect(job.locator(".duplicate")).to_be_visible()
        problems += problems_of(page, "job")
        job.get_by_role("button", name="Remove twin").click()
        expect(page.locator(".toast")).to_contain_text("twin is removed.")
        problems += problems_of(page, "toast")
        page.route("**/v1/session", lambda route: route.fulfill(json=LOCKED))
        go(page, "Catalog")
        expect(page.get_by_label("Token")).to_be_visible()
        problems += problems_of(page, "login")
    assert problems == []


LOCKED = {"scope": None, "login": True, "csrf": None}


def test_the_keyboard_reaches_everything(page: Page) -> None:
    expect(page.locator(".drop")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Use the camera")).to_be_focused()
    go(page, "Catalog")
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
    page.get_by_role("searchbox").focus()
    for _ in range(3):  # order, Select, the first class
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".examples")).to_be_visible()
    page.get_by_role("button", name="Rename").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_whoever_is_faster_than_the_page_stays_in_it(browser: Browser, shop: Running) -> None:
    held: list[Route] = []
    with tab(browser) as page:
        page.route("**/v1/gallery", lambda route: held.append(route))
        page.goto(shop.url)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Loading …")).to_be_focused()
        while not held:
            page.wait_for_timeout(10)
        held[0].continue_()
        expect(page.locator("main")).to_be_focused()
        for _ in range(2):
            page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Use the camera")).to_be_focused()


def test_a_change_leaves_the_keyboard_and_the_eye_where_they_were(
    page: Page, shop: Running
) -> None:
    class_id = shop.recognizer.gallery.catalog.ask(lambda read: read.classes.id_of("thing 07"))
    page.set_viewport_size({"width": 600, "height": 400})
    page.goto(f"{shop.url}/#/catalog/{class_id}")
    page.get_by_role("button", name="Pin it by hand").press("Enter")
    page.get_by_role("dialog").get_by_label("Least score").fill("0.5")
    top = page.evaluate("scrollY")
    assert top > 0
    page.keyboard.press("Enter")
    expect(page.get_by_text("pinned by hand")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    assert page.evaluate("scrollY") == top


def test_from_a_class_one_comes_back_to_the_same_place(browser: Browser, shop: Running) -> None:
    with tab(browser, viewport={"width": 600, "height": 400}) as page:
        page.goto(f"{shop.url}/#/catalog")
        page.get_by_role("searchbox").fill("thing 2")
        expect(page.get_by_role("listitem")).to_have_count(10)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.get_by_role("link", name="thing 29").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("thing 29")
        page.get_by_role("link", name="← Catalog").click()
        expect(page.get_by_role("searchbox")).to_have_value("thing 2")
        expect(page.get_by_role("link", name="thing 29")).to_be_in_viewport()


def test_what_comes_late_doesnt_replace_what_is_shown(page: Page) -> None:
    held: list[Route] = []
    page.route("**/v1/quality", lambda route: held.append(route))
    go(page, "Quality")
    while not held:
        page.wait_for_timeout(10)
    go(page, "Catalog")
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
    held[0].abort()
    page.wait_for_timeout(300)
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")


def test_a_view_that_cant_be_had_is_tried_again(page: Page) -> None:
    page.route("**/v1/quality", lambda route: route.abort(), times=1)
    go(page, "Quality")
    expect(page.get_by_role("heading", level=1)).to_have_text("That didn’t work")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Quality")


def test_a_drop_that_misses_doesnt_leave_the_page(page: Page) -> None:
    missed = """kind => !document.querySelector("header").dispatchEvent(
        new DragEvent(kind, { bubbles: true, cancelable: true }))"""
    assert page.evaluate(missed, "dragover")
    assert page.evaluate(missed, "drop")


def test_two_tabs_see_each_others_changes(browser: Browser, shop: Running) -> None:
    with tab(browser) as first, tab(browser) as second:
        first.goto(f"{shop.url}/#/catalog")
        expect(first.get_by_role("listitem").first).to_be_visible()
        second.goto(f"{shop.url}/#/enroll")
        form = second.locator("form").filter(has_text="One picture")
        form.locator("input[type=file]").first.set_input_files(file(380, "aaa.png"))
        form.get_by_role("button", name="Enroll").click()
        expect(form.get_by_text("Enrolled as aaa.")).to_be_visible()
        go(first, "Recognise")
        show(first, 380)
        expect(first.locator(".verdict h2")).to_have_text("aaa")
        go(first, "Catalog")
        expect(first.get_by_role("listitem").first).to_contain_text("aaa")


def test_a_slow_network_says_so_and_the_last_picture_wins(page: Page) -> None:
    held: list[object] = []
    page.route("**/v1/recognize", lambda route: held.append(route))
    show(page, 3)
    expect(page.get_by_text(re.compile("(Sending|Looking) …"))).to_be_visible()
    show(page, 4)
    while len(held) < 2:
        page.wait_for_timeout(10)
    held[1].continue_()  # type: ignore[attr-defined]
    expect(page.locator(".verdict h2")).to_have_text("thing 04")
    held[0].continue_()  # type: ignore[attr-defined]
    page.wait_for_timeout(300)
    expect(page.locator(".verdict h2")).to_have_text("thing 04")


def test_a_service_that_is_gone_is_said_in_words(page: Page) -> None:
    page.route("**/v1/recognize", lambda route: route.abort())
    show(page, 3)
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    page.unroute("**/v1/recognize")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".verdict h2")).to_have_text("thing 03")


def test_what_a_proxy_says_is_said_in_words(page: Page) -> None:
    html = "<html><body>nginx</body></html>"
    page.route("**/v1/recognize", lambda route: route.fulfill(status=413, body=html))
    show(page, 3)
    expect(page.get_by_role("alert")).to_have_text("That is too large.")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_with_tokens_the_page_asks_and_shows_what_the_token_may(
    browser: Browser, tmp_path: Path
) -> None:
    with Recognizer.open(tmp_path / "g.gallery", create=True, backbone=FakeBackbone()) as opened:
        fill(opened)
        store = opened.gallery.catalog.service.tokens
        reader = create_token(store, "reader", Scope.RECOGNIZE)
        with running(opened, ServerOptions(rate=0)) as service, tab(browser) as page:
            page.goto(service.url)
            page.get_by_label("Token").fill("onelook_wrong_token")
            page.get_by_role("button", name="Log in").click()
            expect(page.locator(".toast.bad")).to_contain_text("not valid")
            page.get_by_label("Token").fill(reader)
            page.get_by_role("button", name="Log in").click()
            show(page, 3)
            expect(page.locator(".verdict h2")).to_have_text("thing 03")
            expect(page.get_by_role("button", name="Enroll as new")).to_have_count(0)
            assert page.evaluate("document.cookie") == ""
            go(page, "Enroll")
            expect(page.get_by_text("This token only recognises.")).to_be_visible()
            store.revoke(reader.split("_")[1])
            service.server.config.app.state.service.tokens.refresh()  # type: ignore[union-attr]
            go(page, "Catalog")
            expect(page.get_by_label("Token")).to_be_visible()


def test_thousands_of_classes_keep_few_tiles_in_the_document(
    browser: Browser, shop: Running
) -> None:
    with tab(browser) as page:

        def classes(route: object) -> None:
            request = route.request  # type: ignore[attr-defined]
            start = (
                int(re.search(r"after=label\+?(?:%20)?(\d+)", request.url).group(1)) + 1
                if "after=" in request.url
                else 0
            )
            rows = [
                {
                    "id": n + 1,
                    "label": f"label {n:05}",
                    "examples": 1,
                    "example_id": 1,
                    "pinned_threshold": None,
                }
                for n in range(start, min(start + 300, 5000))
            ]
            after = rows[-1]["label"] if start + 300 < 5000 else None
            route.fulfill(json={"classes": rows, "next": after})  # type: ignore[attr-defined]

        page.route("**/v1/classes?*", classes)
        page.goto(f"{shop.url}/#/catalog")
        expect(page.get_by_role("listitem").first).to_be_visible()
        for _ in range(500):
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            page.wait_for_timeout(60)
            if page.get_by_text("label 04999").count():
                break
        expect(page.get_by_text("label 04999")).to_be_visible()
        assert page.locator(".tile").count() < 150


def test_whoever_reads_german_is_spoken_to_in_german_and_may_change_that(
    browser: Browser, shop: Running
) -> None:
    with tab(browser, **DESKTOP, locale="de-AT") as page:
        page.goto(shop.url)
        show(page, 3)
        expect(page.get_by_role("region", name="Antwort")).to_contain_text("von")
        expect(page.get_by_role("button", name="Das stimmt")).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "de"
        page.get_by_text("Warum?").click()
        expect(page.locator(".figures dd").nth(1)).to_have_text(re.compile(r"^[01],\d{3}$"))
        page.get_by_role("button", name="EN: English").click()
        expect(page.get_by_role("heading", name="What is it?")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="What is it?")).to_be_visible()
