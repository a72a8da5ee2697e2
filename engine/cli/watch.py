"""`onelook watch`: recognises what comes, as it comes."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..boxes import Box
from ..errors import ImageError
from ..filtering import Filter
from ..images import cropped
from .command import ExitCode, command
from .options import (
    BackboneOption,
    BoxOption,
    DeviceOption,
    GalleryOption,
    RuntimeOption,
    WhereOption,
    open_recognizer,
)
from .output import Output
from .recognize import decision_json
from .text import counted

if TYPE_CHECKING:
    from ..images import ImageSource
    from ..recognizer import Recognizer
    from ..types import Decision, Reject
    from ..watching.cameras import Camera
    from ..watching.telling import Teller

LOOK_SECONDS = 0.5
_AT_ONCE = 32
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def watch(
    output: Output,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|CAMERA",
            help="A folder; a camera's number, a stream's address (rtsp://...) or a video file.",
            show_default=False,
        ),
    ],
    gallery: GalleryOption,
    existing: Annotated[
        bool, typer.Option("--existing", help="Begin with what the folder holds already.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.01, help="Seconds between looks at a camera's picture.")
    ] = LOOK_SECONDS,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Post each line there too, signed with the secret in ONELOOK_WEBHOOK_SECRET.",
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Publish each line there too: mqtts://BROKER/TOPIC, as the user in "
            "ONELOOK_MQTT_USERNAME and ONELOOK_MQTT_PASSWORD.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates are listed.")] = 5,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    where: WhereOption = None,
    box: BoxOption = None,
) -> ExitCode:
    """Recognise each picture that comes to a folder, or what a camera shows whenever it changes.

    Prints one JSON object a line, until Ctrl-C. Of a folder, files count once they are whole; of a
    camera, an answer is told once three looks in a row agree on it.
    """
    from ..watching.cameras import Camera, is_stream

    among = Filter.parse(where or [])
    folder = Path(source) if Path(source).is_dir() else None
    if folder is None and not (source.isdecimal() or is_stream(source) or Path(source).exists()):
        raise ImageError(
            source,
            "expected a folder, a camera's number, a stream's address or a video file, but there "
            "is nothing of that name",
        )
    if existing and folder is None:
        raise typer.BadParameter("--existing is for folders")
    with (
        _telling(webhook, mqtt) as tellers,
        open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer,
        _stopping() as stop,
    ):
        watching = _Watch(output, recognizer, among, box, top, tellers)
        if folder is not None:
            _watch_folder(watching, folder, existing, stop)
        else:
            camera = Camera(source)
            output.note(f"Watching {camera.name}; Ctrl-C ends")
            _watch_camera(watching, camera, every, stop)
    output.note(watching.summary())
    for teller in tellers:
        if teller.lost:
            output.error(f"{counted(teller.lost, 'event')} could not be told to {teller.place}")
    return ExitCode.FAILURE if any(teller.lost for teller in tellers) else ExitCode.SUCCESS


@contextmanager
def _telling(webhook: str | None, mqtt: str | None) -> Iterator[list[Teller]]:
    """Whoever is to be told; what still waits at the end is tried once more."""
    from ..watching.mqtt import Mqtt
    from ..watching.telling import Channel, Teller
    from ..watching.webhook import Webhook

    with ExitStack() as stack:
        channels: list[Channel] = []
        if mqtt is not None:
            username = os.environ.get("ONELOOK_MQTT_USERNAME", "")
            password = os.environ.get("ONELOOK_MQTT_PASSWORD", "")
            channels.append(Mqtt(mqtt, username=username, password=password))
        if webhook is not None:
            channels.append(Webhook(webhook, os.environ.get("ONELOOK_WEBHOOK_SECRET", "")))
        yield [stack.enter_context(closing(Teller(channel))) for channel in channels]


class _Watch:
    """Recognises, and tells."""

    def __init__(
        self,
        output: Output,
        recognizer: Recognizer,
        among: Filter | None,
        box: Box | None,
        top: int,
        tellers: Sequence[Teller],
    ) -> None:
        self.output = output
        self._recognizer = recognizer
        self._among = among
        self._box = box
        self._top = top
        self._tellers = tellers
        self._looked = self._told = 0

    def outcomes(self, pictures: Sequence[ImageSource]) -> Iterator[Decision | Reject]:
        """What the pictures show."""
        for outcome in self._recognizer.try_recognize_many(
            [cropped(picture, self._box) for picture in pictures],
            candidates=max(self._top, 2),
            where=self._among,
        ):
            self._looked += 1
            yield outcome

    def tell(self, outcome: Decision | Reject, **more: Any) -> None:
        """Print an outcome, and have it told."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"id": secrets.token_hex(8), "time": moment}
        event |= {**decision_json(outcome, self._top), **more}
        self._told += 1
        self.output.json(event)
        for teller in self._tellers:
            teller.send(event)

    def summary(self) -> str:
        """One line for a person."""
        told = f"{counted(self._told, 'line')} printed"
        for teller in self._tellers:
            told += f", {counted(teller.delivered, 'event')} told to {teller.place}"
        return f"{counted(self._looked, 'picture')} looked at, {told}"


def _watch_folder(watching: _Watch, folder: Path, existing: bool, stop: threading.Event) -> None:
    from ..watching.folders import Arrivals

    arrivals = Arrivals(folder, existing=existing)
    watching.output.note(f"Watching the folder {folder}; Ctrl-C ends")
    there = True
    while not stop.is_set():
        began = time.monotonic()
        try:
            come = arrivals.look()
            there = True
        except ImageError as error:
            if there:
                watching.output.warning(f"{error}; waiting for it")
            come, there = [], False
        for start in range(0, len(come), _AT_ONCE):
            if stop.is_set():
                return
            for outcome in watching.outcomes(come[start : start + _AT_ONCE]):
                watching.tell(outcome)
        stop.wait(max(LOOK_SECONDS, 5 * (time.monotonic() - began) if not come else 0.0))


def _watch_camera(watching: _Watch, camera: Camera, every: float, stop: threading.Event) -> None:
    from ..types import Decision
    from ..watching.steady import SteadyAnswer

    answer = SteadyAnswer()
    for frame in camera.frames(stop, every=every):
        for outcome in watching.outcomes([frame.pixels]):
            if not isinstance(outcome, Decision) or answer.changed(outcome.label):
                watching.tell(outcome, source=camera.name, seconds=frame.seconds)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that work in hand is finished; again interrupts."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    former = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
