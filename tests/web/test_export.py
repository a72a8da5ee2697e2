"""The page that recognises by itself, in a real browser, against the library."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from engine import sample
from engine.cli.app import app
from engine.errors import SettingsError
from engine.features import Features
from engine.features.closer import _prepared
from engine.gallery import Snapshot
from engine.gallery.deciding.decisions import decide_queries
from engine.gallery.snapshot import CounterexampleTable
from engine.local import QueryView
from engine.projections import Projection
from engine.recognizer import Recognizer
from engine.types import Decision, FloatArray, Region
from engine.web import export_web
from engine.web.export import LOCAL_LEFT_OUT, RUNTIME_FILES, STATIC, _gallery, quantised
from tests.server.browser import DESKTOP, PHONE, launched, tab
from tests.server.page import problems_of

CLASSES = 60
CONTROLLED = """new Promise((done) => {
    if (navigator.serviceWorker.controller) done();
    else navigator.serviceWorker.addEventListener("controllerchange", () => done());
})"""
PRETENDED = """
export const env = { wasm: {} };
export class Tensor {}
const session = {
    inputNames: ["in"],
    outputNames: ["out"],
    run: async () => ({ out: { data: Float32Array.from({ length: 1280 }, (_, at) => at % 7) } }),
};
export const InferenceSession = { create: async () => session };
"""
"""A runtime to which every picture looks the same."""

SIZES = ((224, 224), (224, 300), (640, 480), (97, 400), (1, 50), (31, 30), (300, 701))


def unpacked() -> Path | None:
    """The npm package, where there is one: `npm pack onnxruntime-web`, unpacked."""
    cached = Path(__file__).parents[2] / ".cache" / "onnxruntime-web" / "package"
    place = Path(os.environ.get("ORT_WEB_PACKAGE", cached))
    return place if (place / "package.json").is_file() else None


def stand_in(folder: Path) -> Path:
    """What looks like the package, and runs nothing; see `PRETENDED`."""
    (folder / "dist").mkdir(parents=True)
    about = {"name": "onnxruntime-web", "version": "1.2.3", "license": "MIT"}
    (folder / "package.json").write_text(json.dumps(about))
    for name in RUNTIME_FILES:
        (folder / "dist" / name).write_text(PRETENDED)
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    """Sixty of the sample's pictures; one class has two, one is pinned."""
    pictures = sorted(sample.catalog().iterdir())[:CLASSES]
    place = tmp_path_factory.mktemp("web") / "shop.gallery"
    with Recognizer.open(
        place, create=True, backbone="onelook-lite0", local_features="none"
    ) as recognizer:
        recognizer.enroll_catalog([(path.stem, path) for path in pictures])
        recognizer.enroll(pictures[0].stem, pictures[-1], allow_duplicates=True)
        recognizer.gallery.classes.pin(pictures[1].stem, 0.9)
        recognizer.gallery.classes.set_attributes(pictures[2].stem, {"price": "4 €"})
        yield recognizer


