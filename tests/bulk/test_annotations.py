"""Boxes in tables, COCO and YOLO: each is read as the part of its picture that it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.boxes import Box, Crop
from engine.bulk.notes import ListingNotes
from engine.bulk.sources import Item, items
from engine.errors import ManifestError
from engine.images import load_image
from engine.recognizer import Recognizer
from tests.conftest import quarters
from tests.test_boxes import place, shelf

COCO: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "shelf.png", "width": 120, "height": 72}],
    "categories": [{"id": 1, "name": "cup"}, {"id": 9, "name": "bowl"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [4, 20, 32, 32], "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 9, "bbox": [44.2, 19.8, 32, 32.1]},
        {"id": 3, "image_id": 7, "category_id": 9, "bbox": [0, 0, 120, 72], "iscrowd": 1},
        {"id": 4, "image_id": 7, "category_id": 9, "bbox": [5, 5, 1, 0.5]},
    ],
}
YOLO = "0 0.166667 0.5 0.266667 0.444444\n1 0.5 0.5 0.266667 0.444444\n"


def boxes(listed: list[Item]) -> list[tuple[str, str]]:
    """Label and box of each item."""
    assert all(isinstance(item.image, Crop) for item in listed)
    return [(item.label, item.source.rpartition("#box=")[2]) for item in listed]


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def with_changed(**changes: Any) -> dict[str, Any]:
    """The annotations, with the first one changed."""
    first, *rest = COCO["annotations"]
    return {**COCO, "annotations": [{**first, **changes}, *rest]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "path,label,x0,y0,x1,y1,price\na.png,cup,4,20,36,52,3\nb.png,mug,,,,,\n"),
        ("a.csv", "X1;Y1;path;LABEL;X0;Y0;price\n36;52;a.png;cup;4;20,0;3\n;;b.png;mug;;;\n"),
        (
            "a.jsonl",
            '{"path": "a.png", "label": "cup", "x0": 4, "y0": 20, "x1": 36, "y1": 52.0, '
            '"price": "3"}\n{"path": "b.png", "label": "mug"}\n',
        ),
    ],
)
def test_a_table_may_say_which_part_is_meant(tmp_path: Path, name: str, text: str) -> None:
    cup, mug = items(write(tmp_path / name, text))

    assert isinstance(cup.image, Crop)
    assert (cup.image.image, cup.image.box) == (tmp_path / "a.png", Box(4, 20, 36, 52))
    assert cup.source == f"{tmp_path}/a.png#box=4,20,36,52"
    assert cup.attributes == {"price": "3"}
    assert (mug.image, mug.attributes) == (tmp_path / "b.png", {})


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ("4,20,36,", "or in none"),
        ("4,20,36,x", "four numbers"),
        ("4,20,36,nan", "finite"),
        ("36,20,4,52", "encloses nothing"),
        ("0.1,0.1,0.5,52", "mixes"),
    ],
)
def test_a_table_with_half_a_box_says_which_row(tmp_path: Path, sides: str, said: str) -> None:
    table = write(tmp_path / "a.csv", f"path,label,x0,y0,x1,y1\na.png,cup,{sides}\n")
    with pytest.raises(ManifestError, match=rf"a\.csv, row 2: .*{said}"):
        list(items(table))


@pytest.mark.parametrize(
    ("annotations", "pictures"),
    [
        ("instances.json", "shelf.png"),
        ("annotations/instances_train.json", "train/shelf.png"),
        ("annotations/instances_train.json", "images/train/shelf.png"),
        ("annotations/all.json", "images/shelf.png"),
    ],
)
def test_coco_is_read_wherever_the_pictures_are(
    tmp_path: Path, annotations: str, pictures: str
) -> None:
    (tmp_path / pictures).parent.mkdir(parents=True, exist_ok=True)
    shelf(1, 2).save(tmp_path / pictures)
    notes = ListingNotes()

    listed = list(items(write(tmp_path / annotations, COCO), notes=notes))

    assert boxes(listed) == [("cup", "4,20,36,52"), ("bowl", "44,20,76,52")]
    assert listed[0].source.startswith(f"{tmp_path / pictures}#")
    assert np.array_equal(np.asarray(load_image(listed[0].image).pixels), np.asarray(quarters(1)))
    assert len(notes.remarks) == 1
    assert "1 crowds, 1 boxes of less than 2 pixels" in notes.remarks[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "can't be read as JSON"),
        ([1, 2], "expected COCO annotations"),
        ({"images": []}, "expected COCO annotations"),
        (with_changed(image_id=8), "annotation 1: names the image 8"),
        (with_changed(image_id=[7]), "annotation 1: names the image"),
        (with_changed(category_id=3), "annotation 1: names the category 3"),
        (with_changed(bbox=[1, 2, 3]), "annotation 1: expected a bbox"),
        (with_changed(bbox=None), "annotation 1: expected a bbox"),
        (with_changed(bbox=[1, 2, float("nan"), 4]), "annotation 1: expected a box of finite"),
        ({**COCO, "images": [{"id": 7, "file_name": "gone.png"}]}, "aren't there"),
    ],
)
def test_damaged_coco_says_where(tmp_path: Path, content: object, said: str) -> None:
    shelf(1, 2).save(tmp_path / "shelf.png")
    with pytest.raises(ManifestError, match=said):
        list(items(write(tmp_path / "a.json", content)))


def a_described_set(folder: Path) -> Path:
    """A data set as Ultralytics has it."""
    shelf_at(folder / "images/train/shelf.png")
    write(folder / "labels/train/shelf.txt", YOLO)
    return write(
        folder / "data.yaml", "path: .\ntrain: images/train\nval:\nnames:\n  0: cup\n  1: bowl\n"
    )


def an_exported_set(folder: Path) -> Path:
    """A data set as Roboflow exports it, whose paths start a folder too high."""
    shelf_at(folder / "train/images/shelf.png")
    write(folder / "train/labels/shelf.txt", YOLO)
    return write(
        folder / "data.yaml", "train: ../train/images\nval: ../train/images\nnames: [cup, bowl]\n"
    )


def a_listed_set(folder: Path) -> Path:
    """A data set as annotation tools save it."""
    shelf_at(folder / "shelf.png")
    write(folder / "shelf.txt", YOLO)
    return write(folder / "classes.txt", "cup\nbowl\n")


def an_outlined_set(folder: Path) -> Path:
    """A data set of outlines instead of boxes."""
    path = a_listed_set(folder)
    write(
        folder / "shelf.txt",
        "0 0.033333 0.277778 0.3 0.277778 0.3 0.722222 0.033333 0.722222\n"
        "1 0.5 0.5 0.266667 0.444444 0.97\n\n",
    )
    return path


def shelf_at(path: Path) -> None:
    path.parent.mkdir(parents=True)
    shelf(1, 2).save(path)


@pytest.mark.parametrize("made", [a_described_set, an_exported_set, a_listed_set, an_outlined_set])
def test_yolo_is_read_by_its_description_and_by_its_folder(
    tmp_path: Path, made: Callable[[Path], Path]
) -> None:
    described = made(tmp_path / "set")
    notes = ListingNotes()

    listed = list(items(described))

    assert [item.label for item in listed] == ["cup", "bowl"]
    for number, item in enumerate(listed):
        loaded = load_image(item.image)
        assert (*loaded.corner, loaded.width, loaded.height) == (*place(number)[:2], 32, 32)
        assert np.array_equal(np.asarray(loaded.pixels), np.asarray(quarters(number + 1)))
    by_folder = list(items(tmp_path / "set", notes=notes))
    assert [item.source for item in by_folder] == [item.source for item in listed]
    assert any("taken for the annotations" in remark for remark in notes.remarks)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("2 0.5 0.5 0.2 0.2", r"shelf\.txt, line 1: names the class 2"),
        ("0 0.5 0.5 0.2", r"shelf\.txt, line 1: expected `class x y"),
        ("cup 0.5 0.5 0.2 0.2", r"shelf\.txt, line 1: expected `class x y"),
    ],
)
def test_damaged_yolo_says_where(tmp_path: Path, labels: str, said: str) -> None:
    described = a_listed_set(tmp_path / "set")
    write(tmp_path / "set/shelf.txt", labels)
    with pytest.raises(ManifestError, match=said):
        list(items(described))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("names: [", "can't be read as YAML"),
        ("train: images/train\n", "under `names`"),
        ("train: images/elsewhere\nnames: [cup, bowl]\n", "aren't there: looked in"),
    ],
)
def test_a_damaged_description_says_what_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    a_described_set(tmp_path)
    with pytest.raises(ManifestError, match=said):
        list(items(write(tmp_path / "data.yaml", content)))


def test_boxes_that_stick_out_are_cut_and_pictures_without_labels_are_counted(
    tmp_path: Path,
) -> None:
    described = a_listed_set(tmp_path / "set")
    write(tmp_path / "set/shelf.txt", "0 0.1 0.5 0.3 0.5\n1 0.5 0.5 0 0.1\n")
    shelf(3).save(tmp_path / "set/bare.png")
    notes = ListingNotes()

    assert boxes(list(items(described, notes=notes))) == [("cup", "0,0.25,0.25,0.75")]
    assert "1 pictures without labels, 1 boxes that enclose nothing" in notes.remarks[0]


def test_a_folder_of_exported_coco_is_read_by_its_annotations(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        shelf_at(tmp_path / part / "shelf.png")
        write(tmp_path / part / "_annotations.coco.json", COCO)

    listed = list(items(tmp_path))

    assert boxes(listed) == [("cup", "4,20,36,52"), ("bowl", "44,20,76,52")] * 2


def test_a_list_of_names_beside_folders_of_classes_changes_nothing(tmp_path: Path) -> None:
    shelf_at(tmp_path / "cup" / "a.png")
    write(tmp_path / "classes.txt", "cup\n")
    write(tmp_path / "data.yaml", "made: 2024\n")

    assert [(item.label, item.image) for item in items(tmp_path)] == [
        ("cup", tmp_path / "cup" / "a.png")
    ]


def test_annotations_are_enrolled_and_enrolled_again(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    shelf(1, 2).save(tmp_path / "shelf.png")
    file = write(tmp_path / "a.json", COCO)

    first = recognizer.enroll_catalog(file)
    again = recognizer.enroll_catalog(file, prune=True)

    assert (first.added, first.rejected) == (2, 0)
    assert (again.unchanged, again.added, again.pruned) == (2, 0, 0)
    assert recognizer.nearest(quarters(1))[0].label == "cup"
    assert recognizer.nearest(quarters(2))[0].label == "bowl"
