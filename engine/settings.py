"""The one reader of environment and configuration.

Every setting has an environment variable `ONELOOK_<NAME>`; an option or argument given by the
caller wins over it. A variable that no setting reads is named in a warning: it was misspelt, or is
meant for another version.
"""

from __future__ import annotations

import difflib
import logging
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .types import KeepPictures

LOGGER = logging.getLogger(__name__)

PREFIX = "ONELOOK_"
DEVICES = ("auto", "cpu", "cuda", "mps")
RUNTIMES = ("auto", "torch", "onnxruntime")
AUTO_POINTS = 500
INDEXES = ("auto", "faiss", "pgvector")
ELSEWHERE = (
    "DEBUG",
    "GALLERY",
    "HOST",
    "PORT",
    "RATE",
    "LOG_FORMAT",
    "WEBHOOK_SECRET",
    "MQTT_USERNAME",
    "MQTT_PASSWORD",
)
"""Variables that the command line reads."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set from outside, with the defaults.

    Attributes:
        backbone: the backbone of a new gallery.
        device: where it runs: `auto` takes CUDA, then Apple's MPS, then the CPU.
        runtime: what runs it: `auto` takes the fastest that works on the device.
        threads: the most threads that any one library may use; 0 leaves it to measured defaults.
        batch_size: images embedded at once; 0 takes 32, and for bulk work on a card 256.
        keep_pictures: what a new gallery keeps of each enrolled picture.
        local_features: how many points of local features a new gallery keeps of each picture;
            `none` or 0 keeps none, `auto` as many as pay.
        closer_look: whether the middle of a query is embedded as well where the whole doesn't
            settle it; `on` or `off`.
        count_queries: whether where queries sit is kept count of, as sums without any picture;
            `on` or `off`.
        max_image_bytes: the largest file accepted, in bytes.
        max_image_pixels: the largest picture accepted, in pixels.
        index: what searches: `faiss` in each process, `pgvector` in the gallery's database, or
            `auto`: FAISS unless the database holds a table for pgvector.
        poll_seconds: how long a gallery may go without looking for others' changes.
        cache_dir: where exported models, and snapshots of shared galleries, are kept; None is the
            user's cache folder.
    """

    backbone: str = "onelook-lite0"
    device: str = "auto"
    runtime: str = "auto"
    threads: int = 0
    batch_size: int = 0
    keep_pictures: KeepPictures = KeepPictures.BOUNDED
    local_features: int = AUTO_POINTS
    closer_look: bool = True
    count_queries: bool = True
    max_image_bytes: int = 100 * 2**20
    max_image_pixels: int = 100_000_000
    index: str = "auto"
    poll_seconds: float = 0.25
    cache_dir: Path | None = None


def cache_folder(chosen: Path | None = None) -> Path:
    """Where to keep what can be made anew: as chosen, as the environment says, or the user's.

    Raises:
        SettingsError: neither says, and the user has no home.
    """
    said = chosen or load_settings().cache_dir
    if said:
        return said
    caches = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(caches) if caches else Path.home() / ".cache") / "onelook"
    except RuntimeError as error:
        raise SettingsError(
            f"this user has no home folder; set {PREFIX}CACHE_DIR to a folder for what can be "
            "made anew"
        ) from error


def load_settings(**given: Any) -> Settings:
    """Read the environment; what is given here and isn't None wins over it.

    Raises:
        SettingsError: a variable or argument holds a value that can't be used; it is named.
    """
    values = _environment() | {name: each for name, each in given.items() if each is not None}
    read: dict[str, Any] = {}
    problems = []
    for name, value in values.items():
        try:
            read[name] = _READERS[name](value)
        except ValueError as error:
            problems.append(
                f"{name} (or its environment variable {PREFIX}{name.upper()}): expected {error}, "
                f"but got {value!r}"
            )
    if problems:
        raise SettingsError("; ".join(problems))
    return Settings(**read)


_told: set[str] = set()


def _environment() -> dict[str, str]:
    """What the environment sets, by a setting's name; what sets nothing is named once."""
    for variable in misspelt_variables():
        if variable not in _told:
            _told.add(variable)
            LOGGER.warning("%s", sets_nothing(variable))
    return {name: value for name, _, value in _ours() if name in _READERS}


def misspelt_variables() -> list[str]:
    """The environment's variables that look like settings and that nothing reads."""
    return [
        variable
        for name, variable, _ in _ours()
        if name not in _READERS and name.upper() not in ELSEWHERE
    ]


def _ours() -> Iterator[tuple[str, str, str]]:
    """The name of a setting, its variable and the value, of each variable that begins like ours."""
    for variable, value in os.environ.items():
        name = variable.upper().removeprefix(PREFIX)
        if name != variable.upper() and not name.startswith("REQUIRE_"):
            yield name.lower(), variable, value


def sets_nothing(variable: str) -> str:
    """A sentence on a misspelt variable, and what was probably meant."""
    known = [*map(str.upper, _READERS), *ELSEWHERE]
    near = difflib.get_close_matches(variable.upper().removeprefix(PREFIX), known, 1)
    meant = f"; did you mean {PREFIX}{near[0]}?" if near else ""
    return f"the environment variable {variable} sets nothing{meant}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a name")
    return value


def _one_of(*known: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return str(value)

    return read


def _whole(least: int, most: int = 2**63 - 1) -> Callable[[object], int]:
    def read(value: object) -> int:
        try:
            number = int(value) if isinstance(value, str) else value
        except ValueError:
            number = None
        if type(number) is not int or not least <= number <= most:
            limit = f"from {least} to {most}" if most < 2**63 - 1 else f"of at least {least}"
            raise ValueError(f"a whole number {limit}")
        return number

    return read


def _seconds(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0) or isinstance(value, bool):
        raise ValueError("a number of seconds, 0 or more")
    return number


def _keep(value: object) -> KeepPictures:
    try:
        return KeepPictures(str(value))
    except ValueError:
        raise ValueError(f"one of {', '.join(KeepPictures)}") from None


def _points(value: object) -> int:
    named = {"none": 0, "auto": AUTO_POINTS}
    try:
        return named[value] if isinstance(value, str) and value in named else _whole(0, 999)(value)
    except ValueError as error:
        raise ValueError(f"none, auto or {error}") from None


def _switch(value: object) -> bool:
    if value not in ("on", "off", True, False):
        raise ValueError("on or off")
    return value in ("on", True)


def _folder(value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise ValueError("a folder")
    return Path(value)


_READERS: dict[str, Callable[[object], Any]] = {
    "backbone": _text,
    "device": _one_of(*DEVICES),
    "runtime": _one_of(*RUNTIMES),
    "threads": _whole(0),
    "batch_size": _whole(0, 4096),
    "keep_pictures": _keep,
    "local_features": _points,
    "closer_look": _switch,
    "count_queries": _switch,
    "max_image_bytes": _whole(1),
    "max_image_pixels": _whole(1),
    "index": _one_of(*INDEXES),
    "poll_seconds": _seconds,
    "cache_dir": _folder,
}
