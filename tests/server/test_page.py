"""Every flow of the page, in a real browser."""

from __future__ import annotations

import base64
import csv
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, Route, expect

from engine.types import ExampleRecord
from tests.server.conftest import Running, png, seen
from tests.server.page import file, go, show, stranger


def test_a_known_picture_is_named_beside_its_enrolled_one(page: Page) -> None:
    show(page, 3)

    answer = page.get_by_role("region", name="Answer")
    expect(answer.get_by_role("heading", level=2)).to_have_text("thing 03")
    expect(answer).to_contain_text(
        re.compile(r"\d in [\d,]+ strangers would look this much like it")
    )
    expect(answer).not_to_contain_text("null")
    enrolled = answer.get_by_role("img", name="The enrolled picture of thing 03")
    assert enrolled.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    mine = page.get_by_role("region", name="Picture").get_by_role("img", name="Your picture")
    expect(mine).to_be_visible()


def test_why_shows_the_figures_and_how_near_other_things_come(page: Page) -> None:
    show(page, 3)
    answer = page.get_by_role("region", name="Answer")
    figures = answer.get_by_role("img", name=re.compile("score .*, threshold"))
    expect(figures).to_be_hidden()
    answer.get_by_text("Why?").click()
    expect(figures).to_be_visible()
    expect(answer.get_by_role("img", name="How near other things come to thing 03")).to_be_visible()
    expect(answer.locator(".runners li")).to_have_count(4)


def test_what_was_right_is_noted(page: Page, shop: Running) -> None:
    show(page, 3)
    page.get_by_role("button", name="That’s right").click()
    expect(page.get_by_text("Noted: that was right.")).to_be_visible()
    show(page, 4)
    expect(page.locator(".verdict h2")).to_have_text("thing 04")
    page.get_by_role("button", name="Something else").click()
    page.get_by_role("dialog").get_by_label("Class").fill("thing 05")
    page.get_by_role("button", name="Note it").click()
    expect(page.get_by_text("Noted: it is thing 05.")).to_be_visible()


def test_a_double_click_says_it_once(page: Page, shop: Running) -> None:
    review = shop.recognizer.gallery.catalog.service.review
    space_id = shop.recognizer.backbone.space.id
    before = len(review.verdicts(space_id))
    show(page, 8)
    page.get_by_role("button", name="That’s right").dblclick()
    expect(page.get_by_role("button", name="That’s right")).to_have_count(0)
    page.wait_for_timeout(200)
    assert len(review.verdicts(space_id)) == before + 1


def test_an_unknown_is_enrolled_as_new_and_known_from_then_on(page: Page, shop: Running) -> None:
    show(page, stranger(shop, 200))
    expect(page.locator(".verdict h2")).to_have_text("Unknown")
    page.get_by_role("button", name="Enroll as new").click()
    page.get_by_role("dialog").get_by_label("What is it?").fill("paper crane")
    page.get_by_role("dialog").get_by_role("button", name="Enroll").click()
    expect(page.locator(".verdict h2")).to_have_text("paper crane")


def test_a_picture_can_be_dropped_and_pasted(page: Page) -> None:
    transfer = """([bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "x.png", { type: "image/png" }));
        return data;
    }"""
    dropped = page.evaluate_handle(transfer, [list(png(6, 96))])
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator(".verdict h2")).to_have_text("thing 06")
    page.evaluate(
        f"""(given) => {{
            const event = new ClipboardEvent("paste", {{ clipboardData: ({transfer})(given) }});
            document.dispatchEvent(event);
        }}""",
        [list(png(7, 96))],
    )
    expect(page.locator(".verdict h2")).to_have_text("thing 07")


