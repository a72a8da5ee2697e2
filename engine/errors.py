"""Every error that Onelook raises on purpose.

A caller who catches `OnelookError` catches all of them; a driver's, an ORM's or a decoder's own
error never leaks. Each message says what was expected, what came, where, and what to do.

    OnelookError
    ├── ImageError                  an image can't be read, decoded or accepted
    ├── LabelError                  a label is empty, too long or holds control characters
    ├── ManifestError               a manifest can't be read, or a row of it is at fault
    ├── BackboneError               a backbone is unknown, incomplete or gave unusable numbers
    │   └── BackboneUnavailableError   its weights are neither installed, cached nor reachable
    ├── SettingsError               a variable, option or argument holds an unusable value
    │   ├── FilterError                a filter can't be read, or names an attribute of no class
    │   └── TextError                  a text is none, or the backbone knows pictures only
    ├── MissingPackageError         a package is needed that a slim install leaves out
    ├── CalibrationError            a calibration was asked for that the evidence can't carry
    ├── EvaluationError             an evaluation was asked for that the data can't carry
    ├── TrainingError               training data, options or a checkpoint can't be used
    ├── ClusterError                a Ray cluster can't be reached, or failed
    ├── ServiceError                the HTTP service refused a request, or can't be reached
    │   ├── AuthorizationError         no token, a wrong one, or one of too narrow a scope
    │   ├── TooLargeError              a request is beyond a limit of the service
    │   ├── ArchiveError               an archive is damaged, hostile or of an unknown kind
    │   ├── OverloadedError            more is waiting than the service accepts; try again
    │   └── JobNotFoundError           no job of that id
    └── GalleryError                everything about stored galleries
        ├── GalleryNotFoundError       no gallery at that path
        ├── GalleryVersionError        its schema is newer than this code, or needs an upgrade
        ├── GalleryDamagedError        the database itself is damaged
        ├── ReadOnlyError              a write to a gallery opened, or stored, read-only
        ├── StorageError               disk full, database locked for too long, connection lost
        │   └── UnavailableError           the server is away for now; nothing was written
        ├── SpaceMismatchError         the gallery was filled by another backbone
        ├── ClassNotFoundError         no class of that label
        ├── ClassExistsError           a class of that label is there already
        ├── ExampleNotFoundError       no example of that id
        └── DuplicateImageError        the same picture or text is enrolled under another class,
                                       or a counterexample of this one
"""

from __future__ import annotations


class OnelookError(Exception):
    """Base class of every error in this tree."""


class ImageError(OnelookError):
    """An image can't be read, decoded or accepted.

    Attributes:
        source: what was asked for, as text: a path, or a description such as `<bytes>`.
        reason: why it was refused, one sentence without a full stop.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        return type(self), (self.source, self.reason)  # survives the way back from a worker process


class LabelError(OnelookError):
    """A label is empty, too long or holds control characters."""


class ManifestError(OnelookError):
    """A manifest can't be read, or a row of it is at fault."""


class BackboneError(OnelookError):
    """A backbone is unknown, incomplete, or gave unusable numbers."""


class BackboneUnavailableError(BackboneError):
    """A backbone's weights are neither installed, cached nor reachable."""


class SettingsError(OnelookError, ValueError):
    """An environment variable, option or argument holds an unusable value."""


class MissingPackageError(OnelookError):
    """Something needs a package that isn't installed, such as torch in a slim install."""


class FilterError(SettingsError):
    """A filter can't be read, or asks for an attribute that no class has."""


class TextError(SettingsError):
    """A text can't stand for a picture: it is none, or the backbone knows pictures only."""


class CalibrationError(OnelookError):
    """A calibration was asked for that the evidence can't carry."""


class EvaluationError(OnelookError):
    """An evaluation was asked for that the data can't carry."""


class TrainingError(OnelookError):
    """Training data, options or a checkpoint can't be used."""


class ClusterError(OnelookError):
    """A Ray cluster can't be reached, or failed while it embedded."""


class ServiceError(OnelookError):
    """The HTTP service refused a request, or can't be reached."""


class AuthorizationError(ServiceError):
    """There is no token, it is wrong, or its scope doesn't reach that far."""


class TooLargeError(ServiceError):
    """A request is beyond a limit of the service."""


class ArchiveError(ServiceError):
    """An archive is damaged, hostile or of an unknown kind."""


class OverloadedError(ServiceError):
    """More work is waiting than the service accepts; try again a little later."""


class JobNotFoundError(ServiceError):
    """There is no job of that id."""


class GalleryError(OnelookError):
    """Base class of everything about stored galleries."""


class GalleryNotFoundError(GalleryError):
    """There is no gallery at that path."""


class GalleryVersionError(GalleryError):
    """The gallery's schema is newer than this code knows, or must be upgraded first."""


class GalleryDamagedError(GalleryError):
    """The database itself is damaged."""


class ReadOnlyError(GalleryError):
    """A write was asked of a gallery that is opened, or stored, read-only."""


class StorageError(GalleryError):
    """The disk is full, the database stayed locked, or the connection was lost."""


class UnavailableError(StorageError):
    """A database server can't be reached or refuses for now: nothing was written; try again."""


class SpaceMismatchError(GalleryError):
    """The gallery was filled by another backbone, so similarities would mean nothing."""


class ClassNotFoundError(GalleryError):
    """There is no class of that label."""


class ClassExistsError(GalleryError):
    """A class of that label is there already."""


class ExampleNotFoundError(GalleryError):
    """There is no example of that id."""


class DuplicateImageError(GalleryError):
    """The same picture or text is another class's, or the picture a counterexample of this one."""
