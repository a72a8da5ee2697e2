"""`--box`, tables with boxes and annotations on the command line, with good and bad input."""

import json
from pathlib import Path

import pytest
from PIL import Image

from engine.testing.pictures import poster, seen
from tests.bulk.test_annotations import COCO, a_described_set
from tests.cli.conftest import Onelook, objects
from tests.conftest import quarters
from tests.test_boxes import CORNERS, place, shelf


def text(number: int) -> str:
    return ",".join(map(str, place(number)))


def test_parts_are_enrolled_and_looked_up(onelook: Onelook, tmp_path: Path) -> None:
    shelf(1, 2, 3).save(tmp_path / "shelf.png")
    quarters(2).save(tmp_path / "cut.png")
    for number in range(3):
        label = f"thing {number + 1}"
        onelook("enroll", "shelf.png", "-g", "g", "--label", label, "--box", text(number))
    again = onelook(
        "enroll", "shelf.png", "-g", "g", "--label", "thing 2", f"--box={text(1)}", "--json"
    )

    assert objects(again)[0]["unchanged"] == 1
    [cut] = objects(onelook("nearest", "cut.png", "-g", "g", "--json"))
    [part] = objects(onelook("nearest", "shelf.png", "--box", text(1), "-g", "g", "--json"))
    assert part["candidates"] == cut["candidates"]
    assert part["source"] == f"shelf.png#box={text(1)}"
    [decision] = objects(onelook("recognize", "shelf.png", "--box", text(1), "-g", "g", "--json"))
    assert decision["candidates"][0]["label"] == "thing 2"
    [told] = objects(onelook("explain", "shelf.png", "--box", text(1), "-g", "g", "--json"))
    assert told["decision"]["similarity"] == decision["similarity"]
    shares = "0.275,0.277778,0.475,0.722222"
    [decided] = objects(onelook("recognize", "shelf.png", "--box", shares, "-g", "g", "--json"))
    assert decided["score"] == decision["score"]


def test_parts_are_verified(onelook: Onelook, tmp_path: Path) -> None:
    shelf(1, 2, 3).save(tmp_path / "shelf.png")
    shelf(2, 3, 1).save(tmp_path / "other.png")
    quarters(2).save(tmp_path / "cut.png")
    onelook("enroll", "cut.png", "-g", "g")

    def similarity(*arguments: str) -> float:
        [told] = objects(onelook("verify", *arguments, "-g", "g", "--json"))
        return float(told["similarity"])

    assert similarity("shelf.png", "cut.png", "--box", text(1)) > 0.99
    both = ["--box", text(1), "--box", text(0)]
    assert similarity("shelf.png", "other.png", *both) > 0.99
    assert similarity("shelf.png", "other.png", "--box", text(1), "--box", text(1)) < 0.9
    again = onelook("verify", "cut.png", "cut.png", *both, "--box", text(2), code=2)
    assert "expected one for A and one for B but got 3" in again.stderr


@pytest.mark.parametrize(
    ("command", "box", "said"),
    [
        ("enroll", "1,2,3", "four numbers"),
        ("recognize", "9,9,1,1", "encloses nothing"),
        ("nearest", "0,0,inf,1", "finite"),
        ("explain", "0.5,0.5,0.9,100", "mixes"),
        ("locate", "", "four numbers"),
    ],
)
def test_what_is_no_box_is_a_usage_error(
    onelook: Onelook, tmp_path: Path, command: str, box: str, said: str
) -> None:
    quarters(1).save(tmp_path / "a.png")
    done = onelook(command, "a.png", "-g", "g", f"--box={box}", code=2)
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "g").exists()


def test_a_box_beyond_the_picture_is_an_error_of_the_picture(
    onelook: Onelook, gallery: Path, tmp_path: Path
) -> None:
    quarters(1).save(tmp_path / "a.png")
    for command in ("recognize", "nearest", "locate"):
        done = onelook(command, "a.png", "-g", gallery, "--box", "40,40,90,90", code=3)
        assert "within its 32 × 32 pixels" in done.stderr
    done = onelook(
        "enroll", "a.png", "-g", gallery, "--label", "new", "--box", "40,40,90,90", code=3
    )
    assert "within its 32 × 32 pixels" in done.stderr


def test_a_box_goes_with_pictures_only(onelook: Onelook, catalog: Path) -> None:
    done = onelook("enroll", catalog, "-g", "g", "--box", "1,2,30,30", code=2)
    assert "x0, y0, x1 and y1" in " ".join(done.stderr.replace("│", " ").split())


def test_annotations_are_enrolled(onelook: Onelook, tmp_path: Path) -> None:
    shelf(1, 2).save(tmp_path / "shelf.png")
    (tmp_path / "a.json").write_text(json.dumps(COCO))
    a_described_set(tmp_path / "set")

    coco = onelook("enroll", "a.json", "-g", "coco")
    yolo = onelook("enroll", "set/data.yaml", "-g", "yolo")
    folder = onelook("enroll", "set", "-g", "folder")
    again = onelook("enroll", "a.json", "-g", "coco", "--prune", "--json")

    assert "2 added" in coco.stdout
    assert "1 crowds, 1 boxes of less than 2 pixels" in coco.stderr
    assert "yolo: 2 classes, 2 examples" in yolo.stdout
    assert "taken for the annotations" in folder.stderr
    assert objects(again)[0]["unchanged"] == 2
    for place_of in ("coco", "yolo", "folder"):
        [part] = objects(
            onelook("nearest", "shelf.png", "--box", text(1), "-g", place_of, "--json")
        )
        assert part["candidates"][0]["label"] == "bowl"


def test_what_is_found_can_be_read_again(onelook: Onelook, tmp_path: Path) -> None:
    """`locate --coco` writes what `enroll` reads."""
    poster(seed=2).save(tmp_path / "print 2.png")
    poster(seed=4).save(tmp_path / "print 4.png")
    onelook("enroll", "print 2.png", "print 4.png", "-g", "g")
    seen(poster(seed=2), CORNERS, (1000, 500)).save(tmp_path / "view.png")

    onelook("locate", "view.png", "-g", "g", "--coco", "found.json", "--draw", "drawn")
    report = onelook("enroll", "found.json", "-g", "found")

    assert "1 added" in report.stdout
    [drawn] = (tmp_path / "drawn").iterdir()
    with Image.open(drawn) as picture:
        assert picture.size == (1000, 500)
    onelook("locate", "view.png", "-g", "g", "--box", "450,60,900,400", "--draw", "parts")
    [part] = (tmp_path / "parts").iterdir()
    assert part.read_bytes() == drawn.read_bytes()