def test_the_camera_takes_a_picture(page: Page) -> None:
    page.get_by_role("button", name="Use the camera").click()
    video = page.locator("video")
    expect(video).to_be_visible()
    for _ in range(600):  # Playwright's own waiting would need the eval that the page forbids
        if page.evaluate("document.querySelector('video').videoWidth") > 0:
            break
        page.wait_for_timeout(100)
    expect(page.locator(".live .now")).to_have_text("Unknown")
    page.get_by_role("button", name="Sound").click()
    expect(page.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Keep this one").click()
    expect(page.locator(".verdict h2")).not_to_be_empty()
    expect(page.locator("video")).to_have_count(0)
    expect(page.locator(".drop")).to_be_visible()


def test_a_name_stands_once_frames_agree_and_never_flickers(page: Page) -> None:
    told = page.evaluate(
        """async (labels) => {
            const { steady } = await import(new URL("static/js/steady.js", location.href));
            const told = (pause) => {
                const verdict = steady();
                return labels.map((label, number) => verdict(label, number * pause));
            };
            return [told(400), told(1000)];
        }""",
        [
            *("mug", None, "mug", "cup", "mug", None, "cup", "mug", *[None] * 5),
            *("mug", "cup", "mug", "cup", "cup"),
        ],
    )
    many, few = told
    assert many == [None] * 4 + ["mug"] * 8 + [None] * 5 + ["cup"]
    assert few == [None] * 4 + ["mug"] * 6 + [None] * 7 + ["cup"]


def test_a_large_photograph_is_shrunk_upright_before_it_is_sent(page: Page) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    photograph = Image.fromarray(noise).resize((3000, 2250), Image.Resampling.BICUBIC)
    lying = Image.Exif()
    lying[0x0112] = 6  # to be turned by a quarter
    buffer = io.BytesIO()
    photograph.save(buffer, "JPEG", quality=95, exif=lying)
    given = base64.b64encode(buffer.getvalue()).decode()
    answer = page.evaluate(
        """async (given) => {
            const { shrunk } = await import(new URL("static/js/shrink.js", location.href));
            const bytes = Uint8Array.from(atob(given), (one) => one.charCodeAt(0));
            const file = await shrunk(new File([bytes], "tall.jpg", { type: "image/jpeg" }));
            const reader = new FileReader();
            await new Promise((done) => { reader.onload = done; reader.readAsDataURL(file); });
            return reader.result;
        }""",
        given,
    )
    shrunk = base64.b64decode(answer.split(",")[1])
    assert len(shrunk) < len(buffer.getvalue()) / 3
    sent = Image.open(io.BytesIO(shrunk))
    assert sent.size == (1200, 1600)
    assert sent.getexif().get(0x0112, 1) == 1
    expected = np.asarray(photograph.rotate(-90, expand=True).resize((12, 16)), float)
    assert np.abs(np.asarray(sent.convert("RGB").resize((12, 16)), float) - expected).mean() < 10


def test_several_pictures_at_once_make_a_history_that_can_be_gone_through(page: Page) -> None:
    files = [file(seed, f"{seed}.png") for seed in (11, 12, 13)]
    page.locator(".recognize .drop input[type=file]").first.set_input_files(files)
    past = page.get_by_role("region", name="This session")
    expect(past.locator("li .name")).to_have_text(["thing 11", "thing 12", "thing 13"])
    expect(page.locator(".verdict h2")).to_have_text("thing 11")
    past.get_by_role("button", name="thing 13", exact=True).click()
    expect(page.locator(".verdict h2")).to_have_text("thing 13")
    past.get_by_role("button", name="Forget thing 13").click()
    expect(past.locator("li")).to_have_count(2)
    go(page, "Catalog")
    go(page, "Recognise")
    expect(past.locator("li .name")).to_have_text(["thing 11", "thing 12"])


def test_what_was_said_or_enrolled_is_taken_back(page: Page, shop: Running) -> None:
    review = shop.recognizer.gallery.catalog.service.review
    space_id = shop.recognizer.backbone.space.id
    before = review.verdicts(space_id)
    show(page, 9)
    page.get_by_role("button", name="That’s right").click()
    expect(page.get_by_text("Noted: that was right.")).to_be_visible()
    assert review.verdicts(space_id) == [*before, ("thing 09", "thing 09")]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="That’s right")).to_be_visible()
    assert review.verdicts(space_id) == before

    show(page, stranger(shop, 900))
    page.get_by_role("button", name="Enroll as new").click()
    page.get_by_role("dialog").get_by_label("What is it?").fill("passing fancy")
    page.get_by_role("dialog").get_by_role("button", name="Enroll").click()
    expect(page.locator(".verdict h2")).to_have_text("passing fancy")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".verdict h2")).to_have_text("Unknown")
    assert (
        "passing fancy"
        not in shop.recognizer.gallery.catalog.ask(lambda read: read.classes.labels()).values()
    )


