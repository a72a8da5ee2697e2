"""`onelook synthesize`: photographs as labelled queries, with their corners in a manifest."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.bulk.sources import items
from engine.cli.app import app


@pytest.fixture
def catalog(tmp_path):
    folder = tmp_path / "catalog"
    folder.mkdir()
    for number, name in enumerate(("one", "two", "three")):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def run(catalog, out, *more):
    arguments = ["synthesize", str(catalog), "--out", str(out), "--size", "64", *more]
    return CliRunner().invoke(app, arguments)


def test_it_writes_labelled_queries_and_a_manifest_of_them(catalog, tmp_path):
    result = run(catalog, tmp_path / "out", "--per-class", "2")
    assert result.exit_code == 0, result.output
    files = sorted(path.parent.name for path in (tmp_path / "out" / "queries").rglob("*.jpg"))
    assert files == ["one", "one", "three", "three", "two", "two"]
    rows = [json.loads(line) for line in (tmp_path / "out/photographs.jsonl").open()]
    assert [np.shape(row["corners"]) for row in rows] == [(4, 2)] * 6
    listed = list(items(tmp_path / "out/photographs.jsonl"))
    assert {item.label for item in listed} == {"one", "two", "three"}
    for item in listed:
        with Image.open(item.image) as picture:
            assert picture.size == (64, 64)


def test_the_same_seed_writes_the_same_files(catalog, tmp_path):
    for out in ("a", "b"):
        run(catalog, tmp_path / out, "--per-class", "1")
    run(catalog, tmp_path / "c", "--per-class", "1", "--seed", "5")
    first, again, other = (
        (tmp_path / out / "queries/two/000.jpg").read_bytes() for out in ("a", "b", "c")
    )
    assert first == again
    assert first != other


def test_a_damaged_picture_is_told_and_passed_over(catalog, tmp_path):
    (catalog / "broken.png").write_bytes(b"no picture")
    result = run(catalog, tmp_path / "out", "--per-class", "1")
    assert result.exit_code == 3
    assert "broken.png" in result.output
    assert len(list((tmp_path / "out" / "queries").iterdir())) == 3


def test_an_empty_catalog_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", tmp_path / "out")
    assert result.exit_code == 1
    assert "expected pictures to photograph" in result.output


def test_labels_that_name_no_folder_are_written_all_the_same(catalog, tmp_path):
    manifest = tmp_path / "rows.jsonl"
    row = {"path": str(catalog / "one.png"), "label": "../up/and away"}
    manifest.write_text(json.dumps(row) + "\n")
    run(manifest, tmp_path / "out", "--per-class", "1")
    assert [path.name for path in (tmp_path / "out/queries").iterdir()] == ["_.._up_and away"]
    assert next(items(tmp_path / "out/photographs.jsonl")).label == "../up/and away"


def test_backgrounds_come_from_a_folder(catalog, tmp_path):
    places = tmp_path / "places"
    places.mkdir()
    plain = run(catalog, tmp_path / "plain", "--per-class", "1")
    refused = run(catalog, tmp_path / "out", "--backgrounds", str(places))
    assert refused.exit_code == 1
    assert "expected pictures of places" in refused.output
    Image.new("RGB", (80, 60), (10, 240, 10)).save(places / "meadow.png")
    with_places = run(catalog, tmp_path / "out", "--per-class", "1", "--backgrounds", str(places))
    assert plain.exit_code == with_places.exit_code == 0
    names = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.jpg")]
    assert len(names) == 3
    changed = [
        (tmp_path / "out" / name).read_bytes() != (tmp_path / "plain" / name).read_bytes()
        for name in names
    ]
    assert any(changed)
