"""Plays what nobody should send on the library and on a service: inputs, galleries, exports.

python -m tests.server.hostile --inputs 10000
"""

from __future__ import annotations

import argparse
import io
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from fastapi.testclient import TestClient

from engine.errors import OnelookError
from engine.images import ImageLimits, load_image
from engine.recognizer import Recognizer
from engine.server.jobs.archives import Bounds, unpack
from engine.server.options import ServerOptions
from tests.server.conftest import client_of, png
from tests.server.hostile_inputs import Random, archived, damaged, hostile_requests, picture

LIMITS = ImageLimits(max_bytes=2**21, max_pixels=2**22)
BOUND_MEGABYTES = 400
"""By how much resident memory may rise at most, over all inputs."""

PATIENCE_SECONDS = 60.0


class Player:
    """Plays hostile inputs on the library and on a service in this process, and counts.

    Attributes:
        outcomes: how often each came out: an error's name, a status, or `accepted`.
        faults: what should not be: another exception, a status of 500, a hang.
    """

    def __init__(self, folder: Path, client: TestClient) -> None:
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        self._client = client
        self._folder = folder
        with Recognizer.open(folder / "pattern.gallery", create=True, backbone="fake") as made:
            made.enroll_catalog([(f"thing {seed}", png(seed)) for seed in range(5)])
            made.gallery.export(folder / "pattern.parquet")
        self._exported = (folder / "pattern.parquet").read_bytes()
        self._stored = {
            path.relative_to(folder / "pattern.gallery"): path.read_bytes()
            for path in (folder / "pattern.gallery").rglob("*")
            if path.is_file()
        }

    def play(self, seed: int) -> None:
        """One input."""
        chosen = Random(seed)
        turn = chosen.choices(
            (self._load, self._unpack, self._ask, self._open_gallery, self._import), (8, 4, 8, 1, 1)
        )[0]
        started = time.monotonic()
        try:
            outcome = turn(chosen)
        except OnelookError as error:
            outcome = type(error).__name__
        except Exception as error:
            outcome = "fault"
            self.faults.append(f"seed {seed} ({turn.__name__}): {error!r}"[:400])
        if time.monotonic() - started > PATIENCE_SECONDS:
            self.faults.append(
                f"seed {seed} ({turn.__name__}): took {time.monotonic() - started:.0f} s"
            )
        self.outcomes[f"{turn.__name__.strip('_')}: {outcome}"] += 1

    def _load(self, chosen: Random) -> str:
        load_image(picture(chosen), limits=LIMITS)
        return "accepted"

    def _unpack(self, chosen: Random) -> str:
        name, data = archived(chosen)

        def take(_name: str, stream: Any, _size: int) -> None:
            while stream.read(2**20):
                pass

        unpack(name, io.BytesIO(data), take, Bounds(2**26))
        return "accepted"

    def _ask(self, chosen: Random) -> str:
        [(method, path, content)] = hostile_requests(chosen.randrange(10**9), 1)
        status = self._client.request(method, path, **content).status_code
        if status >= 500 and status != 503:
            raise RuntimeError(f"{method} {path}: {status}")
        return str(status)

    def _open_gallery(self, chosen: Random) -> str:
        with (
            self._spoilt(chosen, self._stored) as path,
            Recognizer.open(path, backbone="fake") as opened,
        ):
            opened.recognize(png(1))
            opened.enroll("new", png(99))
        return "accepted"

    def _import(self, chosen: Random) -> str:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / "spoilt.parquet"
            path.write_bytes(damaged(chosen, self._exported))
            place = Path(folder) / "new.gallery"
            with Recognizer.open(place, create=True, backbone="fake") as opened:
                opened.gallery.import_export(path)
                opened.recognize(png(1))
        return "accepted"

    @contextmanager
    def _spoilt(self, chosen: Random, files: dict[Path, bytes]) -> Iterator[Path]:
        """A copy of a folder, one of whose files is damaged."""
        spoilt = chosen.choice(sorted(files))
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            for name, data in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(damaged(chosen, data) if name == spoilt else data)
            yield Path(folder)


def play(folder: Path, seeds: range) -> tuple[Player, float]:
    """The player after so many inputs, and by how many megabytes memory rose at most."""
    with Recognizer.open(folder / "served.gallery", create=True, backbone="fake") as recognizer:
        recognizer.enroll_catalog([(f"thing {seed}", png(seed)) for seed in range(5)])
        options = ServerOptions(rate=0, keep_unknown=20, max_jobs=10**6, max_image_pixels=2**22)
        with client_of(recognizer, options) as client:
            player = Player(folder, client)
            process, over = psutil.Process(), threading.Event()
            before = most = process.memory_info().rss

            def watch() -> None:
                nonlocal most
                while not over.wait(0.05):
                    most = max(most, process.memory_info().rss)

            watching = threading.Thread(target=watch)
            watching.start()
            try:
                for seed in seeds:
                    player.play(seed)
            finally:
                over.set()
                watching.join()
    return player, (most - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        player, rose = play(Path(folder), range(given.first, given.first + given.inputs))
    for outcome, count in sorted(player.outcomes.items()):
        print(f"{count:6}  {outcome}")
    print(f"memory rose by {rose:.0f} MB at most; {BOUND_MEGABYTES} are allowed")
    print(f"{len(player.faults)} faults", *player.faults[:50], sep="\n")
    sys.exit(bool(player.faults) or rose > BOUND_MEGABYTES)


if __name__ == "__main__":
    main()
