"""Every command with bad input: one clear line, the right exit code, never a traceback."""

import base64
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, ENVIRONMENT, Onelook, objects
from tests.conftest import quarters

FAILURE, USAGE, SOME_REJECTED, INTERRUPTED = 1, 2, 3, 130


@pytest.mark.parametrize(
    "arguments",
    [
        ("recognize", "catalog"),
        ("nearest", "catalog"),
        ("info",),
        ("check",),
        ("rebuild",),
        ("classes", "list"),
        ("classes", "show", "thing 1"),
        ("export", "x.parquet"),
        ("backup", "copy"),
    ],
)
def test_a_mistyped_gallery_is_an_error_and_is_not_made(
    onelook: Onelook, catalog: Path, arguments: tuple[str, ...]
) -> None:
    done = onelook(*arguments, "--gallery", "mistyped", code=FAILURE)

    assert "mistyped: expected a gallery, but there is nothing at that path" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (catalog.parent / "mistyped").exists()


def test_a_mistyped_source_leaves_no_gallery_behind(onelook: Onelook, tmp_path: Path) -> None:
    done = onelook("enroll", "nowhere", "--gallery", "g", code=FAILURE)

    assert "there is no such file or folder" in done.stderr
    assert not (tmp_path / "g").exists()


def test_missing_options_and_commands_are_wrong_usage(onelook: Onelook, catalog: Path) -> None:
    onelook("enroll", catalog, code=USAGE)
    assert "Did you mean 'recognize'?" in onelook("recognise", "x.png", code=USAGE).stderr
    onelook("recognize", "x.png", "-g", "g", "--top", 0, code=USAGE)
    onelook("classes", "threshold", "a", "-g", "g", "--pin", 11, code=USAGE)


def test_an_empty_folder_or_manifest_is_an_error_and_prunes_nothing(
    onelook: Onelook, catalog: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.csv").write_text("path,label\n")
    onelook("enroll", catalog, "--gallery", "g")
    for picture in catalog.iterdir():
        picture.unlink()

    done = onelook("enroll", "empty", "--gallery", "other", code=FAILURE)
    onelook("enroll", "empty.csv", "--gallery", "other", code=FAILURE)
    onelook("enroll", catalog, "--gallery", "g", "--prune", code=FAILURE)

    assert "empty: expected pictures (files ending in .avif .bmp" in done.stderr
    assert not (tmp_path / "other").exists()
    assert "12 classes" in onelook("check", "-g", "g").stdout


def test_one_bad_picture_among_many_is_rejected_with_its_reason(
    onelook: Onelook, catalog: Path
) -> None:
    (catalog / "broken.png").write_bytes(b"GIF? no")

    done = onelook("enroll", catalog, "--gallery", "g", code=SOME_REJECTED)

    assert "12 added, 1 rejected" in done.stdout
    assert "broken.png" in done.stderr
    onelook("enroll", catalog, "--gallery", "g2", "--stop-on-error", code=FAILURE)


def test_one_unreadable_query_gives_an_error_line(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    (catalog / "thing 0.png").write_bytes(b"")

    done = onelook("recognize", catalog, "-g", gallery, "--json", code=SOME_REJECTED)

    decisions = objects(done)
    assert len(decisions) == 12
    [error] = [d for d in decisions if d["error"]]
    assert error["label"] is None
    assert set(error) == set(decisions[1])
    onelook("recognize", "nowhere.png", "-g", gallery, code=SOME_REJECTED)


def test_odd_file_names_are_enrolled_and_printed_safely(onelook: Onelook, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [b"two\nlines.png", b"[red]markup.png", b"caf\xe9.png", "Größe 🦊.png".encode()]
    for seed, name in enumerate(names):
        quarters(seed).save(Path(os.fsdecode(os.fsencode(folder) + b"/" + name)))

    done = onelook("enroll", folder, "--gallery", "g", code=SOME_REJECTED)
    labels = [entry["label"] for entry in objects(onelook("classes", "list", "-g", "g", "--json"))]
    table = onelook("recognize", folder, "-g", "g").stdout

    assert "control character" in done.stderr  # a label can't hold a line break
    assert labels == ["Größe 🦊", "[red]markup", "caf\\xe9"]
    assert "[red]markup.png" in table
    assert "\\n" in table


def test_an_unknown_class_is_named_with_its_likes(onelook: Onelook, gallery: Path) -> None:
    done = onelook("classes", "show", "thin 3", "-g", gallery, code=FAILURE)

    assert "thing 3" in done.stderr


def test_the_same_picture_under_two_labels_is_refused(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    done = onelook(
        "enroll", catalog / "thing 1.png", "-g", gallery, "-l", "other", code=SOME_REJECTED
    )

    assert "already enrolled as 'thing 1'" in done.stderr
    allowed = ("--allow-duplicates", "-g", gallery, "-l", "other")
    assert "can't be told apart" in onelook("enroll", catalog / "thing 1.png", *allowed).stderr


def test_importing_something_else_is_refused(onelook: Onelook, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")

    assert "can't be read as Parquet" in onelook("import", "x.parquet", "-g", "g", code=1).stderr
    assert not (tmp_path / "g").exists()


def test_an_unknown_backbone_is_refused(onelook: Onelook, catalog: Path) -> None:
    done = onelook("enroll", catalog, "-g", "g", "-b", "resnet9000", code=FAILURE)

    assert "efficientnet-lite0" in done.stderr


def test_an_interrupt_keeps_what_was_committed(onelook: Onelook, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(3000):
        quarters(seed, size=16).save(folder / f"{seed}.png")
    process = subprocess.Popen(
        [*COMMAND, "enroll", str(folder), "--gallery", "g"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in a shell's background inherits that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    database = tmp_path / "g" / "catalog.sqlite"
    while not database.exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == INTERRUPTED, errors
    assert "what was enrolled is kept" in errors
    onelook("check", "--gallery", "g")
    [report] = objects(onelook("enroll", folder, "--gallery", "g", "--json"))
    assert report["added"] + report["unchanged"] == 3000


def test_what_is_no_path_is_understood_or_refused_in_a_sentence(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    text = base64.b64encode((catalog / "thing 3.png").read_bytes()).decode()
    data = f"data:image/png;base64,{text}"

    [decision] = objects(onelook("recognize", data, "-g", gallery, "--json"))
    assert (decision["source"], decision["label"]) == ("<data URL>", "thing 3")
    onelook("enroll", data, "--label", "same", "--allow-duplicates", "-g", gallery)
    assert "expected --label" in onelook("enroll", data, "-g", gallery, code=1).stderr
    for name, code in (("recognize", 3), ("enroll", 1)):
        address = onelook(name, "https://example.com/a.jpg", "-g", gallery, code=code).stderr
        assert "https://example.com/a.jpg: addresses are not fetched; download" in address
        bare = onelook(name, text, "-g", gallery, code=code).stderr
        assert "it looks like base64 data, not like a path" in bare
