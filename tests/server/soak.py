"""Two services on one gallery for minutes on end, with everybody at once; what is lost, what grows?

Honest callers recognise, enroll, remove, bring archives, look around; one makes backups; others
hang up half-way, say nothing, trickle, and send bombs and garbage. Then both are asked to stop.

python -m tests.server.soak --minutes 30
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import psutil

from engine.recognizer import Recognizer
from tests.server.conftest import png
from tests.server.hostile_inputs import hostile_requests
from tests.server.test_commands import free_port, wait_for
from tests.server.test_jobs import archive

CLASSES = 40
KEPT = 30
"""How many of the classes enrolled during the soak stay; older ones are removed."""

WINDOW = 0.1
"""The share of the soak's time around a mark whose median is the figure at that mark."""


@dataclass(frozen=True)
class Sample:
    """What one service used at a moment."""

    seconds: float
    megabytes: float
    descriptors: int
    threads: int


@dataclass
class Soak:
    """What came out.

    Attributes:
        answers: to honest callers, by status.
        bad: answers that no honest caller should get.
        wrong: recognitions with the wrong label.
        lost: requests of honest callers that got no answer.
        hostile: answers to the others, by status; 0 is none.
        missing: classes whose enrolment was acknowledged, and that are gone.
        samples: of each service.
        exit_codes: of each service.
    """

    seconds: float
    answers: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    wrong: int = 0
    lost: list[str] = field(default_factory=list)
    hostile: Counter[str] = field(default_factory=Counter)
    backups: int = 0
    missing: list[str] = field(default_factory=list)
    samples: list[list[Sample]] = field(default_factory=list)
    exit_codes: list[int | None] = field(default_factory=list)

    def at(self, service: int, mark: float) -> Sample:
        """The medians around a mark, a share of the time."""
        around = [
            sample
            for sample in self.samples[service]
            if abs(sample.seconds / self.seconds - mark) <= WINDOW / 2
        ] or self.samples[service][-1:]
        return Sample(
            seconds=mark * self.seconds,
            megabytes=statistics.median(sample.megabytes for sample in around),
            descriptors=int(statistics.median(sample.descriptors for sample in around)),
            threads=int(statistics.median(sample.threads for sample in around)),
        )

    def growth(self, service: int) -> float:
        """By which share resident memory grew between a third and the end."""
        first, last = self.at(service, 1 / 3).megabytes, self.at(service, 1 - WINDOW / 2).megabytes
        return last / first - 1

    def failures(self, most_growth: float | None) -> list[str]:
        """What should not be; nothing if all went well."""
        said = [f"bad answer: {answer}" for answer in self.bad[:10]]
        said += [f"lost: {request}" for request in self.lost[:10]]
        said += [f"missing: {label}" for label in self.missing[:10]]
        if self.wrong:
            said.append(f"{self.wrong} wrong labels")
        if any(code != 0 for code in self.exit_codes):
            said.append(f"exit codes {self.exit_codes}")
        for service in range(len(self.samples)):
            first, last = self.at(service, 1 / 3), self.at(service, 1 - WINDOW / 2)
            if most_growth is not None and self.growth(service) > most_growth:
                said.append(f"service {service}: memory grew by {self.growth(service):.1%}")
            if last.descriptors > first.descriptors + 30:
                said.append(f"service {service}: descriptors rose to {last.descriptors}")
            if last.threads > first.threads + 5:
                said.append(f"service {service}: threads rose to {last.threads}")
        return said

    def table(self) -> str:
        """Memory, descriptors and threads over time."""
        lines = ["service  minute  MB     descriptors  threads"]
        for service in range(len(self.samples)):
            for step in range(1, 11):
                at = self.at(service, step / 10 - WINDOW / 2)
                lines.append(
                    f"{service:<8} {at.seconds / 60:<7.1f} {at.megabytes:<6.1f} "
                    f"{at.descriptors:<12} {at.threads}"
                )
            lines.append(f"{service:<8} growth after a third: {self.growth(service):+.1%}")
        lines.append(f"honest: {dict(self.answers)}; lost {len(self.lost)}, wrong {self.wrong}")
        lines.append(f"hostile: {dict(self.hostile)}; backups {self.backups}")
        return "\n".join(lines)


