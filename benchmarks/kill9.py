"""Kills a bulk enrolment at random moments, over and over: nothing committed may be lost.

    python -m benchmarks.kill9 --rounds 50

Each round starts `onelook enroll` on a folder and kills it with SIGKILL after a random time. Then
`onelook check` must find nothing wrong, and every class that an earlier round found committed must
still be there. At the end the enrolment is run to completion, and the catalog must be whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COMMAND = [sys.executable, "-m", "engine.cli"]


def make_pictures(folder: Path, count: int) -> None:
    """Pictures that differ, written quickly."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        colours = generator.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        picture = Image.fromarray(colours.repeat(16, axis=0).repeat(16, axis=1))
        picture.save(folder / f"thing {number}.png", compress_level=1)


def labels(gallery: Path) -> set[str]:
    """The classes of a gallery; none if it hasn't been made yet."""
    if not (gallery / "catalog.sqlite").exists():
        return set()
    listed = run("classes", "list", "--gallery", str(gallery), "--json")
    return {json.loads(line)["label"] for line in listed.splitlines()}


def run(*arguments: str) -> str:
    """Run a command that must succeed."""
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment()
    )
    if done.returncode:
        raise SystemExit(f"onelook {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def environment() -> dict[str, str]:
    return {**os.environ, "ONELOOK_BACKBONE": "fake", "ONELOOK_BATCH_SIZE": "8"}


def one_round(catalog: Path, gallery: Path, wait: float) -> None:
    """Start an enrolment and kill it `wait` seconds after it has opened the gallery."""
    process = subprocess.Popen(
        [*COMMAND, "enroll", str(catalog), "--gallery", str(gallery)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    log = gallery / "catalog.sqlite-wal"  # SQLite removes it when a gallery is closed or cleaned
    before = log.stat().st_mtime_ns if log.exists() else 0
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if log.exists() and log.stat().st_mtime_ns != before:
            break
        time.sleep(0.01)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()


def rounds(count: int, pictures: int, seed: int) -> dict[str, int]:
    """Run the rounds; what they found."""
    generator = random.Random(seed)
    cut_short = 0
    with tempfile.TemporaryDirectory(prefix="onelook-kill9-") as folder:
        catalog, gallery = Path(folder) / "catalog", Path(folder) / "g.gallery"
        make_pictures(catalog, pictures)
        committed: set[str] = set()
        for number in range(count):
            one_round(catalog, gallery, generator.uniform(0.0, 2.0))
            if (gallery / "catalog.sqlite").exists():
                run("check", "--gallery", str(gallery))
            now = labels(gallery)
            if not committed <= now:
                raise SystemExit(f"round {number}: lost {sorted(committed - now)[:5]}")
            cut_short += len(committed) < len(now) < pictures
            print(f"round {number + 1}: {len(now)} of {pictures} classes, sound", flush=True)
            committed = now
            if len(now) == pictures:
                committed = set()
                run("classes", "list", "--gallery", str(gallery))
                gallery.rename(gallery.with_name(f"done-{number}"))
        run("enroll", str(catalog), "--gallery", str(gallery))
        run("check", "--gallery", str(gallery))
        if len(labels(gallery)) != pictures:
            raise SystemExit("the last enrolment did not complete the catalog")
    return {"rounds": count, "cut_short_midway": cut_short, "lost": 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(json.dumps(rounds(arguments.rounds, arguments.pictures, arguments.seed)))


if __name__ == "__main__":
    main()
