"""`Client`: the service from Python, with types and the library's own exceptions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import IOBase
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpx

from .. import errors
from ..boxes import Box, BoxLike, Crop
from ..filtering import Filter, Where
from ..texts import require_one
from . import schemas

Picture = str | Path | bytes | BinaryIO | Crop
"""A file's path, its bytes, a file opened in binary mode, or a part of one of these."""

WHOLE = Box(0, 0, 1, 1)

FILES_AT_ONCE = 50
"""So many files of a job go into one request; no more are in memory."""

Model = TypeVar("Model", bound=schemas.Schema)


class Client:
    """Calls a running service; may be shared by threads.

    Every method raises what the library raises (`ImageError`, `ClassNotFoundError`, ...), besides
    `AuthorizationError` without a sufficient token, `OverloadedError` when it should be tried again
    later, and `ServiceError` when the service can't be reached.

    Args:
        url: such as `http://127.0.0.1:8000`.
        token: as `onelook token create` printed it.
        timeout: seconds to wait for an answer.
        transport: how requests are made; for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def gallery(self) -> schemas.GalleryOut:
        """What is served, and what this client may do."""
        return self._get(schemas.GalleryOut, "/v1/gallery")

    def recognize(
        self,
        image: Picture,
        *,
        box: BoxLike | None = None,
        candidates: int = 5,
        where: Where | None = None,
    ) -> schemas.DecisionOut:
        """Decide which class a picture shows, or that it shows none of them.

        Args:
            box: the part of the picture to look at: `(x0, y0, x1, y1)` in pixels of the upright
                picture, or in shares of its sides where none is beyond 1. Wherever several pictures
                are taken, each may be `Crop(image, box)`.
            where: compare only with classes whose attributes have these values, such as
                `{"shop": "north", "kind": ["mug", "cup"]}`.
        """
        part = _part(image, box)
        return self.recognize_many([part], candidates=candidates, where=where)[0]

    def recognize_many(
        self, images: Sequence[Picture], *, candidates: int = 5, where: Where | None = None
    ) -> list[schemas.DecisionOut]:
        """A decision for each picture; of several, one that can't be read has an `error`."""
        form = {"candidates": str(candidates), **_filter(where), **_boxes("box", images)}
        answer = self._send(schemas.DecisionsOut, "/v1/recognize", _files("images", images), form)
        return answer.results

    def locate(
        self, image: Picture, *, box: BoxLike | None = None, where: Where | None = None
    ) -> schemas.FindingsOut:
        """Everything enrolled that a picture shows, and where, most certain first.

        Args:
            box: look at this part of the picture only, as `recognize` takes it.
            where: likewise.
        """
        return self.locate_many([_part(image, box)], where=where)[0]

    def locate_many(
        self, images: Sequence[Picture], *, where: Where | None = None
    ) -> list[schemas.FindingsOut]:
        """What each picture shows; of several, one that can't be read has an `error`."""
        files, form = _files("images", images), {**_filter(where), **_boxes("box", images)}
        return self._send(schemas.FindingsListOut, "/v1/locate", files, form).results

    def nearest(
        self,
        image: Picture | None = None,
        k: int = 5,
        *,
        text: str | None = None,
        box: BoxLike | None = None,
        where: Where | None = None,
    ) -> list[schemas.CandidateOut]:
        """The k nearest classes, most similar first; as `recognize` takes `box` and `where`.

        Args:
            text: a text to look up in the place of a picture.
        """
        files, told = _shown("images", image, text, box)
        form = {"k": str(k), **_filter(where), **told}
        answer = self._send(schemas.NearestListOut, "/v1/nearest", files, form)
        return answer.results[0].candidates

    def verify(self, first: Picture, second: Picture) -> schemas.VerificationOut:
        """Whether two pictures show the same class."""
        files = [*_files("first", [first]), *_files("second", [second])]
        form = {**_boxes("first_box", [first]), **_boxes("second_box", [second])}
        return self._send(schemas.VerificationOut, "/v1/verify", files, form)

    def confirm(
        self, image: Picture, label: str | None, *, box: BoxLike | None = None
    ) -> schemas.FeedbackOut:
        """Say what a picture, or its part, shows; None: none of the classes."""
        images = [_part(image, box)]
        form = {**({} if label is None else {"label": label}), **_boxes("box", images)}
        return self._send(schemas.FeedbackOut, "/v1/feedback", _files("image", images), form)

    def enroll(
        self,
        label: str,
        image: Picture | None = None,
        *,
        text: str | None = None,
        box: BoxLike | None = None,
        allow_duplicates: bool = False,
    ) -> schemas.EnrolmentOut:
        """Enroll one example of a class; the class is made if there is none of that label.

        Args:
            text: what it is called or looks like, in the place of a picture.
            box: the part of the picture that shows it, as `recognize` takes it.
        """
        files, told = _shown("image", image, text, box)
        form = {"label": label, "allow_duplicates": _flag(allow_duplicates), **told}
        return self._send(schemas.EnrolmentOut, "/v1/classes", files, form)

    def classes(self, *, search: str | None = None) -> Iterator[schemas.ClassOut]:
        """Classes by label, read page by page: all, or those that contain `search`."""
        after: str | None = None
        while True:
            given = {"search": search, "after": after, "limit": 500}
            query = {name: value for name, value in given.items() if value is not None}
            page = self._get(schemas.ClassPageOut, "/v1/classes", query)
            if page.alike:
                return  # none contains it
            yield from page.classes
            if page.next is None:
                return
            after = page.next

    def class_named(self, label: str) -> schemas.ClassDetailOut:
        """A class with its examples, threshold and neighbours."""
        return self._get(schemas.ClassDetailOut, f"/v1/classes/{self._id(label)}")

    def rename_class(self, label: str, new_label: str) -> schemas.ClassDetailOut:
        """Rename a class."""
        return self._change(label, {"label": new_label})

    def pin_threshold(self, label: str, threshold: float | None) -> schemas.ClassDetailOut:
        """Set a class's threshold by hand, or with None let it be computed again."""
        return self._change(label, {"pinned_threshold": threshold})

    def merge_classes(self, labels: Iterable[str], into: str) -> schemas.ClassDetailOut:
        """Move the examples of classes into another and remove the emptied ones."""
        body = {"class_ids": [self._id(label) for label in labels]}
        path = f"/v1/classes/{self._id(into)}/merge"
        return _read(schemas.ClassDetailOut, self._call("POST", path, json=body))

    def remove_class(self, label: str) -> None:
        """Remove a class with its examples."""
        self._call("DELETE", f"/v1/classes/{self._id(label)}")

    def example(self, example_id: int) -> schemas.ExampleOut:
        """An example, without its picture."""
        return self._get(schemas.ExampleOut, f"/v1/examples/{example_id}")

    def remove_example(self, example_id: int) -> None:
        """Remove an example; its class stays."""
        self._call("DELETE", f"/v1/examples/{example_id}")

    def picture(self, example_id: int) -> bytes:
        """The kept picture of an example, encoded."""
        return self._call("GET", f"/v1/examples/{example_id}/picture").content

    def reject(
        self, image: Picture, label: str, *, box: BoxLike | None = None
    ) -> schemas.CounterexampleOut:
        """Say that a picture, or its part, looks like a class and isn't of it."""
        images = [_part(image, box)]
        path = f"/v1/classes/{self._id(label)}/counterexamples"
        return self._send(
            schemas.CounterexampleOut, path, _files("image", images), _boxes("box", images)
        )

    def counterexamples(self, label: str) -> list[schemas.CounterexampleOut]:
        """The pictures that were said to look like a class and not to be of it."""
        path = f"/v1/classes/{self._id(label)}/counterexamples"
        return self._get(schemas.CounterexamplesOut, path).counterexamples

    def remove_counterexample(self, label: str, counterexample_id: int) -> None:
        """Take back that a picture isn't of a class."""
        path = f"/v1/classes/{self._id(label)}/counterexamples/{counterexample_id}"
        self._call("DELETE", path)

    def enroll_many(
        self,
        files: Sequence[Path],
        *,
        label: str | None = None,
        allow_duplicates: bool = False,
    ) -> schemas.JobOut:
        """Begin to enroll files and archives.

        Without a `label`, below the folder that holds them all a file in a folder (`mug/1.jpg`)
        belongs to the class of that folder's name, any other (`mug.jpg`) to one of its own name.
        """
        form = {"allow_duplicates": _flag(allow_duplicates)}
        if label is not None:
            form["label"] = label
        return self._bring("enrolment", files, form)

    def evaluate(self, files: Sequence[Path]) -> schemas.JobOut:
        """Begin to recognise files and archives, labelled as in `enroll_many`, and to count."""
        return self._bring("evaluation", files, {})

    def calibrate(self) -> schemas.JobOut:
        """Begin a calibration."""
        return _read(schemas.JobOut, self._call("POST", "/v1/jobs/calibration"))

    def jobs(self) -> Iterator[schemas.JobOut]:
        """Every job, newest first, read page by page."""
        before: int | None = None
        while True:
            query = {"limit": 100} if before is None else {"limit": 100, "before": before}
            page = self._get(schemas.JobPageOut, "/v1/jobs", query)
            yield from page.jobs
            if page.next is None:
                return
            before = page.next

    def job(self, job_id: int) -> schemas.JobOut:
        """How far a job is."""
        return self._get(schemas.JobOut, f"/v1/jobs/{job_id}")

    def cancel(self, job_id: int) -> schemas.JobOut:
        """Ask a job to stop."""
        return _read(schemas.JobOut, self._call("POST", f"/v1/jobs/{job_id}/cancel"))

    def follow(self, job_id: int) -> Iterator[schemas.JobOut]:
        """The job whenever it has changed, until it is over."""
        path = f"/v1/jobs/{job_id}/events"
        with _reaching(), self._http.stream("GET", path) as answer:
            if answer.is_error:
                answer.read()
                raise _error(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield schemas.JobOut.model_validate_json(line.removeprefix("data: "))

    def review(self) -> schemas.ReviewOut:
        """The queries that were called unknown and kept, in clusters."""
        return self._get(schemas.ReviewOut, "/v1/review")

    def reviewed_picture(self, query_id: int) -> bytes:
        """The picture of a kept query, encoded."""
        return self._call("GET", f"/v1/review/{query_id}/picture").content

    def enroll_reviewed(self, label: str, query_ids: Sequence[int]) -> schemas.ReviewEnrolOut:
        """Enroll kept queries together."""
        body = {"label": label, "query_ids": list(query_ids)}
        return _read(schemas.ReviewEnrolOut, self._call("POST", "/v1/review/enroll", json=body))

    def forget_reviewed(self, query_ids: Sequence[int] | None = None) -> int:
        """Erase kept queries, all or the given ones; how many there were."""
        if query_ids is None:
            answer = self._call("DELETE", "/v1/review")
        else:
            answer = self._call("POST", "/v1/review/forget", json={"query_ids": list(query_ids)})
        return _read(schemas.ForgottenOut, answer).forgotten

    def quality(self) -> schemas.QualityOut:
        """The calibration in force, the last evaluation, what people said."""
        return self._get(schemas.QualityOut, "/v1/quality")

    def set_target_fpir(self, target: float) -> schemas.QualityOut:
        """Set the share of strangers that may get a label, in (0, 1)."""
        answer = self._call("PUT", "/v1/quality/target", json={"target_fpir": target})
        return _read(schemas.QualityOut, answer)

    def _bring(self, kind: str, files: Sequence[Path], form: dict[str, str]) -> schemas.JobOut:
        """Bring files to a new job, a piece at a time, and begin it."""
        job: schemas.JobOut | None = None
        named = _named(files)
        try:
            for start in range(0, max(1, len(files)), FILES_AT_ONCE):
                path = f"/v1/jobs/{kind}" if job is None else f"/v1/jobs/{job.id}/files"
                piece = named[start : start + FILES_AT_ONCE]
                content = [("files", (name, _content(file))) for name, file in piece]
                job = self._send(schemas.JobOut, path, content, {**form, "hold": "true"})
        except errors.OnelookError:
            if job is not None:
                with suppress(errors.OnelookError):
                    self.cancel(job.id)  # nobody will bring the rest
            raise
        assert job is not None
        return _read(schemas.JobOut, self._call("POST", f"/v1/jobs/{job.id}/start"))

    def _id(self, label: str) -> int:
        return self._get(schemas.ClassPageOut, "/v1/classes", {"label": label}).classes[0].id

    def _change(self, label: str, change: dict[str, Any]) -> schemas.ClassDetailOut:
        path = f"/v1/classes/{self._id(label)}"
        return _read(schemas.ClassDetailOut, self._call("PATCH", path, json=change))

    def _get(self, kind: type[Model], path: str, query: dict[str, Any] | None = None) -> Model:
        return _read(kind, self._call("GET", path, params=query))

    def _send(
        self, kind: type[Model], path: str, files: list[Any], form: Mapping[str, Any] | None = None
    ) -> Model:
        return _read(kind, self._call("POST", path, files=files, data=form))

    def _call(self, method: str, path: str, **content: Any) -> httpx.Response:
        with _reaching():
            answer = self._http.request(method, path, **content)
        if answer.is_error:
            raise _error(answer)
        return answer


@contextmanager
def _reaching() -> Iterator[None]:
    """Turn transport errors into this project's."""
    try:
        yield
    except errors.OnelookError:
        raise
    except (TypeError, ValueError, httpx.InvalidURL) as error:
        raise errors.SettingsError(f"an argument can't be sent: {error}") from error
    except httpx.HTTPError as error:
        raise errors.ServiceError(
            f"the service can't be reached or didn't answer ({error}); check its address, "
            "and whether it runs"
        ) from error


def _read(kind: type[Model], answer: httpx.Response) -> Model:
    return kind.model_validate_json(answer.content)


def _error(answer: httpx.Response) -> errors.OnelookError:
    """The exception that the answer tells of."""
    try:
        problem = schemas.Problem.model_validate_json(answer.content)
    except ValueError:
        return errors.ServiceError(f"the service answered {answer.status_code}")
    kind = getattr(errors, problem.error, errors.ServiceError)
    if kind is errors.ImageError:
        source, _, reason = problem.detail.partition(": ")
        return errors.ImageError(source, reason)
    if not (isinstance(kind, type) and issubclass(kind, errors.OnelookError)):
        kind = errors.ServiceError
    return kind(problem.detail)


def _part(image: Picture, box: BoxLike | None) -> Picture:
    return image if box is None else Crop(image, box)


def _files(field: str, images: Iterable[Picture]) -> list[Any]:
    wholes: list[Any] = [image.image if isinstance(image, Crop) else image for image in images]
    return [(field, (_name(image), _content(image))) for image in wholes]


def _boxes(field: str, images: Iterable[Picture]) -> dict[str, Any]:
    """The form's field for the parts that are meant; whole pictures among them say so."""
    boxes = [image.box if isinstance(image, Crop) else None for image in images]
    return {field: [str(box or WHOLE) for box in boxes]} if any(boxes) else {}


def _shown(
    field: str, image: Picture | None, text: str | None, box: BoxLike | None
) -> tuple[list[Any], dict[str, Any]]:
    """The form's files and fields for a picture, or for the text in its place.

    Raises:
        SettingsError: neither or both were given, or a box with a text.
    """
    require_one(image, text, box=box)
    if image is None:
        return [("text", (None, text))], {}
    images = [_part(image, box)]
    return _files(field, images), _boxes("box", images)


def _named(files: Sequence[Path]) -> list[tuple[str, Path]]:
    """Files with their paths below the folder that holds them all."""
    if not files:
        return []
    top = os.path.commonpath([file.absolute().parent for file in files])
    return [(file.absolute().relative_to(top).as_posix(), file) for file in files]


def _name(image: Picture) -> str:
    if isinstance(image, str | Path):
        return Path(image).name
    name = getattr(image, "name", None)
    return Path(name).name if isinstance(name, str) else "picture"


def _content(image: Picture) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, IOBase):
        data = image.read()
        return data if isinstance(data, bytes) else b""
    try:
        return Path(str(image)).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise errors.ImageError(f"{image!s:.200}", f"it can't be read: {reason}") from None


def _filter(where: Where | None) -> dict[str, str]:
    """The form's field for a filter."""
    if where is None:
        return {}
    conditions = Filter.of(where).conditions
    return {"filter": json.dumps({name: sorted(values) for name, values in conditions})}


def _flag(value: bool) -> str:
    return json.dumps(value)