@pytest.fixture(scope="module")
def site(shop: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    export_web(shop, folder / "site", runtime=unpacked() or stand_in(folder / "package"))
    return folder / "site"


@pytest.fixture(scope="module")
def queries(site: Path) -> list[str]:
    """Photographs, strangers and enrolled pictures, beside the page, as PNGs of many sizes."""
    catalog = sorted(sample.catalog().iterdir())
    sources = [*sorted(sample.queries().iterdir()), *sorted(sample.strangers().iterdir())][::2]
    sources += [*catalog[:30], *catalog[CLASSES : CLASSES + 45]]
    (site / "queries").mkdir()
    names = []
    for number, source in enumerate(sources):
        picture = read(source)
        if source in catalog[10:30]:
            picture = among_others(picture, read(sources[number - 10]))
        names.append(f"queries/{number}.png")
        picture.save(site / names[-1])
    for number, size in enumerate(SIZES):
        name = f"queries/size-{number}.png"
        noise = np.random.default_rng(number).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(noise).save(site / name)
        names.append(name)
    return names


def read(source: Path) -> Image.Image:
    with Image.open(source) as image:
        return image.convert("RGB")


def among_others(picture: Image.Image, others: Image.Image) -> Image.Image:
    """A picture whose middle is that one, and the rest of it another."""
    width, height = (round(side / 0.6) for side in picture.size)
    whole = others.resize((width, height))
    whole.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return whole


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def looked(shop: Recognizer, site: Path, queries: list[str]) -> list[Features]:
    """The queries, with a closer look at each."""
    extractor = shop.features
    return extractor.features(
        [extractor.prepare_query(site / name, local=False) for name in queries]
    )


@pytest.fixture(scope="module")
def expected(shop: Recognizer, queries: list[str], looked: list[Features]) -> list[Decision]:
    """What the library decides by cosine and closer looks, without local features."""
    snapshot = shop.gallery.snapshot()
    vectors = snapshot.projection.apply_queries(np.stack([each.embedding for each in looked]))
    return decide_queries(snapshot, vectors, queries, views=[each.view for each in looked])


@dataclass
class Looked:
    """A closer look whose embedding is known."""

    vector: FloatArray
    box: Region = (1, 2, 3, 4)

    def embedding(self) -> FloatArray:
        return self.vector


def same(decision: Decision, found: dict[str, Any]) -> bool:
    """Whether the page says the same, but within a hundredth of the threshold."""
    assert decision.score is not None
    assert decision.threshold is not None
    near = abs(decision.score - decision.threshold) <= 0.01 * decision.threshold
    return near or found["label"] == decision.label


def test_pictures_are_scaled_to_the_last_bit(
    shop: Recognizer, site: Path, queries: list[str], browser: Browser, address: str
) -> None:
    chosen = [queries[0], *queries[-len(SIZES) :]]
    with tab(browser) as page:
        page.goto(f"{address}/gallery.json")
        found = page.evaluate(
            """async (names) => {
                const { cropped, middle, prepare } = await import("/prepare.js");
                const { closer, preprocessing } = await (await fetch("/gallery.json")).json();
                const fits = ["between", "crop", "squash"];
                const text = (bytes) =>
                    bytes.reduce((text, byte) => text + String.fromCharCode(byte), "");
                const answers = [];
                for (const name of names) {
                    const bitmap = await createImageBitmap(await (await fetch(`/${name}`)).blob());
                    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
                    const context = canvas.getContext("2d");
                    context.drawImage(bitmap, 0, 0);
                    const data = context.getImageData(0, 0, bitmap.width, bitmap.height);
                    const part = cropped(data, middle(bitmap.width, bitmap.height, closer));
                    answers.push([
                        text(prepare(part, preprocessing)),
                        ...fits.map((fit) =>
                            text(prepare(data, { ...preprocessing, resize: 240, fit }))),
                    ]);
                }
                return answers;
            }""",
            chosen,
        )
    for name, (part, *by_fit) in zip(chosen, found, strict=True):
        picture = read(site / name)
        looked_at = _prepared(shop.features.embedder, picture)
        assert part.encode("latin-1") == looked_at.tobytes(), f"{name} closer"
        for fit, pixels in zip(("between", "crop", "squash"), by_fit, strict=True):
            expected = replace(shop.backbone.preprocessing, resize=240, fit=fit).prepare(picture)
            assert pixels.encode("latin-1") == expected.tobytes(), f"{name} {fit}"


def test_it_decides_as_the_library_does(
    queries: list[str],
    looked: list[Features],
    expected: list[Decision],
    browser: Browser,
    address: str,
) -> None:
    looks = [[each.embedding, each.view.closer.embedding()] for each in looked]
    with tab(browser) as page:
        page.goto(f"{address}/gallery.json")
        found = page.evaluate(
            """async (queries) => {
                const { Gallery } = await import("/decide.js");
                const described = await (await fetch("/gallery.json")).json();
                const vectors = await (await fetch("/vectors.bin")).arrayBuffer();
                const gallery = new Gallery(described, new Int8Array(vectors), null);
                return Promise.all(JSON.parse(queries).map(
                    ([whole, middle]) => gallery.decide(whole, async () => middle),
                ));
            }""",
            json.dumps(np.array(looks, float).round(7).tolist()),
        )
    assert differing(queries, expected, found) == []
    assert {decision.known for decision in expected} == {True, False}
    assert sum(decision.known and decision.region is not None for decision in expected) > 7
    for decision, answer in pairs(expected, found):
        assert answer["similarity"] == pytest.approx(decision.similarity, abs=0.002)
        assert answer["score"] == pytest.approx(decision.score, abs=0.02)
        if decision.margin > 0.002:
            assert answer["byMiddle"] == (decision.region is not None)
        assert answer["threshold"] == pytest.approx(decision.threshold, abs=1e-6)
        assert np.log(answer["strangerRate"]) == pytest.approx(
            np.log(decision.stranger_rate), abs=0.2
        )


def differing(names: list[str], expected: list[Decision], found: list[dict]) -> list[str]:
    """The queries whose labels differ though they are not near the threshold."""
    outcomes = zip(names, pairs(expected, found), strict=True)
    return [name for name, (decision, answer) in outcomes if not same(decision, answer)]


def pairs(expected: list[Decision], found: list[dict]) -> Iterator[tuple[Decision, dict]]:
    return zip(expected, found, strict=True)


def test_in_a_projected_space_too(tmp_path: Path, shop: Recognizer, browser: Browser) -> None:
    rng = np.random.default_rng(0)
    projection = Projection(
        "adapted",
        rng.normal(0, 0.02, 16).astype(np.float32),
        rng.normal(size=(16, 8)).astype(np.float32),
        rng.normal(0, 0.02, 16).astype(np.float32),
    )
    embeddings = rng.normal(size=(30, 16)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    snapshot = Snapshot.in_memory(
        space=shop.backbone.space,
        projection=projection,
        example_ids=np.arange(20),
        class_ids=np.arange(20) // 2,
        embeddings=embeddings[:20],
        labels={number: f"thing {number}" for number in range(10)},
        shipped=embeddings[20:25],
        target_fpir=0.05,
    )
    contrary = projection.apply_queries(embeddings[[26, 27]])  # what the nearest classes refuse
    nearest = [int(ranking.class_ids[0]) for ranking in snapshot.rank(contrary, 1)]
    table = CounterexampleTable(np.arange(2), np.array(nearest), contrary)
    snapshot = replace(snapshot, counterexamples=table)
    (tmp_path / "gallery.json").write_text(json.dumps(_gallery(snapshot, tmp_path)))
    shutil.copy(STATIC / "decide.js", tmp_path)
    # Middles show what the whole does, a class, a shipped picture, a counterexample.
    queries = embeddings[[0, 3, 25, 26, 27, 28, 28, 29, 25]]
    middles = embeddings[[0, 3, 25, 26, 27, 4, 21, 26, 24]]
    views = [QueryView.without_points((9, 9), Looked(middle)) for middle in middles]
    vectors = projection.apply_queries(queries)
    expected = decide_queries(snapshot, vectors, ["q"] * len(queries), views=views)
    with served(tmp_path) as address, tab(browser) as page:
        page.goto(f"{address}/gallery.json")
        found = page.evaluate(
            """async (queries) => {
                const { Gallery } = await import("/decide.js");
                const described = await (await fetch("/gallery.json")).json();
                const read = async (name) => (await fetch(name)).arrayBuffer();
                const gallery = new Gallery(
                    described,
                    new Int8Array(await read("/vectors.bin")),
                    new Float32Array(await read("/projection.bin")),
                );
                return Promise.all(JSON.parse(queries).map(
                    ([whole, middle]) => gallery.decide(whole, async () => middle),
                ));
            }""",
            json.dumps(np.stack([queries, middles], axis=1).astype(float).tolist()),
        )
    refused = [number for number, decision in enumerate(expected) if decision.refused]
    by_middle = [number for number, decision in enumerate(expected) if decision.region]
    assert (refused, by_middle) == ([3, 4, 7], [5, 6, 8])
    for decision, answer in pairs(expected, found):
        assert same(decision, answer)
        assert answer["byMiddle"] == (decision.region is not None)
        assert answer["candidates"][0]["similarity"] == pytest.approx(decision.similarity, abs=0.02)


def test_the_page_recognises_as_the_library_does(
    site: Path, queries: list[str], expected: list[Decision], browser: Browser, address: str
) -> None:
    """The network included; offline as well, once it was opened."""
    if unpacked() is None:
        pytest.skip("the npm package onnxruntime-web isn't unpacked here (ORT_WEB_PACKAGE)")
    with tab(browser, **PHONE) as page:
        opened(page, address)
        found = [recognised(page, name) for name in queries]
        assert differing(queries, expected, found) == []
        for decision, answer in pairs(expected, found):
            if decision.region is not None and answer["region"] is not None:
                assert answer["region"] == pytest.approx(decision.region)
        page.evaluate(CONTROLLED)
        page.context.set_offline(True)
        page.reload()
        opened(page, None)
        page.locator("#picture").set_input_files(site / queries[0])
        expect(page.locator("article h2")).to_have_text(expected[0].label or "Unknown")
        page.context.set_offline(False)
        closer = next(n for n, decision in enumerate(expected) if decision.region is not None)
        page.locator("#picture").set_input_files(site / queries[closer])
        expect(page.get_by_text("The dashed part was looked at closer")).to_be_visible()
        left, top, right, bottom = outlined(page)
        assert [left, top, 1 - right, 1 - bottom] == pytest.approx([0.2] * 4, abs=0.01)
        assert problems_of(page, "looked closer") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_the_page_says_what_it_decides_by(
    site: Path, queries: list[str], browser: Browser, address: str, options: dict, scheme: str
) -> None:
    with tab(browser, **options, color_scheme=scheme) as page:
        opened(page, address)
        problems = problems_of(page, "open")
        expect(page.get_by_role("contentinfo")).to_contain_text(
            "whole pictures and, where that doesn’t settle it, of their middle."
        )
        page.locator("#picture").set_input_files(site / queries[0])
        expect(page.get_by_role("article")).to_be_visible()
        page.locator("summary").click()
        problems += problems_of(page, "answered")
        (site / "notes.png").write_text("no picture")
        page.locator("#picture").set_input_files(site / "notes.png")
        expect(page.get_by_role("status")).to_contain_text("notes.png can’t be read")
        problems += problems_of(page, "refused")
    assert problems == []


def test_whoever_reads_german_is_spoken_to_in_german(
    site: Path, queries: list[str], browser: Browser, address: str
) -> None:
    with tab(browser, **PHONE, locale="de-AT") as page:
        page.goto(f"{address}/")
        expect(page.locator("#status")).to_have_text(
            f"{CLASSES} Dinge werden hier erkannt, ganz ohne Netz."
        )
        expect(page.get_by_role("heading", level=1)).to_have_text("Was ist das?")
        page.locator("#picture").set_input_files(site / queries[0])
        expect(page.locator(".rate")).to_contain_text("Fremden")
        page.get_by_text("Am nächsten", exact=True).click()
        expect(
            page.get_by_text(re.compile(r"Wert [01],\d{3}, Schwelle [01],\d{3}"))
        ).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "de"
        assert problems_of(page, "in German") == []


def outlined(page: Page) -> list[float]:
    """Left, top, right and bottom of the outline on the newest picture, as shares of it."""
    shares: list[float] = page.locator(".query").first.evaluate(
        """(query) => {
            const [whole, part] = [...query.children].map((one) => one.getBoundingClientRect());
            return [
                (part.left - whole.left) / whole.width,
                (part.top - whole.top) / whole.height,
                (part.right - whole.left) / whole.width,
                (part.bottom - whole.top) / whole.height,
            ];
        }"""
    )
    return shares


def opened(page: Page, address: str | None) -> None:
    if address is not None:
        page.goto(f"{address}/")
    expect(page.locator("#status")).to_contain_text(f"{CLASSES} things can be recognised here")


def recognised(page: Page, name: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(
        "async (name) => window.onelook.recognise(await (await fetch(name)).blob())", name
    )
    return found


def test_what_is_written_says_what_it_is_made_of(site: Path) -> None:
    described = json.loads((site / "gallery.json").read_text(encoding="utf-8"))
    assert described["runtime"].startswith("onnxruntime-web ")
    assert described["runtime"].endswith("licence MIT")
    assert described["left_out"] == []
    assert "licence MIT" in (site / "runtime" / "ABOUT.txt").read_text(encoding="utf-8")
    assert all((site / name).is_file() for name in described["files"])
    assert "EXPORT" not in (site / "worker.js").read_text(encoding="utf-8")
    assert len(described["pictures"]) == CLASSES


def test_it_says_that_local_features_are_left_out(
    tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONELOOK_CLOSER_LOOK", "off")
    with Recognizer.open(tmp_path / "g", create=True, backbone="onelook-lite0") as recognizer:
        recognizer.enroll("thing", sorted(sample.catalog().iterdir())[0])
        made = export_web(recognizer, tmp_path / "site", runtime=stand_in(tmp_path / "package"))
    assert made.left_out == (LOCAL_LEFT_OUT,)
    with served(tmp_path / "site") as address, tab(browser) as page:
        page.goto(f"{address}/")
        expect(page.get_by_role("contentinfo")).to_contain_text(
            "whole pictures. Local features (corners and blobs that match) are left out"
        )


def test_vectors_lose_little() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 1280)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    read = quantised(rows).astype(np.float32)
    read /= np.linalg.norm(read, axis=1, keepdims=True)
    assert np.abs(rows @ read.T - rows @ rows.T).max() < 0.001


def test_odd_wishes_are_refused_in_words(shop: Recognizer, tmp_path: Path) -> None:
    package = stand_in(tmp_path / "package")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    with pytest.raises(SettingsError, match="a new or empty folder"):
        export_web(shop, mine, runtime=package)
    with pytest.raises(SettingsError, match="npm pack onnxruntime-web"):
        export_web(shop, tmp_path / "site", runtime=mine)
    with (
        Recognizer.open(tmp_path / "g", create=True, backbone="fake") as other,
        pytest.raises(SettingsError, match="bicubically, but fake wants box"),
    ):
        export_web(other, tmp_path / "site", runtime=package)
    assert not (tmp_path / "site").exists()
    for arguments in (["x.parquet", "--web", "site", "--runtime", "p"], ["--web", "site"], []):
        refused = CliRunner().invoke(app, ["export", *arguments, "-g", str(tmp_path / "g")])
        assert refused.exit_code == 2