def test_not_this_teaches_at_once_and_is_taken_back(page: Page, shop: Running) -> None:
    kept = shop.recognizer.gallery.counterexamples
    other = {"name": "other.png", "mimeType": "image/png", "buffer": like(9)}
    page.locator(".recognize .drop input[type=file]").first.set_input_files(other)
    expect(page.locator(".verdict h2")).to_have_text("thing 09")
    page.get_by_role("button", name="Not this").click()
    expect(page.get_by_text("Learned: thing 09 refuses what looks like this.")).to_be_visible()
    expect(page.locator(".verdict h2")).not_to_have_text("thing 09")
    expect(page.get_by_text("thing 09 is left out")).to_be_visible()
    [counterexample] = kept.listed("thing 09")
    page.goto(f"{shop.url}/#/catalog/{counterexample.class_id}")
    section = page.get_by_role("heading", name="Looks like thing 09, but isn’t").locator("..")
    shown = section.get_by_role("img", name="Picture 1 that isn’t thing 09")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    section.get_by_role("button", name="Take picture 1 back").click()
    expect(section).to_have_count(0)
    assert kept.listed() == []


def test_not_this_is_undone_where_it_was_said(page: Page, shop: Running) -> None:
    other = {"name": "other.png", "mimeType": "image/png", "buffer": like(10)}
    page.locator(".recognize .drop input[type=file]").first.set_input_files(other)
    page.get_by_role("button", name="Not this").click()
    expect(page.locator(".verdict h2")).not_to_have_text("thing 10")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".verdict h2")).to_have_text("thing 10")
    assert shop.recognizer.gallery.counterexamples.listed() == []


