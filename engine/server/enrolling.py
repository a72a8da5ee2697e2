"""Enrolls single pictures and texts that came with a request."""

from __future__ import annotations

from dataclasses import replace

from ..errors import ImageError
from ..gallery import raise_reject
from ..gallery.parts.classes import ClassKey
from ..recognizer.texts import enroll_text
from ..types import Enrolment, Reject
from .jobs.enrolment import with_examples
from .logs import audit
from .presence import to_its_end
from .recognition import Upload
from .schemas import EnrolmentOut
from .service import Service


async def enroll_shown(
    service: Service, key: ClassKey, shown: Upload | str, *, allow_duplicates: bool
) -> EnrolmentOut:
    """Enroll a picture or a text in a class, made if there is none of that label, in a thread.

    Raises:
        ClassNotFoundError: there is none of that id.
        ImageError, LabelError, DuplicateImageError, ReadOnlyError, TextError: as
            `Recognizer.enroll`.
    """

    def enroll() -> EnrolmentOut:
        if isinstance(shown, str):
            enrolment = _enroll_text(service, key, shown, allow_duplicates)
        else:
            enrolment = _enroll(service, key, shown, allow_duplicates)
        audit(
            "class enrolled",
            label=enrolment.label,
            example_id=enrolment.example_id,
            status=enrolment.status.value,
        )
        return _enrolment_out(service, key, enrolment)

    if isinstance(shown, str):
        async with service.enrolling:
            return await to_its_end(enroll)
    size = await service.line.size_of(shown)
    if isinstance(size, Reject):
        raise ImageError(size.source, size.reason)
    with service.line.room.admitted(size):
        async with service.enrolling, service.line.room.decoding(size):
            return await to_its_end(enroll)


def _enroll(service: Service, key: ClassKey, upload: Upload, allow_duplicates: bool) -> Enrolment:
    recognizer = service.recognizer
    gallery = recognizer.gallery
    state = gallery.catalog.state()
    extractor = replace(recognizer.features, limits=service.served.limits)
    prepared = extractor.prepare_example(upload.image, state.keep_pictures, state.local_points)
    [found] = extractor.features([prepared])
    label = "" if isinstance(key, int) else key
    class_id = key if isinstance(key, int) else None
    example = found.example(label, upload.source)
    [outcome] = gallery.examples.enroll(
        [example], allow_duplicates=allow_duplicates, class_id=class_id
    )
    enrolment = raise_reject(outcome)
    service.store.review.settle(example.content_hash)
    return enrolment


def _enroll_text(service: Service, key: ClassKey, text: str, allow_duplicates: bool) -> Enrolment:
    recognizer = service.recognizer
    return enroll_text(
        recognizer.gallery,
        recognizer.embedder,
        "" if isinstance(key, int) else key,
        text,
        allow_duplicates=allow_duplicates,
        class_id=key if isinstance(key, int) else None,
    )


def _enrolment_out(service: Service, key: ClassKey, enrolment: Enrolment) -> EnrolmentOut:
    """An enrolment, with pictures to show of what it can't be told apart from."""
    gallery = service.recognizer.gallery
    snapshot = gallery.snapshot()
    return EnrolmentOut(
        label=enrolment.label,
        class_id=(
            key
            if isinstance(key, int)
            else gallery.catalog.ask(lambda read: read.classes.id_of(key))
        ),
        example_id=enrolment.example_id,
        status=enrolment.status.value,
        warnings=list(enrolment.warnings),
        near_duplicates=[with_examples(pair, snapshot) for pair in enrolment.near_duplicates],
    )
