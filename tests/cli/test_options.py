"""What the options promise, beyond the plain run of each command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, ENVIRONMENT, Onelook, objects
from tests.conftest import quarters

FAILURE, USAGE, SOME_REJECTED = 1, 2, 3


def test_a_picture_comes_in_by_standard_input(gallery: Path, catalog: Path) -> None:
    def piped(*arguments: object) -> str:
        return subprocess.run(
            [*COMMAND, *map(str, arguments), "--gallery", str(gallery), "--json"],
            input=picture.read_bytes(),
            env=ENVIRONMENT,
            capture_output=True,
            check=True,
        ).stdout.decode()

    picture = catalog / "thing 4.png"
    assert '"source": "<stdin>", "label": "thing 4"' in piped("recognize", "-")
    quarters(99).save(picture)
    assert '"added": 1' in piped("enroll", "-", "--label", "new")


def test_standard_input_needs_a_label(onelook: Onelook) -> None:
    assert "expected --label" in onelook("enroll", "-", "-g", "g", code=FAILURE).stderr


def test_several_sources_make_one_summary(onelook: Onelook, catalog: Path, tmp_path: Path) -> None:
    quarters(40).save(tmp_path / "one more.png")
    quarters(41).save(tmp_path / "and another.png")
    (tmp_path / "list.csv").write_text("path,label,shop\none more.png,third,north\n")

    [report] = objects(
        onelook(
            "enroll", "one more.png", catalog, "and another.png", "list.csv",
            "-g", "g", "--json", "--allow-duplicates",
        )
    )  # fmt: skip

    assert (report["added"], report["classes"], report["examples"]) == (15, 15, 15)
    [shown] = objects(onelook("classes", "show", "third", "-g", "g", "--json"))
    assert shown["attributes"] == {"shop": "north"}


def test_quiet_prints_rejects_and_nothing_else(onelook: Onelook, catalog: Path) -> None:
    assert onelook("enroll", catalog, "-g", "g", "-q").stdout == ""
    (catalog / "broken.png").write_bytes(b"?")

    done = onelook("enroll", catalog, "-g", "g", "--quiet", code=SOME_REJECTED)

    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "broken.png" in done.stderr


def test_verbose_tells_what_goes_on(onelook: Onelook, gallery: Path) -> None:
    snapshot = gallery / "index.faiss"
    snapshot.unlink(missing_ok=True)
    assert onelook("info", "-g", gallery).stderr == ""

    snapshot.unlink(missing_ok=True)
    assert "making the index anew" in onelook("info", "-g", gallery, "-v").stderr


def test_another_choice_of_pictures_to_keep_is_refused(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    same = ("enroll", catalog, "-g", gallery, "--keep-pictures")

    onelook(*same, "bounded")
    assert "expected --keep-pictures bounded" in onelook(*same, "none", code=FAILURE).stderr
    onelook(*same, "some", code=USAGE)


def test_keeping_no_pictures_keeps_none(onelook: Onelook, catalog: Path) -> None:
    onelook("enroll", catalog, "-g", "g", "--keep-pictures", "none")

    [described] = objects(onelook("info", "-g", "g", "--json"))
    assert (described["examples"], described["pictures"]) == (12, 0)


def test_pruning_goes_with_folders_and_manifests_only(onelook: Onelook, catalog: Path) -> None:
    picture = catalog / "thing 1.png"

    assert "--prune" in onelook("enroll", picture, "-g", "g", "--prune", code=USAGE).stderr


@pytest.mark.parametrize("option", [("--device", "abacus"), ("--runtime", "steam")])
def test_an_unknown_device_or_runtime_is_wrong_usage(
    onelook: Onelook, gallery: Path, catalog: Path, option: tuple[str, str]
) -> None:
    assert option[1] in onelook("recognize", catalog, "-g", gallery, *option, code=USAGE).stderr


def test_another_backbone_than_the_gallerys_is_refused(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    done = onelook("recognize", catalog, "-g", gallery, "-b", "fake:1", code=FAILURE)

    assert "was filled by 'fake'" in done.stderr


def test_debug_shows_where_an_error_arose(gallery: Path) -> None:
    missing = [*COMMAND, "classes", "show", "nothing", "--gallery", str(gallery)]
    for arguments, environment in (
        ([*missing, "--debug"], ENVIRONMENT),
        (missing, {**ENVIRONMENT, "ONELOOK_DEBUG": "1"}),
    ):
        done = subprocess.run(
            arguments, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == FAILURE
        assert "Traceback" in done.stderr
        assert "ClassNotFoundError" in done.stderr


def test_a_setting_that_cannot_be_used_is_named(gallery: Path, catalog: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "recognize", str(catalog), "--gallery", str(gallery)],
        env={**ENVIRONMENT, "ONELOOK_BATCH_SIZE": "none"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == FAILURE
    assert "ONELOOK_BATCH_SIZE" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_has_gone_is_no_error(gallery: Path, catalog: Path) -> None:
    command = " ".join(f"'{part}'" for part in [*COMMAND, "recognize", catalog, "-g", gallery])

    done = subprocess.run(
        ["bash", "-c", f"{command} --json | true"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


def test_letters_that_the_terminal_lacks_are_escaped(onelook: Onelook, gallery: Path) -> None:
    onelook("classes", "rename", "thing 1", "Größe 猫", "-g", gallery)
    done = subprocess.run(
        [*COMMAND, "classes", "list", "--gallery", str(gallery)],
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Gr\\xf6\\xdfe \\u732b\t1\t" in done.stdout