def like(seed: int) -> bytes:
    """A picture that is recognised as that of a seed, and is another."""
    with Image.open(io.BytesIO(png(seed))) as picture:
        colours = np.asarray(picture, np.int16)
    noise = np.random.default_rng(1).integers(-30, 30, (2, 2, 3)).repeat(24, 0).repeat(24, 1)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(colours + noise, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_is_no_picture_is_refused_in_words(page: Page) -> None:
    broken = {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    page.locator(".drop input[type=file]").first.set_input_files(broken)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("^bill.pdf: .*PDF"))
    expect(page.get_by_text("This browser can’t show this file.")).to_be_visible()
    expect(page.get_by_role("img", name="Your picture")).to_be_hidden()


def test_the_catalog_is_searched_and_a_class_shown(page: Page) -> None:
    go(page, "Catalog")
    expect(page.get_by_role("listitem").first).to_be_visible()
    page.get_by_role("searchbox").fill("THING 1")
    expect(page.get_by_role("listitem")).to_have_count(10)
    page.get_by_role("link", name="thing 12").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("thing 12")
    expect(page.get_by_text("1 in 20 strangers would reach it.")).to_be_visible()
    expect(page.locator(".examples li")).to_have_count(1)
    nearest = page.locator(".card").filter(has_text="Nearest classes")
    expect(nearest.locator(".near li")).to_have_count(6)


def test_a_class_is_renamed_pinned_given_a_picture_merged_and_removed(
    page: Page, shop: Running
) -> None:
    for seed, label in ((301, "old name"), (302, "other"), (303, "doomed")):
        shop.recognizer.enroll(label, png(seed))
    class_id = shop.recognizer.gallery.catalog.ask(lambda read: read.classes.id_of("old name"))
    page.goto(f"{shop.url}/#/catalog/{class_id}")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_label("New label").fill("new name")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("new name")

    page.get_by_role("button", name="Pin it by hand").click()
    page.get_by_role("dialog").get_by_label("Least score").fill("0.5")
    page.get_by_role("dialog").get_by_role("button", name="Pin").click()
    expect(page.get_by_text("pinned by hand")).to_be_visible()
    page.get_by_role("button", name="Let it be computed").click()
    expect(page.get_by_text("from the calibration")).to_be_visible()

    page.get_by_label("Add a picture").set_input_files(file(304))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="The picture to enroll")).to_be_visible()
    dialog.get_by_role("button", name="Draw a frame").click()
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("button", name="Enroll").click()
    expect(page.locator(".examples li")).to_have_count(2)
    framed = examples_of(shop, "new name")[-1].box
    assert framed is not None
    assert framed.sides == pytest.approx((0.22, 0.2, 0.82, 0.8), abs=0.005)
    page.get_by_role("button", name="Remove example 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator(".examples li")).to_have_count(1)

    page.get_by_role("button", name="Merge").click()
    page.get_by_role("dialog").get_by_label("The class that stays").fill("other")
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(page.get_by_text("new name is merged into other.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="new name")).to_be_visible()

    doomed = shop.recognizer.gallery.catalog.ask(lambda read: read.classes.id_of("doomed"))
    page.goto(f"{shop.url}/#/catalog/{doomed}")
    expect(page.get_by_role("heading", level=1)).to_have_text("doomed")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("doomed is removed.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
    expect(page.get_by_role("link", name="doomed")).to_have_count(0)
    page.goto("about:blank")  # whoever leaves has meant it
    ask = shop.recognizer.gallery.catalog.ask
    seen(lambda: "doomed" not in ask(lambda read: read.classes.labels()).values())
    assert {"new name", "other"} <= set(ask(lambda read: read.classes.labels()).values())


def test_classes_are_searched_with_typos_filtered_sorted_and_selected(
    page: Page, shop: Running, tmp_path: Path
) -> None:
    for seed, (label, shelf) in enumerate(
        {"vase": "north", "bowl": "south", "=jug": "north"}.items()
    ):
        shop.recognizer.enroll(label, png(310 + seed))
        shop.recognizer.gallery.classes.set_attributes(label, {"shelf": shelf, "price": 9 - seed})
    go(page, "Catalog")
    page.get_by_role("searchbox").fill("vsae")
    expect(page.get_by_text("No label contains that; these are most like it.")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Filter by attribute").select_option("shelf")
    page.get_by_label("Value").select_option("north")
    expect(page.get_by_role("listitem")).to_have_text(["=jug", "vase"])
    page.get_by_label("Order").select_option("by price")
    expect(page.get_by_role("listitem")).to_have_text(["=jug", "vase"])
    page.get_by_role("button", name="No longer only shelf: north").click()
    expect(page.get_by_role("listitem").nth(1)).to_have_text("bowl")

    assert page.evaluate(
        """async () => {
            const { breakable } = await import(new URL("static/js/dom.js", location.href));
            return breakable("a_b-c d").map((part) => part.outerHTML ?? part);
        }"""
    ) == ["a_", "<wbr>", "b-", "<wbr>", "c d"]
    page.get_by_role("button", name="Select").click()
    page.get_by_role("link", name="=jug").click()  # a thumb needs no box
    page.get_by_role("checkbox", name="Select bowl").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export CSV").click()
    saved.value.save_as(tmp_path / "classes.csv")
    text = (tmp_path / "classes.csv").read_text("utf-8-sig")
    # nothing that a spreadsheet would run
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows == [
        {"label": "'=jug", "examples": "1", "price": "7", "shelf": "north"},
        {"label": "bowl", "examples": "1", "price": "8", "shelf": "south"},
    ]
    page.get_by_role("button", name="Merge …").click()
    page.get_by_role("dialog").get_by_label("The class that stays").select_option("bowl")
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(page.get_by_role("link", name="=jug")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="=jug")).to_be_visible()

    page.get_by_role("button", name="Select").click()
    for label in ("=jug", "bowl", "vase"):
        page.get_by_role("checkbox", name=f"Select {label}").check()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("3 classes are removed.")).to_be_visible()
    expect(page.get_by_role("link", name="vase")).to_have_count(0)
    page.goto("about:blank")
    ask = shop.recognizer.gallery.catalog.ask
    seen(
        lambda: not {"jug", "bowl", "vase"} & set(ask(lambda read: read.classes.labels()).values())
    )


def test_attributes_are_given_and_come_back_with_the_answer(page: Page, shop: Running) -> None:
    class_id = shop.recognizer.gallery.catalog.ask(lambda read: read.classes.id_of("thing 14"))
    page.goto(f"{shop.url}/#/catalog/{class_id}")
    page.get_by_role("button", name="Add some").click()
    page.get_by_label("Name", exact=True).fill("price")
    page.get_by_label("Value", exact=True).fill("4.50")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".attributes dd")).to_have_text(["4.50"])
    go(page, "Recognise")
    show(page, 14)
    expect(page.get_by_role("region", name="Answer").locator(".attributes").first).to_have_text(
        "price4.50"
    )
    shop.recognizer.gallery.classes.set_attributes("thing 14", {})


def test_one_picture_is_enrolled(page: Page) -> None:
    go(page, "Enroll")
    form = page.locator("form").filter(has_text="One picture")
    form.locator("input[type=file]").first.set_input_files(file(320, "blue_vase.png"))
    expect(form.get_by_label("What is it?")).to_have_value("blue vase")
    form.get_by_role("button", name="Enroll").click()
    expect(form.get_by_text("Enrolled as blue vase.")).to_be_visible()


def test_only_what_is_in_the_frame_is_enrolled(page: Page, shop: Running) -> None:
    go(page, "Enroll")
    form = page.locator("form.card")
    form.locator("input[type=file]").first.set_input_files(file(325, "framed.png", size=400))
    expect(form.get_by_role("img", name="The picture to enroll")).to_be_visible()
    expect(form.get_by_role("button", name="Find everything in it")).to_have_count(0)
    form.get_by_role("button", name="Draw a frame").click()
    page.keyboard.press("ArrowRight")
    form.get_by_role("button", name="Enroll").click()
    expect(form.get_by_text("Enrolled as framed.")).to_be_visible()
    expect(form.get_by_role("button", name="Clear the frame")).to_be_hidden()
    [example] = examples_of(shop, "framed")
    assert example.box is not None
    assert example.box.sides == pytest.approx((0.22, 0.2, 0.82, 0.8), abs=0.005)


def examples_of(shop: Running, label: str) -> list[ExampleRecord]:
    return shop.recognizer.gallery.catalog.ask(
        lambda read: read.examples.listed(class_id=read.classes.id_of(label))
    )


def test_pictures_of_a_folder_are_shrunk_before_they_are_sent(
    page: Page, shop: Running, tmp_path: Path
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    noise = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    photograph = Image.fromarray(noise).resize((2400, 1800), Image.Resampling.BICUBIC)
    photograph.save(folder / "large thing.jpg", "JPEG", quality=95)
    (folder / "small thing.png").write_bytes(png(335))
    finished: list[Request] = []
    page.on("requestfinished", lambda one: finished.append(one))
    go(page, "Enroll")
    page.locator("#folder").set_input_files(folder)
    expect(page.locator(".job .badge").first).to_have_text("done")
    [sent] = [one for one in finished if one.url.endswith("/enrolment")]
    size = (folder / "large thing.jpg").stat().st_size
    assert 0 < int(sent.header_value("content-length") or 0) < size / 2
    [large], [small] = examples_of(shop, "large thing"), examples_of(shop, "small thing")
    assert (large.width, large.height) == (1600, 1200)
    assert "large thing.jpg" in large.source
    assert (small.width, small.height) == (48, 48)


def test_a_folder_is_enrolled_with_progress_rejects_and_near_duplicates(
    page: Page, tmp_path: Path, shop: Running
) -> None:
    folder = tmp_path / "shop"
    (folder / "kettle").mkdir(parents=True)
    (folder / "kettle" / "1.png").write_bytes(png(330))
    (folder / "kettle" / "2.png").write_bytes(png(331))
    (folder / "notes.png").write_bytes(b"no picture at all")
    (folder / "twin.png").write_bytes(png(5, 64))
    go(page, "Enroll")

    page.locator("#folder").set_input_files(folder)

    job = page.get_by_role("region", name=re.compile("^Job")).first
    expect(job.locator(".badge").first).to_have_text("done")
    expect(job.locator(".counts")).to_contain_text("3added")
    expect(job.locator(".rejects")).to_contain_text("shop/notes.png")
    expect(job.locator(".duplicate")).to_contain_text("twin · thing 05")
    expect(job.locator(".duplicate img")).to_have_count(2)
    job.get_by_role("button", name="Remove twin").click()
    expect(job.get_by_text("removed", exact=True)).to_be_visible()
    labels = set(shop.recognizer.gallery.catalog.ask(lambda read: read.classes.labels()).values())
    assert "kettle" in labels
    assert "twin" not in labels


def test_an_archive_is_enrolled(page: Page) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("spoon.png", png(340))
    given = {"name": "a.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    go(page, "Enroll")
    page.locator("#files").set_input_files(given)
    job = page.get_by_role("region", name=re.compile("^Job")).first
    expect(job.locator(".badge").first).to_have_text("done")
    expect(job.locator(".counts")).to_contain_text("1added")


def test_a_hostile_archive_is_refused_in_words(page: Page) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../up.png", png(340))
    given = {"name": "a.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    go(page, "Enroll")
    page.locator("#files").set_input_files(given)
    expect(page.locator(".toast.bad")).to_contain_text("leads out of the archive")


def test_an_upload_that_fails_midway_leaves_no_open_job(
    page: Page, tmp_path: Path, shop: Running
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(101):  # a piece is of a hundred
        (folder / f"{seed}.png").write_bytes(png(seed))
    page.route("**/v1/jobs/*/files", lambda route: route.abort())
    go(page, "Enroll")
    page.locator("#folder").set_input_files(folder)
    expect(page.locator(".toast.bad")).to_contain_text("can't be reached")
    [newest, *_] = page.request.get(f"{shop.url}/v1/jobs").json()["jobs"]
    assert newest["state"] == "cancelled"


def test_a_job_is_followed_again_after_a_refusal(page: Page) -> None:
    page.route("**/v1/jobs/*/events", lambda route: route.fulfill(status=503), times=1)
    go(page, "Enroll")
    page.locator("#files").set_input_files(file(345, "ladle.png"))
    job = page.get_by_role("region", name=re.compile("^Job")).first
    expect(job.locator(".badge").first).to_have_text("done")


def test_unknowns_are_named_in_review_and_recognised_next_time(page: Page, shop: Running) -> None:
    seed = stranger(shop, 400)
    for size in (96, 112):
        with page.expect_response("**/v1/recognize"):
            show(page, seed, size)
    expect(page.locator(".verdict h2")).to_have_text("Unknown")
    go(page, "Review")
    card = page.locator(".cluster").filter(has_text="2 pictures")
    card.get_by_label("What is it?").fill("garden gnome")
    card.get_by_role("button", name="Enroll together").click()
    expect(page.get_by_text("2 pictures enrolled as garden gnome.")).to_be_visible()
    go(page, "Recognise")
    show(page, seed, 128)
    expect(page.locator(".verdict h2")).to_have_text("garden gnome")


def test_review_goes_by_single_keys(page: Page, shop: Running) -> None:
    wanted = []
    for start in (420, 470):
        wanted.append(stranger(shop, start))
        with page.expect_response("**/v1/recognize"):
            show(page, wanted[-1])
        expect(page.locator(".verdict h2")).to_have_text("Unknown")
    go(page, "Review")
    cards = page.locator(".cluster")
    expect(cards.first).to_be_visible()
    before = cards.count()
    page.keyboard.press("j")
    expect(cards.first).to_be_focused()
    label = cards.first.locator(".confirm").inner_text().removeprefix("It is ")
    page.keyboard.press("y")
    expect(page.get_by_text(f"enrolled as {label}.")).to_be_visible()
    expect(cards).to_have_count(before - 1)
    expect(cards.first).to_be_focused()
    page.keyboard.press("n")
    expect(page.get_by_text("erased.")).to_be_visible()
    expect(cards).to_have_count(before - 2)
    page.get_by_role("button", name="Undo").click()
    expect(cards).to_have_count(before - 1)


def test_kept_unknowns_are_erased(page: Page, shop: Running) -> None:
    show(page, stranger(shop, 500))
    expect(page.locator(".verdict h2")).to_have_text("Unknown")
    go(page, "Review")
    page.get_by_role("button", name="Erase all").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase all").click()
    expect(page.get_by_text("Nothing waits for a name.")).to_be_visible()


def test_quality_shows_the_calibration_and_evaluates(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "labelled"
    folder.mkdir()
    for seed in range(4):
        (folder / f"thing {seed:02}.png").write_bytes(png(seed, 80))
        (folder / f"stranger {seed}.png").write_bytes(png(370 + seed))
    go(page, "Quality")
    expect(page.get_by_role("heading", name="Calibration in force")).to_be_visible()
    page.get_by_role("button", name="Calibrate now").click()
    expect(page.get_by_text("Calibrated.")).to_be_visible()
    page.get_by_label("Choose a labelled folder").set_input_files(folder)
    expect(page.get_by_text("of 4 known queries named right")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Known queries missed"))).to_be_visible()
    page.get_by_role("button", name="Change the target").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("2")
    page.get_by_role("button", name="Set").click()
    expect(page.locator(".figure b").first).to_have_text("2.0 %")
    steps = page.locator(".step h3")
    expect(steps.first).to_have_text("Give these 10 classes a second picture first")


def test_quality_tells_where_queries_sit_and_when_they_leave(page: Page) -> None:
    drift = {"queries": 420, "distance": 0.41, "by_chance": 0.12, "moved": 0.5, "alarm": True}

    def answer(route: Route) -> None:
        found = route.fetch()
        route.fulfill(response=found, json={**found.json(), "queries": drift})

    page.route("**/v1/quality", answer)
    go(page, "Quality")
    section = page.get_by_role("heading", name="Where queries sit").locator("..")
    expect(section).to_contain_text("420")
    expect(section).to_contain_text("0.41")
    expect(section).to_contain_text("Queries have left what the calibration knows")


def test_what_is_found_is_outlined_and_looked_at_closer(page: Page) -> None:
    def thing(label: str | None, left: float) -> dict[str, object]:
        right = left + 40
        corners = [[left, 10], [right, 10], [right, 90], [left, 90]]
        return {
            "label": label,
            "known": label is not None,
            "box": [left, 10, right, 90],
            "corners": corners,
        }

    found = {
        "source": "x",
        "width": 96,
        "height": 96,
        "findings": [thing("mug", 5), thing(None, 50)],
    }
    page.route("**/v1/locate", lambda route: route.fulfill(json={"results": [found]}))
    show(page, 3)
    expect(page.locator(".verdict h2")).to_have_text("thing 03")
    page.get_by_role("button", name="Find everything in it").click()
    expect(page.locator(".area polygon")).to_have_count(2)
    expect(page.locator(".area .tag")).to_have_text(["mug", "Unknown"])
    page.locator(".area .tag").first.click()
    expect(page.locator(".frame")).to_be_visible()
    placed = page.locator(".frame").evaluate(
        "one => [one.style.left, one.style.width].map(parseFloat)"
    )
    assert placed == pytest.approx([100 * 5 / 96, 100 * 40 / 96], abs=0.1)


def test_the_part_that_was_looked_at_closer_is_shown(page: Page) -> None:
    def closer(route: Route) -> None:
        answer = route.fetch().json()
        answer["results"][0]["region"] = [24, 12, 72, 84]
        route.fulfill(json=answer)

    page.route("**/v1/recognize", closer)
    show(page, 3)
    expect(page.locator(".verdict h2")).to_have_text("thing 03")
    region = page.locator(".area polygon.region")
    expect(region).to_have_attribute("points", "24,12 72,12 72,84 24,84")
    told = page.get_by_text("The dashed part was looked at closer")
    expect(told).to_be_visible()
    page.unroute("**/v1/recognize")
    show(page, 4)
    expect(page.locator(".verdict h2")).to_have_text("thing 04")
    expect(region).to_have_count(0)
    expect(told).to_be_hidden()


def test_a_frame_is_drawn_moved_and_cleared_by_mouse_and_keys(page: Page) -> None:
    show(page, 3, 400)
    expect(page.locator(".verdict h2")).to_have_text("thing 03")
    page.get_by_role("button", name="Draw a frame").click()
    frame, area = page.locator(".frame"), page.locator(".area").bounding_box()
    assert area is not None
    at = "one => ['left', 'top', 'width', 'height'].map((side) => parseFloat(one.style[side]))"
    assert frame.evaluate(at) == pytest.approx([20, 20, 60, 60], abs=0.5)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert frame.evaluate(at) == pytest.approx([22, 20, 60, 62], abs=0.5)

    def to(x: float, y: float) -> tuple[float, float]:
        return area["x"] + x * area["width"], area["y"] + y * area["height"]

    page.mouse.move(*to(0.05, 0.05))
    page.mouse.down()
    page.mouse.move(*to(0.45, 0.35), steps=3)
    page.mouse.up()
    assert frame.evaluate(at) == pytest.approx([5, 5, 40, 30], abs=1.5)
    page.mouse.move(*to(0.2, 0.2))
    page.mouse.down()
    page.mouse.move(*to(0.5, 0.9), steps=3)
    page.mouse.up()
    assert frame.evaluate(at) == pytest.approx([35, 70, 40, 30], abs=1.5)
    frame.press("Escape")
    expect(frame).to_be_hidden()
    expect(page.get_by_role("button", name="Draw a frame")).to_be_visible()
    expect(page.locator(".verdict h2")).to_have_text("thing 03")


def test_only_what_is_in_the_frame_is_looked_at(page: Page) -> None:
    both = Image.new("RGB", (400, 200))
    for place, seed in enumerate((3, 5)):
        both.paste(Image.open(io.BytesIO(png(seed, 200))), (200 * place, 0))
    buffer = io.BytesIO()
    both.save(buffer, "PNG")
    given = {"name": "two.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    page.locator(".recognize .drop input[type=file]").first.set_input_files(given)
    whole = page.locator(".verdict h2")
    expect(whole).to_be_visible()
    said = whole.inner_text()
    area = page.locator(".area").bounding_box()
    assert area is not None
    for left, label in ((0.5, "thing 05"), (0.0, "thing 03")):
        page.get_by_role("button", name="Draw a frame").click()
        page.mouse.move(
            area["x"] + (left + 0.49) * area["width"], area["y"] + 0.96 * area["height"]
        )
        page.mouse.down()
        page.mouse.move(area["x"] + (left + 0.002) * area["width"], area["y"], steps=4)
        page.mouse.up()
        expect(whole).to_have_text(label)
        page.get_by_role("button", name="Clear the frame").click()
        expect(whole).to_have_text(said)
