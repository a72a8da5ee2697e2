"""Onelook: show it one picture of each thing, and it recognises them.

What can be imported from here is public; everything else is internal and may change. `onelook` is
the package's own name and `engine` another name of the same modules. Importing it loads neither
torch nor FAISS, nor anything else that takes noticeable time: a name is loaded when it is first
used. The typed answers of the service's `Client` are in `onelook.server.schemas`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backbones import (
        Backbone,
        available_backbones,
        export_backbone,
        load_backbone,
    )
    from .boxes import Box, Crop
    from .bulk.reembedding import ReembeddingReport
    from .classifier import OneShotClassifier
    from .errors import (
        ArchiveError,
        AuthorizationError,
        BackboneError,
        BackboneUnavailableError,
        CalibrationError,
        ClassExistsError,
        ClassNotFoundError,
        ClusterError,
        DuplicateImageError,
        EvaluationError,
        ExampleNotFoundError,
        FilterError,
        GalleryDamagedError,
        GalleryError,
        GalleryNotFoundError,
        GalleryVersionError,
        ImageError,
        JobNotFoundError,
        LabelError,
        ManifestError,
        MissingPackageError,
        OnelookError,
        OverloadedError,
        ReadOnlyError,
        ServiceError,
        SettingsError,
        SpaceMismatchError,
        StorageError,
        TextError,
        TooLargeError,
        TrainingError,
        UnavailableError,
    )
    from .evaluation.evaluation import Evaluation
    from .evaluation.explanation.explain import Explanation
    from .findings import Finding, Findings
    from .gallery import Gallery
    from .gallery.description import (
        GalleryDescription,
        IndexDescription,
        LocalFeaturesDescription,
    )
    from .gallery.query_sums import QueryDrift
    from .images import ImageLimits, ImageSource
    from .recognizer import Recognizer, compare
    from .server.client import Client
    from .tuning.heads import HeadReport
    from .tuning.reports import (
        AdaptedSpaceReport,
        CalibrationReport,
        LearnedSpaceReport,
        SpaceReport,
    )
    from .types import (
        Candidate,
        ClassRecord,
        Counterexample,
        Decision,
        Enrolment,
        EnrolmentReport,
        EnrolmentStatus,
        ExampleRecord,
        KeepPictures,
        Location,
        NearDuplicate,
        Outlook,
        Reason,
        Refusal,
        Reject,
        Space,
        Verification,
    )

__version__ = "0.1.0"

__all__ = [
    "AdaptedSpaceReport",
    "ArchiveError",
    "AuthorizationError",
    "Backbone",
    "BackboneError",
    "BackboneUnavailableError",
    "Box",
    "CalibrationError",
    "CalibrationReport",
    "Candidate",
    "ClassExistsError",
    "ClassNotFoundError",
    "ClassRecord",
    "Client",
    "ClusterError",
    "Counterexample",
    "Crop",
    "Decision",
    "DuplicateImageError",
    "Enrolment",
    "EnrolmentReport",
    "EnrolmentStatus",
    "Evaluation",
    "EvaluationError",
    "ExampleNotFoundError",
    "ExampleRecord",
    "Explanation",
    "FilterError",
    "Finding",
    "Findings",
    "Gallery",
    "GalleryDamagedError",
    "GalleryDescription",
    "GalleryError",
    "GalleryNotFoundError",
    "GalleryVersionError",
    "HeadReport",
    "ImageError",
    "ImageLimits",
    "ImageSource",
    "IndexDescription",
    "JobNotFoundError",
    "KeepPictures",
    "LabelError",
    "LearnedSpaceReport",
    "LocalFeaturesDescription",
    "Location",
    "ManifestError",
    "MissingPackageError",
    "NearDuplicate",
    "OneShotClassifier",
    "OnelookError",
    "Outlook",
    "OverloadedError",
    "QueryDrift",
    "ReadOnlyError",
    "Reason",
    "Recognizer",
    "ReembeddingReport",
    "Refusal",
    "Reject",
    "ServiceError",
    "SettingsError",
    "Space",
    "SpaceMismatchError",
    "SpaceReport",
    "StorageError",
    "TextError",
    "TooLargeError",
    "TrainingError",
    "UnavailableError",
    "Verification",
    "available_backbones",
    "compare",
    "export_backbone",
    "load_backbone",
]

_HOMES = {
    ".backbones": (
        "Backbone",
        "available_backbones",
        "export_backbone",
        "load_backbone",
    ),
    ".boxes": (
        "Box",
        "Crop",
    ),
    ".bulk.reembedding": ("ReembeddingReport",),
    ".classifier": ("OneShotClassifier",),
    ".evaluation.evaluation": ("Evaluation",),
    ".evaluation.explanation.explain": ("Explanation",),
    ".findings": (
        "Finding",
        "Findings",
    ),
    ".gallery": ("Gallery",),
    ".gallery.description": (
        "GalleryDescription",
        "IndexDescription",
        "LocalFeaturesDescription",
    ),
    ".gallery.query_sums": ("QueryDrift",),
    ".images": (
        "ImageLimits",
        "ImageSource",
    ),
    ".recognizer": (
        "Recognizer",
        "compare",
    ),
    ".server.client": ("Client",),
    ".tuning.heads": ("HeadReport",),
    ".tuning.reports": (
        "AdaptedSpaceReport",
        "CalibrationReport",
        "LearnedSpaceReport",
        "SpaceReport",
    ),
    ".types": (
        "Candidate",
        "ClassRecord",
        "Counterexample",
        "Decision",
        "Enrolment",
        "EnrolmentReport",
        "EnrolmentStatus",
        "ExampleRecord",
        "KeepPictures",
        "Location",
        "NearDuplicate",
        "Outlook",
        "Reason",
        "Refusal",
        "Reject",
        "Space",
        "Verification",
    ),
}
"""The module that each name comes from; the others are errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'onelook' has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names), ".errors")
    value = getattr(importlib.import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


if __name__ == "engine":  # a checkout's folder, found by its own name
    from pathlib import Path

    from ._alias import stand_for_onelook

    stand_for_onelook(Path(__file__).parent)
