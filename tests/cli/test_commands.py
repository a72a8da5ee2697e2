"""Every command with good input, end to end."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.recognizer import Recognizer
from tests.cli.conftest import Onelook, objects
from tests.conftest import quarters


def test_enrolling_says_what_it_did_and_again_that_nothing_is_new(
    onelook: Onelook, catalog: Path
) -> None:
    first = onelook("enroll", catalog, "--gallery", "g")
    again = onelook("enroll", catalog, "--gallery", "g", "--json")

    assert "12 added" in first.stdout
    assert "g: 12 classes, 12 examples" in first.stdout
    [report] = objects(again)
    assert (report["added"], report["unchanged"], report["rejected"]) == (0, 12, 0)


def test_recognising_prints_a_table_and_json(onelook: Onelook, gallery: Path) -> None:
    quarters(3, size=64).save(gallery.parent / "query.png")

    table = onelook("recognize", "query.png", "--gallery", gallery)
    [decision] = objects(onelook("recognize", "query.png", "-g", gallery, "--json", "--top", 2))

    assert "thing 3" in table.stdout
    assert list(decision) == [
        "source", "label", "known", "reason", "ambiguous", "similarity", "stranger_rate",
        "stranger_rate_interval", "score", "threshold", "margin", "text", "candidates", "space",
        "calibration", "location", "region", "attributes", "refused", "error",
    ]  # fmt: skip
    assert decision["label"] == "thing 3"
    assert decision["error"] is None
    assert len(decision["candidates"]) == 2


def test_a_stranger_is_unknown(onelook: Onelook, gallery: Path) -> None:
    Image.new("RGB", (40, 40), (128, 128, 128)).save(gallery.parent / "grey.png")

    [decision] = objects(onelook("recognize", "grey.png", "-g", gallery, "--json"))

    assert decision["label"] is None
    assert decision["known"] is False
    assert decision["reason"] == "below_threshold"
    assert "unknown" in onelook("recognize", "grey.png", "-g", gallery).stdout


def test_a_folder_of_queries_is_recognised(onelook: Onelook, gallery: Path, catalog: Path) -> None:
    decisions = objects(onelook("recognize", catalog, "-g", gallery, "--json"))

    assert {d["label"] for d in decisions} == {f"thing {n}" for n in range(12)}


def test_nearest_lists_the_classes_in_order(onelook: Onelook, gallery: Path) -> None:
    quarters(5).save(gallery.parent / "q.png")

    [found] = objects(onelook("nearest", "q.png", "-g", gallery, "-k", 3, "--json"))

    similarities = [candidate["similarity"] for candidate in found["candidates"]]
    assert found["candidates"][0]["label"] == "thing 5"
    assert similarities == sorted(similarities, reverse=True)
    assert len(similarities) == 3
    assert "thing 5" in onelook("nearest", "q.png", "-g", gallery).stdout


def test_verifying_with_and_without_a_gallery(onelook: Onelook, gallery: Path) -> None:
    folder = gallery.parent
    quarters(50).save(folder / "a.png")
    quarters(50, size=64).save(folder / "b.png")
    quarters(51).save(folder / "c.png")

    assert "same class" in onelook("verify", "a.png", "b.png", "-g", gallery).stdout
    assert "different classes" in onelook("verify", "a.png", "c.png", "-g", gallery).stdout
    [alone] = objects(onelook("verify", "a.png", "b.png", "--json"))
    assert alone["same"] is None
    assert alone["similarity"] == pytest.approx(1.0, abs=1e-4)


def test_classes_are_listed_shown_and_changed(onelook: Onelook, gallery: Path) -> None:
    g = ("--gallery", gallery)

    assert len(objects(onelook("classes", "list", *g, "--json"))) == 12
    assert "thing 11" in onelook("classes", "list", *g, "--search", "11").stdout
    onelook("classes", "rename", "thing 0", "first", *g)
    onelook("classes", "merge", "thing 1", "thing 2", "--into", "first", *g)
    [shown] = objects(onelook("classes", "show", "first", *g, "--json"))
    assert shown["examples"] == len(shown["example_list"]) == 3
    onelook("classes", "remove", "thing 3", "thing 4", *g)
    onelook("classes", "remove", "first", "--example", shown["example_list"][0]["id"], *g)
    labels = [entry["label"] for entry in objects(onelook("classes", "list", *g, "--json"))]
    assert labels == ["first", *sorted(f"thing {n}" for n in range(5, 12))]
    onelook("check", *g)


def test_a_threshold_is_pinned_and_unpinned(onelook: Onelook, gallery: Path) -> None:
    g = ("--gallery", gallery)
    quarters(6).save(gallery.parent / "q.png")

    assert "computed" in onelook("classes", "threshold", "thing 6", *g).stdout
    assert "0.250 (pinned)" in onelook("classes", "threshold", "thing 6", "--pin", 0.25, *g).stdout
    [decision] = objects(onelook("recognize", "q.png", *g, "--json"))
    assert decision["threshold"] == 0.25
    assert "computed" in onelook("classes", "threshold", "thing 6", "--unpin", *g).stdout


def test_the_table_tells_the_region_that_a_closer_look_decided_by(
    onelook: Onelook, gallery: Path
) -> None:
    photograph = quarters(1003, 100)
    photograph.paste(quarters(3, 60), (20, 20))
    photograph.save(gallery.parent / "photograph.png")
    quarters(3).save(gallery.parent / "query.png")

    table = onelook("recognize", "photograph.png", "query.png", "-g", gallery).stdout

    titles, closer, whole = [line.split("\t") for line in table.splitlines()]
    assert (titles[-1], closer[1], closer[-1]) == ("region", "thing 3", "20,20,80,80")
    assert (whole[1], whole[-1]) == ("thing 3", "")
    sheet = onelook("recognize", "photograph.png", "query.png", "-g", gallery, "--csv").stdout
    assert [row["region"] for row in csv.DictReader(io.StringIO(sheet))] == ["20,20,80,80", ""]


def test_what_was_counted_of_queries_is_erased(onelook: Onelook, gallery: Path) -> None:
    with Recognizer.open(gallery) as recognizer:
        queries = recognizer.features.embed([quarters(seed) for seed in range(100, 120)])
        recognizer.gallery.queries.note(queries)
        recognizer.gallery.queries.write()
    g = ("--gallery", gallery)
    assert "different queries sit" in onelook("info", *g).stdout
    [left] = objects(onelook("info", "--forget-queries", *g, "--json"))
    assert left["queries"] is None
    [described] = objects(onelook("info", *g, "--json"))
    assert described["queries"] is None


def test_a_gallery_is_looked_after(onelook: Onelook, gallery: Path) -> None:
    g = ("--gallery", gallery)

    [described] = objects(onelook("info", *g, "--json"))
    assert (described["classes"], described["backbone"]) == (12, "fake")
    assert "classes" in onelook("info", *g).stdout
    assert "sound (12 classes, 12 examples)" in onelook("check", *g).stdout
    onelook("rebuild", *g)
    onelook("backup", "copy.gallery", *g)
    onelook("export", "all.parquet", *g)
    onelook("import", "all.parquet", "--gallery", "imported.gallery")
    again = onelook("import", "all.parquet", "--gallery", "imported.gallery")
    assert "0 examples added, 12 in all" in again.stdout
    for folder in ("copy.gallery", "imported.gallery"):
        onelook("check", "--gallery", folder)


def test_a_label_for_every_picture(onelook: Onelook, catalog: Path) -> None:
    onelook("enroll", catalog / "thing 1.png", catalog / "thing 2.png", "-g", "g", "-l", "pair")

    [entry] = objects(onelook("classes", "list", "-g", "g", "--json"))
    assert (entry["label"], entry["examples"]) == ("pair", 2)


def test_pruning_follows_the_source(onelook: Onelook, catalog: Path) -> None:
    onelook("enroll", catalog, "-g", "g")
    (catalog / "thing 7.png").unlink()

    done = onelook("enroll", catalog, "-g", "g", "--prune")

    assert "1 pruned" in done.stdout
    assert len(objects(onelook("classes", "list", "-g", "g", "--json"))) == 11


def test_the_backbones_are_listed(onelook: Onelook) -> None:
    assert "efficientnet-lite0" in onelook("backbones", "list").stdout


def test_version_and_help(onelook: Onelook) -> None:
    assert onelook("--version").stdout.startswith("onelook 0.")
    assert "recognize" in onelook("--help").stdout
    for command in ("enroll", "recognize", "nearest", "verify", "classes", "info", "check",
                    "rebuild", "backup", "export", "import", "demo", "backbones"):  # fmt: skip
        assert "Usage" in onelook(command, "--help").stdout


def test_attributes_are_set_come_back_and_filter(onelook: Onelook, gallery: Path) -> None:
    def answer(*options: object) -> dict[str, object]:
        return objects(onelook("recognize", "q.png", "-g", gallery, "--json", *options))[0]

    quarters(5, size=64).save(gallery.parent / "q.png")
    onelook("classes", "set-attributes", "thing 5", "price=8.5", "shop=north", "-g", gallery)
    onelook("classes", "set-attributes", "thing 5", "sku==1", "-g", gallery)
    onelook("classes", "set-attributes", "thing 6", "shop=south", "-g", gallery)

    assert answer()["attributes"] == {"price": 8.5, "shop": "north", "sku": "=1"}
    assert answer("--where", "shop=north|south")["label"] == "thing 5"
    assert answer("--where", "shop=south")["label"] is None
    assert answer("--where", "shop=south", "--where", "price=8.5")["reason"] == "nothing_matches"
    [nearest] = objects(
        onelook("nearest", "q.png", "-g", gallery, "--json", "--where", '{"shop": "south"}')
    )
    assert [candidate["label"] for candidate in nearest["candidates"]] == ["thing 6"]
    table = list(csv.DictReader(io.StringIO(onelook(
        "recognize", "q.png", "-g", gallery, "--csv").stdout)))  # fmt: skip
    assert (table[0]["label"], table[0]["attribute:price"]) == ("thing 5", "8.5")
    assert table[0]["attribute:sku"] == "'=1"  # nothing that a spreadsheet would run
    wrong = onelook("recognize", "q.png", "-g", gallery, "--where", "shpo=north", code=1)
    assert "no class has an attribute 'shpo'; there are: 'price', 'shop', 'sku'" in wrong.stderr
    gone = onelook("classes", "set-attributes", "thing 5", "--remove", "x", "-g", gallery, code=1)
    assert "'thing 5' has no attribute 'x'" in gone.stderr
    onelook("classes", "set-attributes", "thing 5", "--replace", "a=1", "-g", gallery)
    assert answer()["attributes"] == {"a": 1}


def test_what_is_not_of_a_class_is_said_listed_and_taken_back(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    colours = np.asarray(quarters(3), np.int16)
    noise = np.random.default_rng(1).integers(-12, 12, (2, 2, 3)).repeat(16, 0).repeat(16, 1)
    other = Image.fromarray(np.clip(colours + noise, 0, 255).astype(np.uint8))
    other.save(gallery.parent / "other.png")
    onelook("classes", "threshold", "thing 3", "--pin", 0.1, "-g", gallery)
    [before] = objects(onelook("recognize", "other.png", "-g", gallery, "--json"))
    assert before["label"] == "thing 3"

    said = onelook("classes", "reject", "thing 3", "other.png", "-g", gallery)
    assert "other.png isn't thing 3 (counterexample 1)" in said.stdout
    [after] = objects(onelook("recognize", "other.png", "-g", gallery, "--json"))
    assert after["label"] != "thing 3"
    assert [refusal["label"] for refusal in after["refused"]] == ["thing 3"]
    assert "'thing 3' refuses it" in onelook("explain", "other.png", "-g", gallery).stdout
    [listed] = objects(onelook("classes", "reject", "thing 3", "-g", gallery, "--list", "--json"))
    assert (listed["id"], listed["label"], listed["has_picture"]) == (1, "thing 3", True)

    assert "other.png" in onelook("classes", "show", "thing 3", "-g", gallery).stdout
    [shown] = objects(onelook("classes", "show", "thing 3", "-g", gallery, "--json"))
    assert shown["counterexample_list"] == [listed]
    assert "counterexample" not in onelook("classes", "show", "thing 4", "-g", gallery).stdout

    enrolled = onelook(
        "classes", "reject", "thing 3", catalog / "thing 3.png", "-g", gallery, code=3
    )
    assert "is enrolled as example" in enrolled.stderr
    contrary = onelook("enroll", "other.png", "--label", "thing 3", "-g", gallery, code=3)
    assert "--undo 1" in contrary.stderr + contrary.stdout
    missing = onelook("classes", "reject", "thing 99", "other.png", "-g", gallery, code=1)
    assert "thing 99" in missing.stderr
    assert (
        "has no counterexample 7"
        in onelook("classes", "reject", "thing 3", "--undo", 7, "-g", gallery, code=1).stderr
    )
    onelook("classes", "reject", "thing 3", "other.png", "--undo", 1, "-g", gallery, code=2)
    undone = onelook("classes", "reject", "thing 3", "--undo", 1, "-g", gallery)
    assert "took back 1 counterexample" in undone.stdout
    [again] = objects(onelook("recognize", "other.png", "-g", gallery, "--json"))
    assert again["label"] == before["label"]
