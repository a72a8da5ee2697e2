"""Frames of video files and streams, and when an answer is steady."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import ImageError
from engine.watching import cameras
from engine.watching.cameras import Camera
from engine.watching.steady import SteadyAnswer
from tests.watching.video import RATE, film


@contextmanager
def over_http(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None  # type: ignore[method-assign]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_files_frames_come_in_its_own_time_and_in_rgb(tmp_path: Path) -> None:
    video = film(tmp_path / "v.avi", [1, 2])

    frames = list(Camera(str(video)).frames(threading.Event(), every=0.5))

    assert [frame.seconds for frame in frames] == [0.0, 0.5, 1.0, 1.5]
    for frame, seed in zip(frames, (1, 1, 2, 2), strict=True):
        expected = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
        corners = frame.pixels[[16, 16, -16, -16], [16, -16, 16, -16]].reshape(2, 2, 3)
        assert np.abs(corners.astype(int) - expected).max() < 12  # it was compressed


def test_it_ends_when_told_to(tmp_path: Path) -> None:
    stop = threading.Event()
    frames = Camera(str(film(tmp_path / "v.avi", [1]))).frames(stop, every=0.0)
    next(frames)
    stop.set()
    assert list(frames) == []


def test_a_stream_is_opened_again_until_it_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(cameras, "AWAY_SECONDS", (0.01, 0.01))
    film(tmp_path / "v.avi", [1])
    seen = 0
    with over_http(tmp_path) as address:
        camera = Camera(f"{address}/v.avi")
        frames = camera.frames(threading.Event(), every=0.0)
        for frame in frames:
            assert frame.seconds is None
            assert frame.pixels.shape == (64, 64, 3)
            seen += 1
            if seen > RATE:  # more than one playing of it has
                (tmp_path / "v.avi").unlink()
                break
        with pytest.raises(ImageError, match="no more frames come, and opening it again failed"):
            list(frames) or pytest.fail("ended in silence")


@pytest.mark.parametrize(
    ("place", "words"),
    [("99", "is one connected"), ("rtsp://me:pass@127.0.0.1:9/x", "does the camera answer")],
)
def test_what_is_not_there_is_said_in_words(place: str, words: str) -> None:
    with pytest.raises(ImageError, match=words) as failed:
        next(Camera(place).frames(threading.Event(), every=1.0))
    assert "pass" not in str(failed.value)


def test_what_is_no_video_is_said(tmp_path: Path) -> None:
    (tmp_path / "v.avi").write_text("no video")
    with pytest.raises(ImageError, match=r"v\.avi: expected a video"):
        next(Camera(str(tmp_path / "v.avi")).frames(threading.Event(), every=1.0))


def test_an_answer_is_told_when_three_looks_agree_and_it_is_new() -> None:
    steady = SteadyAnswer()
    looks = [None, None, None, "a", "b", "b", "b", "b", "a", "b", "b", "b", None, None, None]
    told = [index for index, label in enumerate(looks) if steady.changed(label)]
    assert told == [2, 6, 14]


def test_opencv_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v.avi").write_text("no video")
    with pytest.raises(ImageError):
        next(Camera(str(tmp_path / "v.avi")).frames(threading.Event(), every=1.0))
    assert capfd.readouterr().err == ""
    assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT
