"""How the log is written: a line an event on stderr, in text or as JSON; rotation is the system's.

A line is bounded, whatever brought it about; writing one opens no file, not even to show source
lines of an error, so that it works where descriptors have run out, and it never raises. Tokens'
secrets and passwords in addresses are struck out of whatever is written.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from . import trail

MOST_LETTERS = 500
"""Of one value; the rest is cut off."""

MOST_ITEMS = 20
"""Of one list, such as the calls that led to an error."""

_LOOKED_AT = 10_000
_SECRETS = (
    (re.compile(r"(onelook_[0-9a-f]{12})_[\w-]*"), r"\1_…"),
    (re.compile(r"(://[^\s/:@]*):[^\s/]*@"), r"\1:…@"),
)


class LogFormat(StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Event:
    """What a log record says, as its message: what happened, and figures by name."""

    name: str
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return _text({"event": self.name, **_plain(self.fields)})


def write_log(form: LogFormat, *, quiet: bool = False, detailed: bool = False) -> None:
    """Write this process's log to stderr from now on.

    Args:
        quiet: only warnings, errors and what was changed by whom.
        detailed: also what is asked all the time, such as `/healthz`.
    """
    handler = _Lines(sys.stderr)
    handler.setFormatter(LineFormatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    own = logging.WARNING if quiet else logging.DEBUG if detailed else logging.INFO
    logging.getLogger(__name__.partition(".")[0]).setLevel(own)


class LineFormatter(logging.Formatter):
    """One record -> one line; the same fields in the same order in both forms."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        said = record.msg
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        if isinstance(said, Event):
            fields |= {"event": said.name, **said.fields}
        else:
            request = trail.current()
            fields |= {"event": "log", "request": None if request is None else request.id}
            fields |= {"logger": record.name, "message": record.getMessage()}
        if record.exc_info is not None and record.exc_info[1] is not None:
            fields |= told(record.exc_info[1])
        if self._form is LogFormat.JSON:
            return json.dumps(_plain(fields))
        plain = _plain(fields)
        head = (plain.pop("time"), plain.pop("level"), plain.pop("event"))
        return f"{' '.join(map(str, head))} {_text(plain)}".rstrip()


def told(error: BaseException) -> dict[str, Any]:
    """An error's fields: its kind and message, what caused it, and the calls that led to it."""
    causes = list(_causes(error))
    calls = [
        f"{'/'.join(PurePath(frame.f_code.co_filename).parts[-3:])}:{line} {frame.f_code.co_name}"
        for cause in reversed([error, *causes])
        for frame, line in traceback.walk_tb(cause.__traceback__)
    ]
    return {
        "error": type(error).__name__,
        "detail": str(error),
        "causes": [f"{type(cause).__name__}: {cause}" for cause in causes],
        "calls": calls[-MOST_ITEMS:],
    }


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    while True:
        hidden = None if error.__suppress_context__ else error.__context__
        following = error.__cause__ or hidden
        if following is None or id(following) in seen:
            return
        seen.add(id(following))
        yield following
        error = following


class _Lines(logging.StreamHandler[Any]):
    """Writes lines to a stream; one that can't be written is lost, which nobody can be told."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Go on."""


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something, bounded and without secrets."""
    plain = {name: _value(value) for name, value in fields.items()}
    return {name: value for name, value in plain.items() if value is not None and value != []}


def _value(value: Any) -> Any:
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list | tuple):
        return [_value(item) for item in value[:MOST_ITEMS]]
    text = str(value)[:_LOOKED_AT]
    for secret, shown in _SECRETS:
        text = secret.sub(shown, text)
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def _text(fields: Mapping[str, Any]) -> str:
    """`name=value` for each, values in quotes where they would not be told apart otherwise."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def _quoted(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value.isprintable() and value and not any(mark in value for mark in ' "=\\')
    return value if plain else json.dumps(value, ensure_ascii=not value.isprintable())
