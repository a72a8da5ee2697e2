"""Pictures in an object store: a server that speaks S3, and pyarrow's own `file://`."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.bulk.remote import RemoteFile, is_remote
from engine.bulk.sources import items, origin
from engine.errors import ImageError, ManifestError
from engine.images import load_image
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.bulk.store import SECRET, Store, running_store
from tests.conftest import quarters


def encoded(seed: int) -> bytes:
    file = io.BytesIO()
    quarters(seed).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A bucket `shop` with a catalog, a manifest, and something that is no picture."""
    with running_store() as made:
        made.put("catalog/teapot.png", encoded(1))
        made.put("catalog/polar bear/1.png", encoded(2))
        made.put("catalog/polar bear/more/2.png", encoded(3))
        made.put("catalog/polar bear/.hidden.png", encoded(4))
        made.put("catalog/notes.txt", b"no picture")
        made.put("catalog/broken/cut.png", encoded(5)[:50])
        rows = (
            "path,label,size\ncatalog/teapot.png,pot,3\ns3://shop/catalog/polar bear/1.png,bear,\n"
        )
        made.put("list.csv", rows.encode())
        made.put("wrong.csv", b"file,label\n")
        yield made


def test_a_prefix_is_listed_like_a_folder(store: Store) -> None:
    assert [(item.label, item.source) for item in items(store.url("catalog"))] == [
        ("broken", "s3://shop/catalog/broken/cut.png"),
        ("polar bear", "s3://shop/catalog/polar bear/1.png"),
        ("polar bear", "s3://shop/catalog/polar bear/more/2.png"),
        ("teapot", "s3://shop/catalog/teapot.png"),
    ]
    assert [item.label for item in items(store.url("catalog/teapot.png"))] == ["teapot"]
    assert origin(store.url("catalog/")) == "s3://shop/catalog"


def test_what_is_read_is_what_was_put_there(store: Store) -> None:
    [item] = items(store.url("catalog/teapot.png"))
    for image in (item.image, pickle.loads(pickle.dumps(item.image))):
        assert load_image(image).encoded == encoded(1)


def test_a_manifest_lies_in_a_store_and_names_objects(store: Store) -> None:
    listed = list(items(store.url("list.csv")))
    assert [(item.label, item.source, item.attributes) for item in listed] == [
        ("pot", "s3://shop/catalog/teapot.png", {"size": "3"}),
        ("bear", "s3://shop/catalog/polar bear/1.png", {}),
    ]
    assert load_image(listed[1].image).encoded == encoded(2)
    with pytest.raises(ManifestError, match=r"s3://shop/wrong\.csv: expected a header"):
        list(items(store.url("wrong.csv")))


def test_a_local_manifest_names_objects(store: Store, tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    row = {"path": store.url("catalog/teapot.png"), "label": "pot"}
    manifest.write_text(json.dumps(row))
    [item] = items(manifest)
    assert load_image(item.image).encoded == encoded(1)


def test_enrolling_again_enrolls_only_what_is_new(store: Store, tmp_path: Path) -> None:
    with Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as recognizer:
        first = recognizer.enroll_catalog(store.url("catalog"))
        assert (first.added, first.rejected) == (3, 1)
        assert first.rejects[0].source == "s3://shop/catalog/broken/cut.png"
        store.put("catalog/new.png", encoded(9))
        again = recognizer.enroll_catalog(store.url("catalog"), prune=True)
        store.remove("catalog/new.png")
        assert (again.added, again.unchanged, again.pruned) == (1, 3, 0)
        gone = recognizer.enroll_catalog(store.url("catalog"), prune=True)
        assert (gone.unchanged, gone.pruned) == (3, 1)
        recognizer.enroll("single", store.url("catalog/teapot.png"), allow_duplicates=True)


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("nothing/there", "there is nothing at that address"),
        ("catalog/polar", "there is nothing at that address"),
    ],
)
def test_what_is_not_there_is_said(store: Store, where: str, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint) as raised:
        list(items(store.url(where)))
    assert SECRET not in str(raised.value)


def test_a_bucket_that_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(ImageError, match=r"s3://elsewhere/x: there is nothing at that address"):
        list(items(store.url("x", bucket="elsewhere")))


def test_a_store_that_refuses_is_said(store: Store) -> None:
    with store.refusing(), pytest.raises(ImageError, match="AWS_ACCESS_KEY_ID") as raised:
        list(items(store.url("catalog")))
    assert "s3://shop/catalog" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_store_that_fails_for_a_moment_is_asked_again(store: Store, tmp_path: Path) -> None:
    listed = list(items(store.url("catalog/polar bear")))
    with (
        Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as recognizer,
        store.failing(5) as failed,
    ):
        report = recognizer.enroll_catalog(listed)
    assert len(failed) == 5
    assert (report.added, report.rejected) == (2, 0)


def test_an_object_that_vanished_is_refused_by_name(store: Store) -> None:
    image = RemoteFile.at(store.url("catalog/vanished.png"))
    with pytest.raises(ImageError, match=r"vanished\.png: there is no such object"):
        load_image(image)
    assert SECRET not in repr(image)


def test_other_filesystems_of_pyarrow_work_alike(tmp_path: Path) -> None:
    (tmp_path / "cup").mkdir()
    (tmp_path / "cup" / "1.png").write_bytes(encoded(1))
    [item] = items(f"file://{tmp_path}")
    assert item.label == "cup"
    assert item.source == f"file://{tmp_path}/cup/1.png"
    assert load_image(item.image).encoded == encoded(1)


def test_an_address_with_wrong_options_is_refused() -> None:
    with pytest.raises(ImageError, match="the address can't be used"):
        list(items("s3://shop/catalog?nonsense=1"))


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        ("s3://bucket/key", True),
        ("gs://bucket", True),
        ("file:///a", True),
        ("https://example.org/a.png", False),
        ("s3:/bucket", False),
        ("s3", False),
        ("C:\\pictures", False),
    ],
)
def test_what_counts_as_an_address(text: str, remote: bool) -> None:
    assert is_remote(text) == remote
    assert not is_remote(Path(text))


def test_a_manifest_in_a_store_names_no_file_of_the_reader(store: Store) -> None:
    store.put("spy.csv", b"path,label\nfile:///etc/hostname,secret\n")
    with pytest.raises(ImageError, match="no file of the machine that reads it"):
        list(items(store.url("spy.csv")))