class _Callers:
    """Everybody who calls; each method is one caller's turn."""

    def __init__(self, soak: Soak, urls: list[str], gallery: Path, folder: Path) -> None:
        self.soak = soak
        self.urls = urls
        self.gallery = gallery
        self.folder = folder
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.enrolled: dict[str, int] = {}
        self.last = 10_000
        self.clients = [httpx.Client(base_url=url, timeout=60) for url in urls]

    def run(self, seconds: float) -> None:
        turns: list[tuple[Callable[[random.Random], None], float]] = [
            *[(self.recognise, 0.01)] * 3,
            (self.enroll, 0.3),
            (self.look, 0.2),
            (self.bring_archive, 5.0),
            (self.back_up, 8.0),
            (self.hang_up, 0.2),
            (self.say_nothing, 0.5),
            (self.harm, 0.2),
        ]
        threads = [
            threading.Thread(target=self._go_on, args=(turn, pause, number))
            for number, (turn, pause) in enumerate(turns)
        ]
        for thread in threads:
            thread.start()
        self.stop.wait(seconds)
        self.stop.set()
        for thread in threads:
            thread.join(120)

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _go_on(self, turn: Callable[[random.Random], None], pause: float, seed: int) -> None:
        random_source = random.Random(seed)
        while not self.stop.is_set():
            turn(random_source)
            self.stop.wait(pause * random_source.uniform(0.5, 1.5))

    def ask(
        self, chosen: random.Random, method: str, path: str, **content: object
    ) -> httpx.Response | None:
        """An honest request; only what has no answer gives None."""
        client = chosen.choice(self.clients)
        try:
            answer = client.request(method, path, **content)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            with self.lock:
                self.soak.lost.append(f"{method} {path}: {error!r}")
            return None
        busy = answer.status_code == 503 and "retry-after" in answer.headers
        with self.lock:
            self.soak.answers[str(answer.status_code)] += 1
            if answer.status_code >= 500 and not busy:
                self.soak.bad.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def recognise(self, chosen: random.Random) -> None:
        seeds = [chosen.randrange(CLASSES) for _ in range(chosen.choice((1, 1, 1, 4)))]
        files = [("images", (f"{seed}.png", png(seed, 128))) for seed in seeds]
        answer = self.ask(chosen, "POST", "/v1/recognize", files=files)
        if answer is not None and answer.status_code == 200:
            labels = [result["label"] for result in answer.json()["results"]]
            wrong = sum(f"thing {s:02}" != label for s, label in zip(seeds, labels, strict=True))
            with self.lock:
                self.soak.wrong += wrong

    def enroll(self, chosen: random.Random) -> None:
        self.last += 1
        label = f"new {self.last}"
        files = {"image": png(self.last)}
        answer = self.ask(chosen, "POST", "/v1/classes", data={"label": label}, files=files)
        if answer is not None and answer.status_code == 201:
            self.enrolled[label] = answer.json()["class_id"]
        if len(self.enrolled) > KEPT:
            oldest = next(iter(self.enrolled))
            gone = self.ask(chosen, "DELETE", f"/v1/classes/{self.enrolled[oldest]}")
            if gone is not None and gone.status_code in (204, 404):
                del self.enrolled[oldest]

    def look(self, chosen: random.Random) -> None:
        path = chosen.choice(
            ("/", "/v1/classes?limit=50", "/v1/classes/1", "/v1/examples/1/picture?size=thumbnail",
             "/v1/quality", "/v1/review", "/metrics", "/readyz", "/healthz", "/v1/jobs")
        )  # fmt: skip
        self.ask(chosen, "GET", path)

    def bring_archive(self, chosen: random.Random) -> None:
        files = {f"known/{seed}.png": png(seed, 96) for seed in range(500, 510)}
        packed = {"files": ("shop.zip", archive(files))}
        self.ask(chosen, "POST", "/v1/jobs/enrolment", files=packed)

    def back_up(self, _chosen: random.Random) -> None:
        to = self.folder / f"backup {self.soak.backups}"
        with Recognizer.open(self.gallery, backbone="fake") as recognizer:
            recognizer.gallery.backup(to)
        with Recognizer.open(to, backbone="fake") as copy:
            found = copy.recognize(png(3, 128)).label
        with self.lock:
            self.soak.backups += 1
            self.soak.wrong += found != "thing 03"

    def hang_up(self, chosen: random.Random) -> None:
        body = httpx.Request(
            "POST",
            f"{chosen.choice(self.urls)}/v1/recognize",
            files=[("images", (f"{n}.png", png(n, 256))) for n in range(8)],
        )
        data = body.read()
        with suppress(OSError), closing(self._connected(str(body.url))) as talking:
            head = [f"{name}: {value}" for name, value in body.headers.items()]
            talking.sendall("\r\n".join(["POST /v1/recognize HTTP/1.1", *head, "", ""]).encode())
            talking.sendall(data[: chosen.choice((10, len(data) // 2, len(data)))])
            time.sleep(chosen.choice((0.0, 0.05)))

    def say_nothing(self, chosen: random.Random) -> None:
        talking: list[socket.socket] = []
        with suppress(OSError):
            for _ in range(20):
                talking.append(self._connected(chosen.choice(self.urls)))
                talking[-1].sendall(
                    chosen.choice((b"", b"GET / HT", b"POST /v1/session HTTP/1.1\r\n"))
                )
        self.stop.wait(2)
        for each in talking:
            each.close()

    def harm(self, chosen: random.Random) -> None:
        for method, path, content in hostile_requests(chosen.randrange(10**9), 3):
            status = 0
            with suppress(httpx.TransportError, httpx.InvalidURL):
                status = chosen.choice(self.clients).request(method, path, **content).status_code
            with self.lock:
                self.soak.hostile[str(status)] += 1
                if status == 500:
                    self.soak.bad.append(f"hostile {method} {path}: 500")

    def _connected(self, url: str) -> socket.socket:
        found = httpx.URL(url)
        return socket.create_connection((found.host, found.port or 80), timeout=10)


def soak(folder: Path, *, seconds: float) -> Soak:
    """Run it all in a folder."""
    gallery = folder / "soak.gallery"
    with Recognizer.open(gallery, create=True, backbone="fake") as recognizer:
        recognizer.enroll_catalog([(f"thing {s:02}", png(s, 128)) for s in range(CLASSES)])
    found = Soak(seconds)
    ports = [free_port(), free_port()]
    command = [sys.executable, "-m", "engine.cli", "serve", "-g", str(gallery), "--rate", "0"]
    command += ["--keep-unknown", "50"]
    processes = [
        subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
        for port in ports
    ]
    try:
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for url, process in zip(urls, processes, strict=True):
            wait_for(f"{url}/readyz", process, None)
        over = threading.Event()
        with closing(_Callers(found, urls, gallery, folder)) as callers:
            watching = threading.Thread(target=_watch, args=(found, processes, over))
            watching.start()
            callers.run(seconds)
            over.set()
            watching.join()
            found.missing = _missing(callers)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                found.exit_codes.append(process.wait(60))
            process.kill()
    return found


def _watch(found: Soak, processes: list[subprocess.Popen[bytes]], over: threading.Event) -> None:
    watched = [psutil.Process(process.pid) for process in processes]
    found.samples = [[] for _ in watched]
    started = time.monotonic()
    while not over.wait(min(1.0, found.seconds / 40)):
        for samples, process in zip(found.samples, watched, strict=True):
            samples.append(
                Sample(
                    time.monotonic() - started,
                    process.memory_info().rss / 2**20,
                    process.num_fds(),
                    process.num_threads(),
                )
            )


def _missing(callers: _Callers) -> list[str]:
    time.sleep(2)  # the services have seen each other's changes by then
    gone = []
    for client in callers.clients:
        there = client.get("/v1/classes", params={"limit": 500, "search": "new "}).json()["classes"]
        labels = {entry["label"] for entry in there}
        gone += sorted(set(callers.enrolled) - labels)
        known = client.get("/v1/classes", params={"limit": 500, "search": "thing "}).json()
        gone += ["thing"] * (CLASSES - len(known["classes"]))
    return gone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--growth", type=float, default=0.05, help="of resident memory, at most")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), seconds=60 * given.minutes)
    print(found.table())
    failures = found.failures(given.growth)
    if given.json is not None:
        figures = {
            "seconds": found.seconds,
            "answers": found.answers,
            "hostile": found.hostile,
            "wrong": found.wrong,
            "lost": found.lost,
            "missing": found.missing,
            "backups": found.backups,
            "exit_codes": found.exit_codes,
            "growth": [found.growth(service) for service in range(len(found.samples))],
            "samples": [[asdict(sample) for sample in samples] for samples in found.samples],
            "failures": failures,
        }
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(*failures or ["all went well"], sep="\n")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
