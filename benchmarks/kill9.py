"""Kills enrolments at random moments, over and over: nothing committed may be lost.

    python -m benchmarks.kill9 --rounds 1000 --folder kill9

Each round starts `onelook enroll` on a folder of pictures and kills it with SIGKILL after a random
time. In every third round a service has the same gallery open: it is asked to enroll meanwhile,
must see what the enrolment had committed, and is killed too. After each round the gallery must be
sound, and every class must be there that an earlier round found or the service had acknowledged.
Whenever the folder is enrolled whole, a new gallery is begun; at the end the last one is completed.

With `--folder`, what was done is kept there, and the same command goes on where it was stopped.
Processes are forked from one that has imported the command line, so that a round takes a second.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from engine.gallery import Gallery

FORKS = multiprocessing.get_context("forkserver")
SERVED = 3
"""Every how many rounds a service has the gallery open."""

PATIENCE = 60.0


@dataclass
class Rounds:
    """What the rounds have found; written after each, so that they can go on.

    Attributes:
        done: rounds that are through.
        served: rounds in which a service had the gallery open.
        cut_short: rounds that ended with more classes than before, but not all.
        acknowledged: classes that a service said it had enrolled before it was killed.
        galleries: how many galleries were enrolled whole.
        committed: labels found in the present gallery.
    """

    done: int = 0
    served: int = 0
    cut_short: int = 0
    acknowledged: int = 0
    galleries: int = 0
    committed: list[str] = field(default_factory=list)

    @classmethod
    def kept(cls, file: Path) -> Rounds:
        return cls(**json.loads(file.read_text())) if file.exists() else cls()

    def keep(self, file: Path) -> None:
        written = file.with_suffix(".new")
        written.write_text(json.dumps(asdict(self)))
        written.replace(file)


def picture(generator: np.random.Generator) -> Image.Image:
    colours = generator.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return Image.fromarray(colours.repeat(16, axis=0).repeat(16, axis=1))


def make_pictures(folder: Path, count: int) -> None:
    """Pictures that differ, written quickly."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        picture(generator).save(folder / f"thing {number}.png", compress_level=1)


def run_command(arguments: list[str]) -> None:
    """`onelook` with these arguments, in a process of its own that says nothing."""
    from engine.cli import main

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ.update(ONELOOK_BACKBONE="fake", ONELOOK_BATCH_SIZE="8")
    sys.argv = ["onelook", *arguments]
    main()


def started(*arguments: str) -> ForkServerProcess:
    process = FORKS.Process(target=run_command, args=(list(arguments),))
    process.start()
    return process


def finished(*arguments: str) -> None:
    """Run a command that must succeed."""
    process = started(*arguments)
    process.join()
    if process.exitcode:
        raise SystemExit(f"onelook {arguments} failed with {process.exitcode}")


@contextmanager
def killed(process: ForkServerProcess) -> Iterator[ForkServerProcess]:
    """Kills a process with SIGKILL at the end, whatever it does."""
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def begun(process: ForkServerProcess, gallery: Path) -> None:
    """Wait until an enrolment has opened the gallery."""
    log = gallery / "catalog.sqlite-wal"  # SQLite removes it when a gallery is closed or cleaned
    before = log.stat().st_mtime_ns if log.exists() else 0
    deadline = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < deadline:
        if log.exists() and log.stat().st_mtime_ns != before:
            return
        time.sleep(0.005)


def found(gallery: Path) -> set[str]:
    """The labels in a gallery that must be sound."""
    if not (gallery / "catalog.sqlite").exists():
        return set()
    with Gallery.open(gallery) as opened:
        problems = opened.check()
        if problems:
            raise SystemExit(f"{gallery} isn't sound: {problems}")
        return set(opened.snapshot().labels.values())


