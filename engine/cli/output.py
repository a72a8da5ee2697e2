"""What a command prints: answers to stdout, everything about the run to stderr."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .text import json_line, printable

if TYPE_CHECKING:
    from rich.console import Console

    from .table import Column, Row


class Output:
    """Prints answers, notes and errors; Rich is loaded only where a person reads them.

    Attributes:
        quiet: print nothing but answers and errors.
        verbosity: 0 for warnings, 1 for what is going on, 2 for every detail.
        when_interrupted: what to say on Ctrl-C.
    """

    def __init__(self, *, quiet: bool = False, verbosity: int = 0) -> None:
        self.quiet = quiet
        self.verbosity = verbosity
        self.when_interrupted = "interrupted"
        self._log: logging.Logger | None = None

    @property
    def terminal(self) -> bool:
        """Whether a person reads the answers."""
        return sys.stdout.isatty()

    @property
    def watched(self) -> bool:
        """Whether a person sees what goes to stderr."""
        return sys.stderr.isatty()

    @cached_property
    def console(self) -> Console:
        """The terminal that the answers go to."""
        return _console(stderr=False)

    @cached_property
    def notes(self) -> Console:
        """Where notes, progress and errors go."""
        return _console(stderr=True)

    def line(self, text: str, style: str = "") -> None:
        """A line of the answer."""
        if self.terminal:
            self.console.print(printable(text), style=style)
        else:
            sys.stdout.write(f"{printable(text)}\n")

    def done(self, text: str, style: str = "") -> None:
        """What the command did, which `--quiet` silences."""
        if not self.quiet:
            self.line(text, style)

    def json(self, value: dict[str, Any]) -> None:
        """A JSON object on a line of its own, at once, so that a reader needn't wait."""
        utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        sys.stdout.write(f"{json_line(value, ascii_only=not utf8)}\n")
        sys.stdout.flush()

    def table(self, columns: Sequence[Column], rows: Iterable[Row]) -> None:
        """Rows in columns on a terminal; elsewhere values between tabs below a line of titles."""
        from .table import write_plain, write_table

        if self.terminal:
            write_table(self.console, columns, rows)
        else:
            write_plain(sys.stdout, columns, rows)

    def note(self, text: str, style: str = "") -> None:
        """Something about the run, which `--quiet` silences."""
        if self._log is not None:
            self._log.info(text)
        elif not self.quiet:
            self.notes.print(printable(text), style=style)

    def warning(self, text: str) -> None:
        """Something that the user should look into."""
        if self._log is not None:
            self._log.warning(text)
        else:
            self.note(f"! {text}", style="yellow")

    def error(self, text: str) -> None:
        """Why the command, or a part of it, failed."""
        if self._log is not None:
            self._log.error(text)
        else:
            self.notes.print(f"onelook: {printable(text)}", style="red")

    def speak_by_log(self) -> None:
        """From now on notes, warnings and errors are records of the log, which a program reads."""
        self._log = logging.getLogger(__name__)

    def log_to_notes(self) -> None:
        """Show the engine's log as notes; what other libraries have to say only when asked for."""
        quiet_level = logging.ERROR if self.quiet else logging.WARNING
        level = (quiet_level, logging.INFO, logging.DEBUG)[min(self.verbosity, 2)]
        handler = _Notes(self)
        who = "%(name)s: " if self.verbosity else ""
        handler.setFormatter(logging.Formatter(f"{who}%(message)s"))
        logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
        logging.getLogger(__name__.partition(".")[0]).setLevel(level)
        if self.verbosity < 2:
            warnings.simplefilter("ignore")


class _Notes(logging.Handler):
    """Prints log records to stderr, above a progress bar if there is one."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        self._output.notes.print(printable(self.format(record)), style=style)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)
