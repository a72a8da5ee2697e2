"""Everything that a running service holds, started and stopped together."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack

from starlette.requests import HTTPConnection

from ..catalog.service import ServiceStore
from ..cores import every_core_busy, thread_limit
from ..errors import SettingsError
from ..recognizer import Recognizer
from .jobs.runner import JobRunner
from .keeping import UnknownKeeper
from .listing import ClassListings
from .metrics import Metrics
from .options import ServerOptions
from .pictures import Thumbnails
from .readiness import Readiness
from .recognition import RecognitionLine
from .schemas import ReadinessOut
from .served import Served
from .tokens import RateLimiter, TokenRing


class Service:
    """An open gallery and what serves it.

    Attributes:
        line: recognises pictures; there once the service has started.
        listing: the catalog as people look through it.
        keeper: keeps queries called unknown.
        enrolling: held by requests that enroll; only some may at a time, so that pictures that wait
            to be written take neither all threads nor, decoded, all memory.
        stopping: set when no new work should be begun.
    """

    def __init__(self, recognizer: Recognizer, options: ServerOptions) -> None:
        self.recognizer = recognizer
        recognizer.gallery.queries.by_itself = False  # the keeper writes, beside recognition
        self.options = options
        self.served = Served(recognizer, options)
        self.metrics = Metrics()
        self.thumbnails = Thumbnails()
        self.rates = RateLimiter(options.rate)
        self.tokens = TokenRing(self.store.tokens)
        self.stopping = threading.Event()
        self.line = RecognitionLine(self.served, self.metrics)
        self.keeper = UnknownKeeper(self.served, self.line)
        self.enrolling = asyncio.Semaphore(2 * thread_limit())
        self.listing = ClassListings()
        self._readiness = Readiness(self.served)
        self.ready = False
        self._runner: JobRunner | None = None
        self._running = ExitStack()

    @property
    def store(self) -> ServiceStore:
        """What the service keeps in the gallery's database."""
        return self.served.store

    def start(self) -> None:
        """Load the backbone and begin with the jobs that wait; blocks for seconds.

        Until it stops, BLAS has no threads of its own: callers keep every core busy.
        """
        self.recognizer.embedder.embed_prepared([])
        if not self.recognizer.gallery.read_only:
            self._runner = JobRunner(self.served)
        self._running.enter_context(every_core_busy())
        self.ready = True

    def readiness(self) -> ReadinessOut:
        """Whether requests are welcome, and what doesn't work."""
        fatal, problems = list(self._readiness.fatal), list(self._readiness.problems)
        if self.keeper.trouble is not None:
            problems.append(self.keeper.trouble)
        if self.ready and not self.line.alive:
            fatal.append("the thread that recognises has ended; start the service again")
        if self.ready and self._runner is not None and not self._runner.alive:
            problems.append("the thread that runs jobs has ended; start the service again")
        if self.stopping.is_set():
            return ReadinessOut(status="stopping", problems=fatal + problems)
        if not self.ready:
            return ReadinessOut(status="starting", problems=fatal + problems)
        return ReadinessOut(status="broken" if fatal else "ready", problems=fatal + problems)

    def wake_jobs(self) -> None:
        """Tell the runner that a job waits."""
        if self._runner is not None:
            self._runner.wake()

    def stop(self) -> None:
        """Finish what was accepted and let go; a running job is left for the next start."""
        self.stopping.set()
        self.ready = False
        if self._runner is not None:
            self._runner.close()
        self.line.close()
        self._readiness.close()
        self.tokens.close()
        self._running.close()


def check_exposure(options: ServerOptions, tokens: TokenRing) -> None:
    """Refuse to be reachable from elsewhere without a token.

    Raises:
        SettingsError: the address is not this machine's own, and no token was made.
    """
    if not options.loopback and not tokens.configured:
        raise SettingsError(
            f"{options.host} can be reached from other machines, but no token is configured; make "
            "one with `onelook token create NAME --scope admin --gallery GALLERY`, or listen on "
            "127.0.0.1"
        )


def service_of(connection: HTTPConnection) -> Service:
    """The service behind a request."""
    service: Service = connection.app.state.service
    return service
