"""Loads a service in a process of its own, enrolls meanwhile, asks it to stop, counts what is lost.

Callers do as a load balancer does: told `Connection: close`, they send their next request
elsewhere, which here means that they are done.

python -m tests.server.load --backbone efficientnet-lite0 --callers 8 --seconds 10
"""

from __future__ import annotations

import argparse
import io
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from engine.recognizer import Recognizer

CLASSES = 50


@dataclass
class Outcome:
    """What the callers saw.

    Attributes:
        milliseconds: of each answered request.
        wrong: answers other than the right label.
        lost: requests that were sent and got no answer.
        refused: connections that the service no longer took; nothing was sent on them.
        enrolled: classes enrolled meanwhile.
        exit_code: of the service.
        seconds: how long the callers called.
    """

    milliseconds: list[float] = field(default_factory=list)
    wrong: int = 0
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    enrolled: int = 0
    exit_code: int | None = None
    seconds: float = 0.0

    def describe(self) -> str:
        """One line."""
        times = np.percentile(self.milliseconds, [50, 95, 99])
        return (
            f"{len(self.milliseconds)} answers, {len(self.milliseconds) / self.seconds:.0f} a "
            f"second; p50 {times[0]:.1f} ms, p95 {times[1]:.1f} ms, p99 {times[2]:.1f} ms; "
            f"{self.enrolled} classes enrolled meanwhile; wrong {self.wrong}, "
            f"lost {len(self.lost)}, exit code {self.exit_code}"
        )


def picture(seed: int) -> bytes:
    """A JPEG of four random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colours.repeat(160, axis=0).repeat(160, axis=1)).save(buffer, "JPEG")
    return buffer.getvalue()


def load(folder: Path, *, backbone: str, callers: int, seconds: float, least: int = 0) -> Outcome:
    """Make a gallery, serve it, load it for that long, stop it, and count.

    Args:
        least: go on for longer, until there are so many answers and one class is enrolled.
    """
    gallery = folder / "load.gallery"
    with Recognizer.open(gallery, create=True, backbone=backbone) as recognizer:
        recognizer.enroll_catalog([(f"thing {seed}", picture(seed)) for seed in range(CLASSES)])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "engine.cli", "serve", "--gallery", str(gallery)]
    process = subprocess.Popen([*command, "--port", str(port), "--rate", "0"], stderr=-3)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process)
        outcome = _call(url, process, callers, seconds, least)
        outcome.exit_code = process.wait(40)
        return outcome
    finally:
        process.kill()
        process.wait()


def library_alone(backbone: str, pictures: int = 96) -> tuple[float, float]:
    """Files decoded and embedded a second without a service: one at a time, and in batches."""
    files = [picture(seed) for seed in range(pictures)]
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "alone.gallery"
        with Recognizer.open(gallery, create=True, backbone=backbone) as recognizer:
            recognizer.embed(files[:1])
            started = time.perf_counter()
            for file in files:
                recognizer.embed([file])
            between = time.perf_counter()
            recognizer.embed(files)
            ended = time.perf_counter()
    return pictures / (between - started), pictures / (ended - between)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError("the service didn't start")


def _call(
    url: str, process: subprocess.Popen[bytes], callers: int, seconds: float, least: int
) -> Outcome:
    outcome = Outcome()
    lock = threading.Lock()

    def recognize(number: int) -> None:
        seed = number % CLASSES
        with httpx.Client(base_url=url, timeout=60) as client:
            while True:
                started = time.perf_counter()
                try:
                    answer = client.post("/v1/recognize", files={"images": picture(seed)})
                except httpx.ConnectError:
                    outcome.refused += 1
                    return
                except httpx.TransportError as error:
                    with lock:
                        outcome.lost.append(repr(error))
                    return
                took = 1000 * (time.perf_counter() - started)
                right = (
                    answer.status_code == 200
                    and answer.json()["results"][0]["label"] == f"thing {seed}"
                )
                with lock:
                    outcome.milliseconds.append(took)
                    outcome.wrong += not right
                if _told_to_leave(answer):
                    return

    def enroll() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while True:
                seed = 10_000 + outcome.enrolled
                try:
                    answer = client.post(
                        "/v1/classes",
                        data={"label": f"new {seed}"},
                        files={"image": picture(seed)},
                    )
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    with lock:
                        outcome.lost.append(f"enrolment: {error!r}")
                    return
                outcome.enrolled += answer.status_code == 201
                if _told_to_leave(answer):
                    return

    threads = [threading.Thread(target=recognize, args=(n,)) for n in range(callers)]
    threads.append(threading.Thread(target=enroll))
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    while len(outcome.milliseconds) < least or not outcome.enrolled:
        time.sleep(0.05)
        if not all(thread.is_alive() for thread in threads):
            break
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(60)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _told_to_leave(answer: httpx.Response) -> bool:
    return answer.headers.get("connection") == "close"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="fake")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = library_alone(given.backbone)
        outcome = load(
            Path(folder), backbone=given.backbone, callers=given.callers, seconds=given.seconds
        )
        after = library_alone(given.backbone)
    print(outcome.describe())
    served = len(outcome.milliseconds) / outcome.seconds
    for way, rates in zip(
        ("one at a time", "in batches"), zip(before, after, strict=True), strict=True
    ):
        shares = " and ".join(f"{served / rate:.2f}" for rate in rates)
        print(f"That is {shares} times what the library embeds {way}, measured before and after.")
    print(*outcome.lost, sep="\n")


if __name__ == "__main__":
    main()
