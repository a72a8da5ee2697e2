"""The Python client, against a service on a socket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import (
    AuthorizationError,
    ClassNotFoundError,
    DuplicateImageError,
    ImageError,
    ServiceError,
)
from engine.recognizer import Recognizer
from engine.server import client
from engine.server.client import Client
from engine.server.options import ServerOptions
from engine.server.tokens import Scope, create_token
from engine.testing.fake_backbone import FakeBackbone
from tests.server.conftest import png, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """A service with tokens: its address, an administrator's token, a recogniser's."""
    path = tmp_path_factory.mktemp("client") / "g.gallery"
    with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
        recognizer.enroll_catalog([(f"thing {seed:02}", png(seed)) for seed in range(20)])
        tokens = recognizer.gallery.catalog.service.tokens
        admin, narrow = (create_token(tokens, "t", s) for s in (Scope.ADMIN, Scope.RECOGNIZE))
        with running(recognizer, ServerOptions(rate=0, keep_unknown=9)) as service:
            yield service.url, admin, narrow


@pytest.fixture
def api(service: tuple[str, str, str]) -> Iterator[Client]:
    url, admin, _ = service
    with Client(url, token=admin) as client:
        yield client


def test_it_recognises_what_it_enrolled(api: Client, tmp_path: Path) -> None:
    path = tmp_path / "lamp.png"
    path.write_bytes(png(300))

    assert api.enroll("lamp", path).label == "lamp"

    decision = api.recognize(path)
    assert (decision.label, decision.known) == ("lamp", True)
    with path.open("rb") as file:
        assert api.recognize(file).candidates[0].label == "lamp"
    assert api.nearest(png(300), k=2)[0].label == "lamp"
    assert api.verify(path, png(300)).same is True
    assert api.confirm(path, "lamp").right is True
    many = api.recognize_many([path, b"broken"])
    assert (many[0].label, many[1].error is None) == ("lamp", False)
    api.remove_class("lamp")


def test_it_pages_through_the_classes(api: Client) -> None:
    labels = [entry.label for entry in api.classes(search="thing")]
    assert labels == [f"thing {seed:02}" for seed in range(20)]
    assert api.gallery().classes == 20


def test_it_changes_classes(api: Client) -> None:
    for seed, label in ((310, "a"), (311, "b")):
        api.enroll(label, png(seed))
    assert api.rename_class("a", "c").label == "c"
    assert api.pin_threshold("c", 0.5).pinned_threshold == 0.5
    assert api.pin_threshold("c", None).pinned_threshold is None
    refusing = api.reject(png(312), "c")
    assert [each.id for each in api.counterexamples("c")] == [refusing.id]
    api.remove_counterexample("c", refusing.id)
    assert api.counterexamples("c") == []
    merged = api.merge_classes(["b"], into="c")
    assert len(merged.examples) == 2
    assert api.picture(merged.examples[0].id) == png(310)
    api.remove_example(merged.examples[0].id)
    assert len(api.class_named("c").examples) == 1
    api.remove_class("c")


def test_it_follows_jobs(api: Client, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("new one.png", png(320))
        archive.writestr("bad.png", b"bad")
    path = tmp_path / "shop.zip"
    path.write_bytes(packed.getvalue())

    *_, over = api.follow(api.enroll_many([path]).id)

    assert (over.state, over.report.added, over.report.rejected) == ("done", 1, 1)
    assert api.job(over.id) == over
    api.remove_class("new one")
    *_, calibrated = api.follow(api.calibrate().id)
    assert calibrated.state == "done"
    assert api.quality().classes_then == 20
    assert api.set_target_fpir(0.05).target_fpir == 0.05


def test_it_brings_many_files_in_pieces(
    api: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FILES_AT_ONCE", 2)
    paths = [tmp_path / f"piece {seed}.png" for seed in range(5)]
    for seed, path in enumerate(paths):
        path.write_bytes(png(800 + seed))

    job = api.enroll_many(paths)

    assert job.total == 5
    *_, over = api.follow(job.id)
    assert over.report.added == 5
    assert next(iter(api.jobs())).id == job.id
    for path in paths:
        api.remove_class(path.stem)  # though the paths as given begin with other folders
    with pytest.raises(ImageError, match=r"gone\.png"):
        api.enroll_many([*paths[:2], tmp_path / "gone.png"])
    assert next(iter(api.jobs())).state == "cancelled"


def test_it_reviews(api: Client) -> None:
    api.recognize(png(99))
    [[query]] = api.review().clusters
    assert api.reviewed_picture(query.id) == png(99)
    assert api.enroll_reviewed("vase", [query.id]).enrolled == 1
    assert api.recognize(png(99)).label == "vase"
    api.remove_class("vase")
    api.recognize(png(98))
    assert api.forget_reviewed() == 1


def test_it_raises_what_the_library_raises(api: Client, service: tuple[str, str, str]) -> None:
    with pytest.raises(ImageError) as caught:
        api.recognize(b"nothing")
    assert caught.value.source == "<upload picture>"
    with pytest.raises(ClassNotFoundError, match="did you mean"):
        api.class_named("thing 0")
    with pytest.raises(DuplicateImageError):
        api.enroll("other", png(3))
    with pytest.raises(ImageError, match="No such file"):
        api.recognize("nowhere.png")
    url, _, narrow = service
    with Client(url) as nobody, pytest.raises(AuthorizationError, match="a token is needed"):
        nobody.gallery()
    with Client(url, token=narrow) as reader:
        assert reader.recognize(png(3)).label == "thing 03"
        with pytest.raises(AuthorizationError, match="scope 'enroll'"):
            reader.enroll("x", png(400))
        with pytest.raises(AuthorizationError):
            list(reader.follow(1))
    with (
        Client("http://127.0.0.1:9") as lost,
        pytest.raises(ServiceError, match="can't be reached"),
    ):
        lost.gallery()


def test_importing_the_client_loads_no_web_framework() -> None:
    import subprocess
    import sys

    code = (
        "import engine.server.client, sys; "
        "print([m for m in ('fastapi', 'uvicorn', 'torch', 'numpy', 'faiss') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
