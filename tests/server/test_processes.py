"""Two services and commands use one gallery at once: each sees what the others do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine.server.client import Client
from tests.server.conftest import png, seen
from tests.server.test_commands import free_port, run, wait_for


@contextmanager
def served(gallery: Path) -> Iterator[Client]:
    """A service in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "serve", "-g", str(gallery), "--rate", "0"]
    process = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process, None)
        with Client(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def services(gallery: Path) -> Iterator[tuple[Client, Client]]:
    with ExitStack() as stack:
        yield stack.enter_context(served(gallery)), stack.enter_context(served(gallery))


def test_each_sees_what_the_other_and_a_command_change(
    services: tuple[Client, Client], gallery: Path, tmp_path: Path
) -> None:
    first, second = services
    first.enroll("mug", png(1))
    seen(lambda: second.recognize(png(1)).label == "mug")

    second.rename_class("mug", "cup")
    seen(lambda: first.recognize(png(1)).label == "cup")

    (tmp_path / "bowl.png").write_bytes(png(2))
    run("enroll", tmp_path / "bowl.png", "-g", gallery)
    for service in services:
        seen(lambda service=service: service.recognize(png(2)).label == "bowl")

    run("classes", "remove", "cup", "-g", gallery)
    for service in services:
        seen(lambda service=service: service.recognize(png(1)).candidates[0].label == "bowl")


def test_a_job_is_done_once_and_may_be_followed_anywhere(
    services: tuple[Client, Client], tmp_path: Path
) -> None:
    jobs = []
    for number in range(6):
        files = []
        for seed in range(10):
            path = tmp_path / f"job {number} thing {seed}.png"
            path.write_bytes(png(100 * number + seed))
            files.append(path)
        jobs.append(services[number % 2].enroll_many(files))

    for number, job in enumerate(jobs):
        *_, last = services[(number + 1) % 2].follow(job.id)
        # Done twice, the second time would have found everything there already.
        assert (last.state, last.report.added, last.report.unchanged) == ("done", 10, 0)
    assert services[0].gallery().examples == services[1].gallery().examples == 60


def test_a_revoked_token_is_refused_by_every_service(gallery: Path) -> None:
    token = run("token", "create", "x", "--scope", "admin", "-g", gallery).split()[0]
    with served(gallery) as service:
        url = str(service._http.base_url)
        with Client(url, token=token) as known:
            assert known.gallery().scope == "admin"
            run("token", "revoke", token.split("_")[1], "-g", gallery)

            def refused() -> bool:
                try:
                    known.gallery()
                except Exception as error:
                    return "not valid" in str(error)
                return False

            seen(refused)
