"""`onelook reembed` as a user runs it."""

from pathlib import Path

from tests.cli.conftest import Onelook, objects
from tests.conftest import quarters


def test_a_gallery_goes_to_another_backbone_and_back(onelook: Onelook, gallery: Path) -> None:
    quarters(3, size=64).save(gallery.parent / "query.png")

    moved = onelook("reembed", "-g", gallery, "--backbone", "fake:1")
    [answer] = objects(onelook("recognize", "query.png", "-g", gallery, "--json"))
    [back] = objects(onelook("reembed", "-g", gallery, "--undo", "--json"))
    dropped = onelook("reembed", "-g", gallery, "--drop-old")

    assert "12 pictures embedded" in moved.stdout
    assert answer["label"] == "thing 3"
    assert (back["backbone"], back["embedded"]) == ("fake", 0)
    assert "1 other backbone removed" in dropped.stdout


def test_one_thing_at_a_time(onelook: Onelook, gallery: Path) -> None:
    refused = onelook("reembed", "-g", gallery, "--undo", "--drop-old", code=2)
    assert "choose one of --backbone, --undo and --drop-old" in refused.stderr
    refused = onelook("reembed", "-g", gallery, "--undo", code=1)
    assert "no vectors of an earlier backbone" in refused.stderr
