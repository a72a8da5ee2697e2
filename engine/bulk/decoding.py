"""Loading pictures in processes of their own, where there are many cores.

Decoders let go of Python's lock, and yet many threads of one process get no more out of a machine
than half its cores. So each thread that loads gets a process at its side which does the work. It is
begun once the thread has loaded some pictures itself, since few are loaded sooner than a process
starts, and until it is there, or where none can be begun, the thread goes on itself.

The process is Python with this module and neither network nor gallery. It isn't one of
`multiprocessing`, whose children run the user's script again; it reads pickled tasks from its
standard input, answers on its standard output, and ends when the input does.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from ..backbones import Backbone, Preprocessing
from ..boxes import Crop
from ..cores import limit_threads
from ..features import Embedder, FeatureExtractor, PreparedPicture
from ..images import ImageLimits, ImageSource
from ..types import ByteArray, FloatArray, KeepPictures, Reject
from .loading import Enrolled, Loaded, Prepared, Unchanged, load_item
from .sources import Item

FEWEST_WORKERS = 6
"""Of fewer threads, each gets a core's worth out of this process."""

AT_FIRST = 8
"""So many pictures a thread loads itself before its process is begun."""

PATIENCE = 0.0
"""Seconds that a picture waits for a process which is not there yet."""

TRIES = 2
PIPE_BYTES = 1 << 20
"""Room for an answer whole, where the system grants it: a network's input and a kept copy. It is
written and read in one piece, since after each a thread has to come by Python's lock again."""

COMMAND = [sys.executable or "", "-c", "from engine.bulk.decoding import serve; serve()"]

Load = Callable[[tuple[Item, Enrolled]], Loaded]
Answer = PreparedPicture | int | str
"""A prepared picture, the id of an example that is unchanged, or why the picture was refused."""


@dataclass(frozen=True, slots=True)
class Loading:
    """How pictures are loaded, as a process is told it."""

    preprocessing: Preprocessing
    limits: ImageLimits
    keep: KeepPictures
    local_points: int


@contextmanager
def loading(
    extractor: FeatureExtractor, keep: KeepPictures, local_points: int, *, processes: bool
) -> Iterator[Load]:
    """What loads a picture, for threads; meanwhile their processes live.

    Args:
        processes: whether there are any.
    """

    def here(entry: tuple[Item, Enrolled]) -> Loaded:
        return load_item(*entry, extractor, keep, local_points)

    backbone = extractor.backbone
    if not processes or type(backbone).prepare is not Backbone.prepare:  # it has a way of its own
        yield here
        return
    told = Loading(backbone.preprocessing, extractor.limits, keep, local_points)
    own = threading.local()
    begun: list[_Process] = []

    def load(entry: tuple[Item, Enrolled]) -> Loaded:
        own.loaded = getattr(own, "loaded", 0) + 1
        if own.loaded <= AT_FIRST or not _can_be_sent(entry[0].image):
            return here(entry)
        if not hasattr(own, "process"):
            own.process = None
            with suppress(OSError):  # there may be no more of them
                own.process = _Process(told)
                begun.append(own.process)
        process: _Process | None = own.process
        if process is None or not process.is_ready(PATIENCE):
            return here(entry)
        return process.load(*entry)

    try:
        yield load
    finally:
        for process in begun:
            process.end()


class _Process:
    """A process and its pipes, for one thread."""

    def __init__(self, told: Loading) -> None:
        self._told = told
        self._greeted = False
        self._running = self._start()
        self._greeting = threading.Thread(
            target=self._await_greeting, name="onelook-greeting", daemon=True
        )
        self._greeting.start()

    def is_ready(self, patience: float = 0.0) -> bool:
        """Whether it has ever begun to answer; waits so many seconds for that."""
        if self._greeting.is_alive():
            self._greeting.join(patience)
        return self._greeted

    def load(self, item: Item, enrolled: Enrolled) -> Loaded:
        """As `load_item`; a picture that ends its process twice is refused."""
        for _ in range(TRIES):
            try:
                pickle.dump((item, enrolled), self._input)
                self._input.flush()
                answer: Answer = pickle.load(self._output)  # noqa: S301 - our own process's
            except (OSError, EOFError, pickle.UnpicklingError):
                status = self.end()
                self._running = self._start()
                self._await_greeting()
                continue
            if isinstance(answer, str):
                return Reject(item.source, answer)
            if isinstance(answer, int):
                return Unchanged(item, answer)
            return Prepared(item, answer)
        return Reject(item.source, f"loading it ended the process that did (exit status {status})")

    def end(self) -> int:
        """Let it go; its exit status."""
        if self._greeting.is_alive():
            self._running.kill()
            self._greeting.join()
        with suppress(OSError):  # what it left unread can't be written
            self._input.close()
        self._output.close()
        return self._running.wait()

    @property
    def _input(self) -> IO[bytes]:
        assert self._running.stdin is not None
        return self._running.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._running.stdout is not None
        return self._running.stdout

    def _start(self) -> subprocess.Popen[bytes]:
        places = os.pathsep.join(place for place in sys.path if place)
        started = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=PIPE_BYTES,
            pipesize=PIPE_BYTES,
            env={**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"},
        )
        assert started.stdin is not None
        with suppress(OSError):  # whoever gives it a picture will notice
            pickle.dump(self._told, started.stdin)
            started.stdin.flush()
        return started

    def _await_greeting(self) -> None:
        with suppress(OSError, EOFError, pickle.UnpicklingError):  # as above
            pickle.load(self._output)  # noqa: S301 - our own process's
            self._greeted = True


class _Prepares(Backbone):
    """A backbone that only prepares pictures."""

    device = "cpu"

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing

    def _features(self, batch: ByteArray) -> FloatArray:
        raise NotImplementedError


def serve() -> None:
    """Answer until the standard input ends; what else is printed goes to the standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is told by its input
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", PIPE_BYTES)
    os.dup2(2, 1)
    limit_threads(1)
    told: Loading = pickle.load(tasks)  # noqa: S301 - who started this process
    extractor = FeatureExtractor(Embedder(_Prepares(told.preprocessing)), told.limits)
    with suppress(EOFError, BrokenPipeError):
        pickle.dump("ready", answers)
        answers.flush()
        while True:
            item, enrolled = pickle.load(tasks)  # noqa: S301
            loaded = load_item(item, enrolled, extractor, told.keep, told.local_points)
            pickle.dump(_answer(loaded), answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _answer(loaded: Loaded) -> Answer:
    if isinstance(loaded, Reject):
        return loaded.reason
    return loaded.example_id if isinstance(loaded, Unchanged) else loaded.prepared


def _can_be_sent(image: ImageSource) -> bool:
    whole = image.image if isinstance(image, Crop) else image
    return isinstance(whole, str | os.PathLike | bytes)
