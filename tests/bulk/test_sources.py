"""What folders, manifests and iterables list."""

import csv
import json
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from engine.bulk.sources import Item, items
from engine.errors import ImageError, ManifestError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def labels(source: Path) -> list[tuple[str, str]]:
    return [(item.label, Path(item.source).name) for item in items(source)]


def test_files_of_a_folder_are_named_by_their_stems(tmp_path: Path) -> None:
    touch(tmp_path, "polar bear.jpg", "Eisbär.PNG", "notes.txt", ".hidden.jpg")

    assert labels(tmp_path) == [("Eisbär", "Eisbär.PNG"), ("polar bear", "polar bear.jpg")]


def test_pictures_in_folders_are_named_by_the_first_folder(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "cat/more/2.webp", "dog/1.jpg", "owl.png")

    assert labels(tmp_path) == [
        ("cat", "1.jpg"),
        ("cat", "2.webp"),
        ("dog", "1.jpg"),
        ("owl", "owl.png"),
    ]


def test_a_link_that_leads_back_does_not_go_on_for_ever(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg")
    (tmp_path / "cat" / "loop").symlink_to(tmp_path)

    assert labels(tmp_path) == [("cat", "1.jpg")]


def test_a_name_that_is_no_utf8_still_gives_a_label(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    Path(os.fsdecode(path)).touch()

    [item] = items(tmp_path)

    assert item.label == "caf\\xe9"
    assert Path(os.fsdecode(path)) == item.image


def test_a_given_label_wins(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "cat/2.jpg")

    assert {item.label for item in items(tmp_path, label="thing")} == {"thing"}


def test_a_single_picture_is_a_source(tmp_path: Path) -> None:
    touch(tmp_path, "owl.png")

    [item] = items(tmp_path / "owl.png")

    assert (item.label, item.image) == ("owl", tmp_path / "owl.png")


def test_a_path_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file or folder"):
        items(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_manifests_list_paths_labels_and_attributes(tmp_path: Path, kind: str) -> None:
    rows = [
        {"path": "a/1.jpg", "label": "cat", "price": "3"},
        {"path": str(tmp_path / "2.jpg"), "label": "dog", "price": ""},
    ]
    manifest = tmp_path / f"list.{kind}"
    write_manifest(manifest, rows)

    assert list(items(manifest)) == [
        Item("cat", tmp_path / "a/1.jpg", str(tmp_path / "a/1.jpg"), {"price": "3"}),
        Item("dog", tmp_path / "2.jpg", str(tmp_path / "2.jpg"), {}),
    ]


def write_manifest(path: Path, rows: list[dict[str, str]]) -> None:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "file,label\na,b\n", "header with the columns 'path' and 'label'"),
        ("m.csv", "", "header with the columns"),
        ("m.csv", "path,label\na.jpg,\n", "row 2: expected a text in the column 'label'"),
        ("m.csv", "path,label\na.jpg,cat,extra\n", "row 2: has more fields"),
        ("m.jsonl", '{"path": "a.jpg"}\n', "row 1: expected a text in the column 'label'"),
        ("m.jsonl", "{\n", "row 1: isn't JSON"),
        ("m.jsonl", "[1]\n", "row 1: expected a JSON object"),
        ("m.parquet", "no parquet", "can't be read as Parquet"),
    ],
)
def test_a_faulty_manifest_names_the_row(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(ManifestError, match=message) as caught:
        list(items(path))
    assert str(path) in str(caught.value)


def test_iterables_hold_pairs_or_triples(tmp_path: Path) -> None:
    listed = list(items([("cat", "1.jpg"), ("dog", b"...", {"price": 3})]))

    assert [(item.label, dict(item.attributes)) for item in listed] == [
        ("cat", {}),
        ("dog", {"price": 3}),
    ]
    assert listed[0].image == Path("1.jpg").absolute()
    with pytest.raises(ManifestError, match="entry 1: expected"):
        list(items(["1.jpg"]))  # type: ignore[list-item]
