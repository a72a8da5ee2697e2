"""The service under callers, beside the library: answers a second, waiting, processor time.

    python -m benchmarks.service [--callers 8] [--seconds 10]

A gallery of 50 classes without local features is served by a process of its own. Callers send one
picture after the other over connections that stay open; one thread plays them all, their requests
are made beforehand and their answers barely read, since callers share the cores with the service.
Then the library recognises the same pictures in batches. Processor time of each is told as well: on
a busy machine it says more than answers a second do. Linux only. Prints a table, writes JSON to
`bench-results/`.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from benchmarks.measuring import Target, percentiles, targets_table, write_results
from engine.recognizer import Recognizer

CLASSES = 50
WARM_UP = 2.0
BOUNDARY = b"onelook-benchmark"


def measured(folder: Path, callers: int, seconds: float) -> tuple[dict[str, Any], list[Target]]:
    """Every figure, and the targets."""
    files = [picture(seed) for seed in range(CLASSES)]
    gallery = folder / "served.gallery"
    with Recognizer.open(gallery, create=True, local_features=0) as recognizer:
        recognizer.enroll_catalog([(f"thing {seed}", file) for seed, file in enumerate(files)])
    service = served(gallery, [request(file) for file in files], callers, seconds)
    library = recognised(gallery, files, seconds)
    kept = service["answers_a_second"] / library["pictures_a_second"]
    processor = library["core_ms"] / service["core_ms"]
    beside = f"service, {callers} callers / library's batches"
    targets = [
        Target(f"{beside}, answers a second", kept, 0.75),
        Target(f"{beside}, by processor time", processor, 0.75),
    ]
    return {"service": service, "library": library, "callers": callers}, targets


def picture(seed: int) -> bytes:
    """A JPEG of four random colours, 320 × 320."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colours.repeat(160, axis=0).repeat(160, axis=1)).save(buffer, "JPEG")
    return buffer.getvalue()


def request(file: bytes) -> bytes:
    """A whole HTTP request that has a picture recognised."""
    head = b'Content-Disposition: form-data; name="images"; filename="picture.jpg"'
    body = b"--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n" % (BOUNDARY, head, file, BOUNDARY)
    return (
        b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s"
    ) % (BOUNDARY, len(body), body)


def served(gallery: Path, requests: list[bytes], callers: int, seconds: float) -> dict[str, Any]:
    """What a service does while so many call it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "engine.cli", "serve", "--gallery", str(gallery)]
    process = subprocess.Popen([*command, "--port", str(port), "--rate", "0"], stderr=-3)
    try:
        wait_until_ready(port, process)
        with Callers(port, requests, callers) as calling:
            calling.call(WARM_UP)
            spent, own = processor_seconds(process.pid), time.process_time()
            started = time.perf_counter()
            taken = calling.call(seconds)
            wall, own = time.perf_counter() - started, time.process_time() - own
            spent = processor_seconds(process.pid) - spent
    finally:
        process.terminate()
        process.wait()
    return {
        "answers_a_second": len(taken) / wall,
        "core_ms": 1000 * spent / len(taken),
        "callers_core_ms": 1000 * own / len(taken),
        "waiting_ms": percentiles(taken),
    }


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise SystemExit("the service didn't start")


class Callers:
    """Each sends one request after the other over a connection of its own; all in this thread."""

    def __init__(self, port: int, requests: list[bytes], count: int) -> None:
        self._requests = requests
        self._connections = selectors.DefaultSelector()
        for first in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            caller = Caller(connection, first)
            self._connections.register(connection, selectors.EVENT_READ, caller)
            caller.ask(requests)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for key in list(self._connections.get_map().values()):
            key.data.connection.close()
        self._connections.close()

    def call(self, seconds: float) -> list[float]:
        """Call for so long, or until there is an answer; how many seconds each answer took."""
        taken: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or not taken:
            for key, _ in self._connections.select():
                caller: Caller = key.data
                if caller.has_answer():
                    taken.append(time.perf_counter() - caller.asked)
                    caller.ask(self._requests)
        return taken


@dataclass(slots=True)
class Caller:
    """One connection: how many requests it has sent, when the last one, what has come of its
    answer."""

    connection: socket.socket
    number: int
    asked: float = 0.0
    answer: bytes = b""

    def ask(self, requests: list[bytes]) -> None:
        """Send the next request."""
        self.number += 1
        self.answer = b""
        self.asked = time.perf_counter()
        self.connection.sendall(requests[self.number % len(requests)])

    def has_answer(self) -> bool:
        """Take what has come; whether that is all. A wrong answer ends the benchmark."""
        data = self.connection.recv(65536)
        if not data:
            raise SystemExit("the service closed a connection")
        self.answer += data
        head, rest, body = self.answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not rest or len(body) < int(length):
            return False
        if b" 200 " not in head[:16] or b'"thing %d"' % (self.number % CLASSES) not in body:
            raise SystemExit(self.answer.decode(errors="replace"))
        return True


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def recognised(gallery: Path, files: list[bytes], seconds: float) -> dict[str, Any]:
    """What the library does in batches."""
    with Recognizer.open(gallery) as recognizer:
        list(recognizer.recognize_many(files))
        done, spent, started = 0, time.process_time(), time.perf_counter()
        while time.perf_counter() - started < seconds:
            done += len(list(recognizer.recognize_many(2 * files)))
        wall, spent = time.perf_counter() - started, time.process_time() - spent
    return {"pictures_a_second": done / wall, "core_ms": 1000 * spent / done}


def table(results: dict[str, Any]) -> str:
    service, library = results["service"], results["library"]
    waiting = ", ".join(f"{name} {taken:.0f} ms" for name, taken in service["waiting_ms"].items())
    service_name = f"service, {results['callers']} callers"
    return "\n".join(
        (
            f"{'':24}{'a second':>10}{'core-ms each':>14}",
            f"{service_name:24}{service['answers_a_second']:>10.1f}{service['core_ms']:>14.1f}"
            f"    {waiting}",
            f"{'  its callers':24}{'':10}{service['callers_core_ms']:>14.1f}",
            f"{'library, batches':24}{library['pictures_a_second']:>10.1f}"
            f"{library['core_ms']:>14.1f}",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onelook-service-") as name:
        results, targets = measured(Path(name), arguments.callers, arguments.seconds)
    print(table(results) + "\n")
    print(targets_table(targets))
    print(write_results("service", results, targets))


if __name__ == "__main__":
    main()
