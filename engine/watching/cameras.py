"""Frames of a camera, a stream or a video file, through OpenCV."""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import cv2
import numpy as np

from ..errors import ImageError
from ..types import ByteArray

if TYPE_CHECKING:
    from cv2.typing import MatLike

AWAY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long a stream that broke off is waited for before each try to open it again."""

_PATIENCE_SECONDS = 30.0
_GONE = "no more frames come"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame.

    Attributes:
        pixels: `(height, width, 3) uint8`, RGB.
        seconds: where in the file it is; None of a camera or stream.
    """

    pixels: ByteArray
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Camera:
    """Where frames come from.

    Attributes:
        place: a camera's number, a stream's address, or the path of a device or a video file.
    """

    place: str

    @property
    def name(self) -> str:
        """What to call it; of an address, without name and password."""
        if self.place.isdecimal():
            return f"camera {self.place}"
        if not is_stream(self.place):
            return self.place
        parts = urlsplit(self.place)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def live(self) -> bool:
        """Whether its frames come in their own time."""
        return not Path(self.place).is_file()

    def frames(self, stop: threading.Event, *, every: float) -> Iterator[Frame]:
        """Frames, `every` so many seconds at most, until it ends or is told to stop.

        Of a camera or stream always the newest; it is opened again a few times if it breaks off.

        Raises:
            ImageError: it can't be opened, or broke off for good.
        """
        if not self.live:
            with self._opened() as capture:
                yield from _of_file(capture, stop, every)
            return
        tries = 0
        while not stop.is_set():
            try:
                with self._opened() as capture:
                    for frame in _newest(capture, stop, every):
                        tries = 0
                        yield frame
            except ImageError:
                if tries == 0:  # it was never there
                    raise
            if tries == len(AWAY_SECONDS):
                raise ImageError(self.name, f"{_GONE}, and opening it again failed {tries} times")
            stop.wait(AWAY_SECONDS[tries])
            tries += 1

    @contextmanager
    def _opened(self) -> Iterator[cv2.VideoCapture]:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong is said here
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        capture = cv2.VideoCapture(int(self.place) if self.place.isdecimal() else self.place)
        try:
            if not capture.isOpened():
                raise ImageError(self.name, self._why_closed())
            yield capture
        finally:
            capture.release()

    def _why_closed(self) -> str:
        if self.place.isdecimal():
            return (
                "expected a camera of that number, but it can't be opened; is one connected, may "
                "this user read /dev/video*, and does no other program use it?"
            )
        if is_stream(self.place):
            return "the stream can't be opened; is the address right, and does the camera answer?"
        return "expected a video, but it can't be read as one"


def is_stream(place: str) -> bool:
    """Whether it is written like a stream's address."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", place) is not None


def _of_file(capture: cv2.VideoCapture, stop: threading.Event, every: float) -> Iterator[Frame]:
    due = 0.0
    while not stop.is_set() and capture.grab():
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        if seconds < due - 1e-6:
            continue
        due = seconds + every
        readable, pixels = capture.retrieve()
        if readable:
            yield Frame(_rgb(pixels), round(seconds, 3))


def _newest(capture: cv2.VideoCapture, stop: threading.Event, every: float) -> Iterator[Frame]:
    """Frames as they are now: a thread lets those pass that nobody asks for."""
    wanted, ended = threading.Event(), threading.Event()
    handed: queue.Queue[ByteArray | None] = queue.Queue()

    def read() -> None:
        while not ended.is_set() and capture.grab():
            if wanted.is_set():
                readable, pixels = capture.retrieve()
                if readable:
                    wanted.clear()
                    handed.put(_rgb(pixels))
        handed.put(None)

    wanted.set()  # however short the stream is, its first frame is
    thread = threading.Thread(target=read, name="onelook-camera", daemon=True)
    thread.start()
    try:
        while not stop.is_set():
            began = time.monotonic()
            wanted.set()
            pixels = _handed(handed, stop)
            if pixels is None:
                return
            yield Frame(pixels, None)
            stop.wait(max(0.0, every - (time.monotonic() - began)))
    finally:
        ended.set()
        thread.join(_PATIENCE_SECONDS)


def _handed(handed: queue.Queue[ByteArray | None], stop: threading.Event) -> ByteArray | None:
    """The next frame, or None when no more come, or none has come for long."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while not stop.is_set() and time.monotonic() < until:
        try:
            return handed.get(timeout=0.1)
        except queue.Empty:
            continue
    return None


def _rgb(pixels: MatLike) -> ByteArray:
    return np.ascontiguousarray(pixels[:, :, ::-1], dtype=np.uint8)
