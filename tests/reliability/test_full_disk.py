"""A disk that fills up in the middle of an enrolment."""

import subprocess
import sys
from pathlib import Path

from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters

SCRIPT = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from engine.errors import StorageError
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters
recognizer = Recognizer.open(sys.argv[1], backbone=FakeBackbone())
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
enrolled = 0
try:
    for seed in range(1000, 4000):
        recognizer.enroll(str(seed), quarters(seed, size=512))
        enrolled += 1
except StorageError as error:
    print(enrolled, error)
    sys.exit(7)
"""


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "g.gallery"
    with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
        for seed in range(20):
            recognizer.enroll(str(seed), quarters(seed))

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 7, done.stderr
    enrolled, message = done.stdout.split(" ", 1)
    assert "disk" in message or "space" in message
    with Recognizer.open(path) as recognizer:
        assert recognizer.gallery.check() == []
        assert recognizer.gallery.catalog.counts().examples == 20 + int(enrolled)
        assert recognizer.recognize(quarters(3)).label == "3"
        recognizer.enroll("after", quarters(99))
