"""`onelook doctor`, and completion."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import COMMAND, ENVIRONMENT, Onelook


def test_the_doctor_says_what_a_gallery_lacks_and_no_names(onelook: Onelook, gallery: Path) -> None:
    done = onelook("doctor", "--gallery", gallery, "--json")

    told = json.loads(done.stdout)
    assert told["gallery"]["classes, examples"] == "12, 12"
    assert told["gallery"]["problems"] == "none"
    assert "onelook calibrate" in told["gallery"]["lacks"]
    assert told["gallery"]["for its owner only"] == "yes"
    assert told["machine"]["variables set"].find("ONELOOK_BACKBONE") >= 0
    assert set(told) == {"versions", "machine", "network", "cache", "gallery"}
    for private in ("thing 3", str(gallery), str(Path.home())):
        assert private not in done.stdout


def test_it_fits_a_page(onelook: Onelook, gallery: Path) -> None:
    assert len(onelook("doctor", "--gallery", gallery).stdout.splitlines()) < 60
    assert "gallery" not in onelook("doctor").stdout


def test_commands_and_options_are_completed() -> None:
    def completed(words: str) -> list[str]:
        environment = {"_ONELOOK_COMPLETE": "complete_bash", "COMP_WORDS": words}
        position = {"COMP_CWORD": str(len(words.split(" ")) - 1)}
        done = subprocess.run(
            [*COMMAND[:2], "import sys; sys.argv[0] = 'onelook'; " + COMMAND[2]],
            env={**ENVIRONMENT, **environment, **position},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert completed("onelook reco") == ["recognize"]
    assert "--gallery" in completed("onelook recognize --gal")
