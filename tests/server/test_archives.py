"""What unpacking may cost: bytes, entries, time, and only while somebody waits for it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from engine.errors import ArchiveError
from engine.recognizer import Recognizer
from engine.server.jobs import archives
from engine.server.jobs.archives import AbandonedError, Bounds, unpack
from engine.server.jobs.staging import Staging
from engine.server.options import ServerOptions
from tests.server.conftest import client_of, png, running, seen
from tests.server.test_jobs import archive, begin, finished

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": lambda data: gzip.compress(data, 1),
    ".tar.bz2": bz2.compress,
    ".tar.xz": lambda data: lzma.compress(data, preset=1),
}
FEW = 2000
COMPRESSED = [ending for ending in PACKERS if ending != ".tar"]


def tar(files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.size = kind, len(data)
            packed.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def unpacked(name: str, data: bytes, bounds: Bounds) -> dict[str, int]:
    """The sizes of what an archive holds."""
    found: dict[str, int] = {}

    def take(entry: str, stream: archives.Stream, size: int) -> None:
        found[entry] = 0
        while piece := stream.read(2**16):
            found[entry] += len(piece)
        assert found[entry] == size

    unpack(name, io.BytesIO(data), take, bounds)
    return found


@pytest.mark.parametrize("ending", PACKERS)
def test_every_kind_is_unpacked(ending: str) -> None:
    data = PACKERS[ending](tar({"a.png": png(1), "b/c.png": png(2), ".hidden": b"x"}))
    assert unpacked(f"a{ending}", data, Bounds(2**20)) == {
        "a.png": len(png(1)),
        "b/c.png": len(png(2)),
    }


@pytest.mark.parametrize("ending", COMPRESSED)
def test_what_was_packed_in_several_parts_is_unpacked(ending: str) -> None:
    plain = tar({"a.png": png(1)})
    pack = PACKERS[ending]
    data = pack(plain[:700]) + pack(plain[700:]) + pack(b"") + bytes(1000)
    assert unpacked(f"a{ending}", data, Bounds(2**20)) == {"a.png": len(png(1))}


@pytest.mark.parametrize("ending", COMPRESSED)
@pytest.mark.parametrize("hidden", ["a.png", ".hidden"])
def test_a_bomb_of_any_kind_takes_neither_memory_nor_time(ending: str, hidden: str) -> None:
    data = PACKERS[ending](tar({hidden: bytes(64 * 2**20)}))
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(ArchiveError, match="200 times its size"):
        unpacked(f"a{ending}", data, Bounds(2**32))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * 2**20
    assert time.monotonic() - started < 10


def many(header: tarfile.TarInfo, content: bytes = b"") -> bytes:
    return gzip.compress((header.tobuf() + content) * (FEW + 1), 1)


def of_type(kind: bytes, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, size
    return entry


@pytest.mark.parametrize(
    "data",
    [
        many(of_type(tarfile.DIRTYPE)),
        many(of_type(tarfile.XGLTYPE, 10), b"10 a=bcde\n".ljust(512, b"\0")),
        many(of_type(tarfile.XHDTYPE, 10), b"10 a=bcde\n".ljust(512, b"\0")),
        many(of_type(tarfile.GNUTYPE_LONGNAME, 10), b"aaaaaaaaa".ljust(512, b"\0")),
        gzip.compress(b"") * (FEW + 1),
    ],
    ids=["folders", "global attributes", "attributes", "long names", "empty parts"],
)
def test_entries_that_hold_nothing_are_counted_too(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", FEW)
    with pytest.raises(ArchiveError, match=r"entries|recursion"):
        unpacked("a.tar.gz", data, Bounds(2**32))


def test_a_file_full_of_holes_is_refused() -> None:
    header = of_type(tarfile.GNUTYPE_SPARSE).tobuf()
    with pytest.raises(ArchiveError, match="sparse"):
        unpacked("a.tar", header + bytes(1024), Bounds(2**32))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_by_an_unusual_method_is_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        packed.writestr("a.png", bytes(64 * 2**20))
    with pytest.raises(ArchiveError, match="ordinary ZIP"):
        unpacked("a.zip", buffer.getvalue(), Bounds(2**32))


def test_the_bounds_hold_for_honest_archives_too() -> None:
    files = {f"{seed}.png": png(seed) for seed in range(9)}
    for name, data in (("a.tar", tar(files)), ("a.zip", archive(files))):
        with pytest.raises(ArchiveError, match="split it"):
            unpacked(name, data, Bounds(1000))
        with pytest.raises(ArchiveError, match="seconds"):
            unpacked(name, data, Bounds(2**20, seconds=-10))
        with pytest.raises(AbandonedError):
            unpacked(name, data, Bounds(2**20, given_up=lambda: True))


@pytest.mark.parametrize("packed", [True, False])
def test_what_is_too_large_for_a_picture_is_named_and_not_staged(
    opened: Recognizer, packed: bool
) -> None:
    with client_of(opened, ServerOptions(max_image_bytes=5000)) as client:
        large = bytes(6000)
        files = [("shop.zip", archive({"large.png": large, "cup.png": png(1)}))]
        if not packed:
            files = [("large.png", large), ("cup.png", png(1))]
        job = begin(client, files, hold="true")
        staged = list((opened.gallery.folder.path / "jobs" / str(job["id"])).iterdir())
        assert len(staged) == 2  # the cup and the list
        client.post(f"/v1/jobs/{job['id']}/start")
        report = finished(client, job["id"])["report"]
    assert (report["added"], report["rejected"]) == (1, 1)
    [reject] = report["rejects"]
    assert reject["source"] == "<upload large.png>"
    assert "more than the limit" in reject["reason"]


def test_an_evaluation_names_what_is_too_large(opened: Recognizer) -> None:
    opened.enroll_catalog([("cup", png(1)), ("mug", png(2))])
    with client_of(opened, ServerOptions(max_image_bytes=5000)) as client:
        files = [("files", ("cup.png", png(1))), ("files", ("mug.png", bytes(6000)))]
        begun = client.post("/v1/jobs/evaluation", files=files).json()
        done = finished(client, begun["id"])
    assert (done["state"], done["report"]["rejected"]) == ("done", 1)


def test_unpacking_ends_when_its_sender_hangs_up(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()
    store = Staging._store

    def slow(self: Staging, *args: object) -> None:
        begun.set()
        time.sleep(0.05)
        store(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Staging, "_store", slow)
    files = {f"{seed}.png": b"x" for seed in range(2000)}
    with running(opened) as service:
        url = f"{service.url}/v1/jobs/enrolment"
        with pytest.raises(httpx.TimeoutException):
            httpx.post(url, files={"files": ("a.zip", archive(files))}, timeout=2)
        assert begun.is_set()
        jobs: Path = opened.gallery.folder.path / "jobs"
        seen(lambda: not list(jobs.glob("*")))
        found = httpx.get(f"{service.url}/v1/jobs", timeout=20).json()["jobs"]
        assert [job["state"] for job in found] == ["cancelled"]


def test_a_message_says_which_archive(client: TestClient) -> None:
    answer = client.post("/v1/jobs/enrolment", files={"files": ("shop.tar.bz2", b"BZh9 nothing")})
    assert (answer.status_code, answer.json()["error"]) == (422, "ArchiveError")
    assert "shop.tar.bz2" in answer.json()["detail"]
