"""The service under callers, beside the library: answers a second, waiting, processor time.

    python -m benchmarks.service [--callers 8] [--seconds 10]

A gallery of 50 classes without local features is served by a process of its own. Callers send one
picture after the other over connections that stay open; their requests are made beforehand and
their answers barely read, since callers share the cores with the service. Then the library
recognises the same pictures in batches. Processor time is told as well: on a busy machine it says
more than answers a second do. Linux only. Prints a table, writes JSON to `bench-results/`.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

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
        taken: list[float] = []
        done = threading.Event()
        threads = [
            threading.Thread(target=call, args=(port, requests, number, taken, done))
            for number in range(callers)
        ]
        for thread in threads:
            thread.start()
        time.sleep(WARM_UP)
        before, spent, started = len(taken), processor_seconds(process.pid), time.perf_counter()
        time.sleep(seconds)
        answers, wall = len(taken) - before, time.perf_counter() - started
        spent = processor_seconds(process.pid) - spent
        done.set()
        for thread in threads:
            thread.join()
    finally:
        process.terminate()
        process.wait()
    if not answers:
        raise SystemExit("the service gave no right answer")
    return {
        "answers_a_second": answers / wall,
        "core_ms": 1000 * spent / answers,
        "waiting_ms": percentiles(taken[before : before + answers]),
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


def call(
    port: int, requests: list[bytes], number: int, taken: list[float], done: threading.Event
) -> None:
    """Send requests one after the other; note how long each answer took."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not done.is_set():
            started = time.perf_counter()
            connection.sendall(requests[number % len(requests)])
            answer = b""
            while (end := answer.find(b"\r\n\r\n")) < 0:
                answer += received(connection)
            head = answer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            while len(answer) < end + 4 + length:
                answer += received(connection)
            if b" 200 " not in head[:16] or b'"thing %d"' % (number % len(requests)) not in answer:
                raise SystemExit(answer.decode(errors="replace"))
            taken.append(time.perf_counter() - started)
            number += 1


def received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise SystemExit("the service closed a connection")
    return data


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
    return (
        f"service, {results['callers']} callers    {service['answers_a_second']:8.1f} answers/s"
        f"{service['core_ms']:8.1f} core-ms each; {waiting}\n"
        f"library, batches       {library['pictures_a_second']:8.1f} pictures/s"
        f"{library['core_ms']:7.1f} core-ms each"
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
