"""What small files decode to is bounded, and done only for who is still there."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from engine.errors import ImageError, OverloadedError, TooLargeError
from engine.images import ImageLimits, decoded_size
from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from engine.server.pixels import PixelRoom
from engine.server.recognition import RecognitionLine
from tests.server.conftest import client_of, png, running, seen
from tests.server.test_processes import served

ROOM = ServerOptions(
    max_request_pixels=100, max_waiting_pixels=150, max_decoding_pixels=50, queue_seconds=1
)


def black(side: int, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (black(3000), 3000 * 3000),
        (black(3000, "JPEG"), 750 * 750),  # shrunk by four while decoding
        (black(3000, "JPEG", progressive=True), 3000 * 3000),
        (black(3000, "WEBP"), 3000 * 3000),
        (black(500, "JPEG"), 500 * 500),
    ],
)
def test_what_a_file_decodes_to_is_known_before(data: bytes, pixels: int) -> None:
    assert decoded_size(data, min_side_hint=512) == pixels


def test_of_what_is_no_picture_or_too_large_nothing_is_said() -> None:
    for data in (b"nothing", png(1)[:20]):
        with pytest.raises(ImageError):
            decoded_size(data)
    with pytest.raises(ImageError, match="pixels"):
        decoded_size(black(100), limits=ImageLimits(max_pixels=9999))


def test_a_request_or_all_together_bring_only_so_many_pixels() -> None:
    room = PixelRoom(ROOM)
    with pytest.raises(TooLargeError, match="pixels"), room.admitted(101):
        pass
    with room.admitted(100):
        with pytest.raises(OverloadedError, match="waiting"), room.admitted(51):
            pass
        with room.admitted(50):
            assert room.waiting == 150
    assert room.waiting == 0


def test_only_so_many_are_decoded_at_a_time_in_order_and_given_back() -> None:
    emptied = []

    async def play() -> list[str]:
        room = PixelRoom(ROOM, lambda: emptied.append(True))
        done: list[str] = []

        async def decode(name: str, pixels: int) -> None:
            async with room.decoding(pixels):
                done.append(f"{name} begins")
                await asyncio.sleep(0.01)
                done.append(f"{name} ends")

        first = asyncio.ensure_future(decode("a", 40))
        await asyncio.sleep(0)
        gone = asyncio.ensure_future(decode("gone", 30))
        huge = asyncio.ensure_future(decode("huge", 10**9))
        last = asyncio.ensure_future(decode("b", 10))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(first, huge, last)
        return done

    assert asyncio.run(play()) == [
        "a begins",
        "a ends",
        "huge begins",
        "huge ends",
        "b begins",
        "b ends",
    ]
    assert not emptied  # these few pixels aren't worth it


def test_a_request_of_too_many_pixels_is_refused_undecoded(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    monkeypatch.setattr(RecognitionLine, "_decode", lambda self, upload: decoded.append(upload))
    with client_of(opened, ServerOptions(max_request_pixels=5000)) as client:
        files = [("images", (f"{seed}.png", png(seed))) for seed in range(3)]
        answer = client.post("/v1/recognize", files=files)
    assert (answer.status_code, answer.json()["error"]) == (413, "TooLargeError")
    assert decoded == []


def test_what_a_caller_has_left_is_not_worked_on(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    decoded: list[str] = []
    decode = RecognitionLine._decode

    def slow(self: RecognitionLine, upload: object, request: object) -> object:
        decoded.append(upload.source)  # type: ignore[attr-defined]
        begun.set()
        go_on.wait(20)
        return decode(self, upload, request)  # type: ignore[arg-type]

    monkeypatch.setattr(RecognitionLine, "_decode", slow)
    with running(opened) as service:
        line = service.server.config.app.state.service.line  # type: ignore[union-attr]
        request = httpx.Request(
            "POST",
            f"{service.url}/v1/recognize",
            files=[("images", (f"{seed}.png", png(seed))) for seed in range(40)],
        )
        head = [f"{name}: {value}" for name, value in request.headers.items()]
        text = "\r\n".join(["POST /v1/recognize HTTP/1.1", *head, "", ""]).encode()
        host, port = request.url.host, request.url.port
        with socket.create_connection((host, port or 80)) as talking:
            talking.sendall(text + request.read())
            assert begun.wait(20)
        seen(lambda: line.room.waiting == 0)
        go_on.set()
        seen(lambda: httpx.get(f"{service.url}/readyz").status_code == 200)
        answer = httpx.post(f"{service.url}/v1/recognize", files={"images": png(1)}, timeout=20)
        assert answer.status_code == 200
        seen(lambda: line.room._free == line._options.max_decoding_pixels)
    assert len(decoded) < 10


@pytest.mark.slow
def test_large_black_pictures_take_little_memory_and_give_it_back(gallery: Path) -> None:
    data = black(6000)
    with served(gallery) as client:
        [service] = [
            child
            for child in psutil.Process().children()
            if "serve" in child.cmdline() and str(gallery) in child.cmdline()
        ]
        before = service.memory_info().rss
        most, over = before, threading.Event()

        def watch() -> None:
            nonlocal most
            while not over.wait(0.02):
                most = max(most, service.memory_info().rss)

        watching = threading.Thread(target=watch)
        watching.start()
        url = str(client._http.base_url)
        files = [("images", (f"{n}.png", data)) for n in range(64)]
        assert httpx.post(f"{url}/v1/recognize", files=files, timeout=60).status_code == 413
        answer = httpx.post(f"{url}/v1/recognize", files=files[:3], timeout=60)
        assert answer.status_code == 200
        over.set()
        watching.join()
        assert most - before < 700 * 2**20
        time.sleep(0.5)
        assert service.memory_info().rss - before < 100 * 2**20