def enrolled_by(service: httpx.Client, seconds: float, names: str) -> list[str]:
    """Ask a service to enroll one class after another; the labels that it acknowledged."""
    generator = np.random.default_rng(list(names.encode()))
    acknowledged: list[str] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        label = f"{names} {len(acknowledged)}"
        written = io.BytesIO()
        picture(generator).save(written, "PNG")
        answer = service.post("/v1/classes", data={"label": label}, files={"image": written})
        if answer.status_code != 503:  # the enrolment holds the catalog: asked again
            answer.raise_for_status()
            acknowledged.append(label)
    return acknowledged


def served_round(catalog: Path, gallery: Path, wait: float, names: str) -> list[str]:
    """A round with a service on the gallery; the labels that it acknowledged."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (
        killed(started("serve", "--port", str(port), "--gallery", str(gallery))) as serving,
        httpx.Client(base_url=address, timeout=PATIENCE) as service,
    ):
        answering(service, serving)
        with killed(started("enroll", str(catalog), "--gallery", str(gallery))) as enrolling:
            begun(enrolling, gallery)
            acknowledged = enrolled_by(service, wait, names)
        committed = len(found(gallery))
        deadline = time.monotonic() + PATIENCE
        while service.get("/v1/gallery").json()["classes"] != committed:
            if time.monotonic() > deadline:
                raise SystemExit(f"the service doesn't see all {committed} classes")
            time.sleep(0.05)
        return acknowledged


def answering(service: httpx.Client, process: ForkServerProcess) -> None:
    """Wait until a service answers."""
    while process.is_alive():
        try:
            if service.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise SystemExit("the service didn't start")


def rounds(count: int, pictures: int, seed: int, folder: Path, *, longest: float = 1.0) -> Rounds:
    """Run what is left of `count` rounds in a folder; what all of them found.

    Args:
        longest: seconds for which an enrolment goes on at most after it has opened the gallery.
    """
    state = folder / "rounds.json"
    told = Rounds.kept(state)
    catalog = folder / "catalog"
    if not state.exists():
        make_pictures(catalog, pictures)
        told.keep(state)
    FORKS.set_forkserver_preload(["engine.cli.app", "engine.recognizer", "engine.server.app"])
    for number in range(told.done, count):
        generator = random.Random(f"{seed} {number}")
        gallery = folder / f"{told.galleries}.gallery"
        wait = generator.uniform(0.0, longest)
        before = set(told.committed)
        if number % SERVED == SERVED - 1 and gallery.exists():
            acknowledged = served_round(catalog, gallery, wait, f"served {number}")
            before.update(acknowledged)
            told.acknowledged += len(acknowledged)
            told.served += 1
        else:
            with killed(started("enroll", str(catalog), "--gallery", str(gallery))) as enrolling:
                begun(enrolling, gallery)
                time.sleep(wait)
        now = found(gallery)
        if not before <= now:
            raise SystemExit(f"round {number}: lost {sorted(before - now)[:5]}")
        whole = sum(label.startswith("thing") for label in now) == pictures
        told.cut_short += len(before) < len(now) and not whole
        told.committed = [] if whole else sorted(now)
        told.galleries += whole
        told.done = number + 1
        told.keep(state)
        print(f"round {number + 1}: {len(now)} classes, sound", flush=True)
        if whole:
            shutil.rmtree(gallery)
    last = folder / f"{told.galleries}.gallery"
    finished("enroll", str(catalog), "--gallery", str(last))
    if not {file.stem for file in catalog.iterdir()} <= found(last):
        raise SystemExit("the last enrolment did not complete the catalog")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the rounds are kept, to go on later")
    parser.add_argument("--longest", type=float, default=6.0, help="seconds before it is killed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onelook-kill9-") as made:
        folder = arguments.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        found_in = (arguments.rounds, arguments.pictures, arguments.seed, folder)
        told = asdict(rounds(*found_in, longest=arguments.longest))
    print(json.dumps({**told, "committed": len(told["committed"]), "lost": 0}))


if __name__ == "__main__":
    main()
