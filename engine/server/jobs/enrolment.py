"""Bulk enrolment as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ...bulk.pipeline import BulkOptions, enroll_items
from ...bulk.sources import Item
from ...catalog.service import JobRecord
from ...cores import thread_limit
from ...features import FeatureExtractor
from ...gallery import Gallery, Snapshot
from ...gallery.parts.thresholds import Photographer
from ...types import EnrolmentReport, NearDuplicate, Reject
from ..catalog_reading import first_examples
from ..schemas import JobReportOut, NearDuplicateOut, OutlookOut, RejectOut
from ..served import Served
from ..uploads import source_text
from .control import JobControl
from .staging import labels_of, staging_of

CHUNK = 64
LISTED = 1000


def run_enrolment(served: Served, job: JobRecord, control: JobControl) -> None:
    """Enroll the job's files, a chunk at a time, from where it was left."""
    recognizer = served.recognizer
    gallery = recognizer.gallery
    staging = staging_of(served, job.id)
    staged = staging.files()
    label = job.parameters.get("label")
    labels = [str(label)] * len(staged) if label else labels_of([file.name for file in staged])
    extractor = replace(recognizer.features, limits=served.limits)
    options = BulkOptions(
        allow_duplicates=bool(job.parameters.get("allow_duplicates")), workers=thread_limit()
    )
    done = job.done
    if not control.progress(done, len(staged), control.report):
        return
    while done < len(staged):
        chunk = slice(done, done + CHUNK)
        refused = [reject for file in staged[chunk] if (reject := staging.refusal(file))]
        items = [
            Item(text, staging.image(file), source_text(file.name))
            for text, file in zip(labels[chunk], staged[chunk], strict=True)
            if staging.refusal(file) is None
        ]
        done += len(staged[chunk])
        if done >= len(staged):
            options = replace(options, photographer=_photographer(gallery, extractor))
        report = enroll_items(gallery, extractor, items, options)
        found = merged(control.report, report, refused, gallery.snapshot())
        if not control.progress(done, len(staged), found):
            return


def merged(
    before: JobReportOut, more: EnrolmentReport, refused: Sequence[Reject], snapshot: Snapshot
) -> JobReportOut:
    """The report of a job after another chunk, of which some files were refused unread."""
    rejects = [RejectOut(source=r.source, reason=r.reason) for r in (*more.rejects, *refused)]
    close = [with_examples(pair, snapshot) for pair in more.near_duplicates]
    return before.model_copy(
        update={
            "added": before.added + more.added,
            "replaced": before.replaced + more.replaced,
            "unchanged": before.unchanged + more.unchanged,
            "rejected": before.rejected + more.rejected + len(refused),
            "rejects": [*before.rejects, *rejects][:LISTED],
            "warnings": [*before.warnings, *more.warnings][:LISTED],
            "near_duplicates": [*before.near_duplicates, *close][:LISTED],
            "outlook": None if more.outlook is None else OutlookOut(**more.outlook.to_json()),
        }
    )


def _photographer(gallery: Gallery, extractor: FeatureExtractor) -> Photographer:
    from ...tuning.photographs import photographs_of  # draws in what only this needs

    return partial(photographs_of, gallery, extractor=extractor)


def with_examples(pair: NearDuplicate, snapshot: Snapshot) -> NearDuplicateOut:
    """A near-duplicate with a picture of each side to show."""
    ids = snapshot.class_ids_by_label()
    wanted = [ids[label] for label in (pair.label, pair.other) if label in ids]
    first = first_examples(snapshot, wanted)
    return NearDuplicateOut(
        label=pair.label,
        other=pair.other,
        similarity=pair.similarity,
        example_id=first.get(ids.get(pair.label, -1)),
        other_example_id=first.get(ids.get(pair.other, -1)),
    )
