"""The cache of exported networks: which there are, and what is known of each without torch.

    <cache>/onnx/<space id>.onnx     the network, from prepared pictures to features
    <cache>/onnx/<name>-<hash>.json  the record of one name: its space, preprocessing and weights

A record is trusted as long as the weights' file is the one it was made from. A name whose file
can't be told without loading its library (published OpenCLIP and timm weights) stays with the
weights it was exported with until it is exported again. All files are written aside and renamed,
so that readers and writers in other processes see whole files only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..settings import cache_folder
from ..types import Space
from .preprocessing import Preprocessing
from .pretrained import Pretrained, file_hash

_FORMAT = 1  # raised when older exports must not be used any more


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """The file that a network's weights came from."""

    path: str
    size: int
    modified_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> WeightsFile:
        """Reads the whole file, for its hash."""
        status = path.stat()
        return cls(str(path), status.st_size, status.st_mtime_ns, file_hash(path))

    def is_still(self, path: Path) -> bool:
        """Whether that file holds these weights; reads it only if it was moved or touched."""
        status = path.stat()
        if (str(path), status.st_size, status.st_mtime_ns) == (
            self.path,
            self.size,
            self.modified_ns,
        ):
            return True
        return status.st_size == self.size and file_hash(path) == self.sha256


@dataclass(frozen=True, slots=True)
class Export:
    """What is known of a name that was exported, or that could not be.

    Attributes:
        space, preprocessing: of the network.
        weights: what it was made from.
        failure: why exporting it failed; None where it succeeded.
    """

    space: Space
    preprocessing: Preprocessing
    weights: WeightsFile
    failure: str | None = None


class ExportCache:
    """The exports in a cache folder. Safe to use from several processes.

    Args:
        folder: the cache folder; None takes `ONELOOK_CACHE_DIR`, or the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder(folder) / "onnx"

    def network_path(self, space: Space) -> Path:
        """Where the exported network of a space is, or would be."""
        return self.folder / f"{space.id}.onnx"

    def find(self, pretrained: Pretrained) -> Export | None:
        """What is known of a name, if it still holds; its network file is there unless it failed.

        Raises:
            BackboneUnavailableError: the name's checkpoint is no file.
        """
        weights = pretrained.known_weights()
        export = self._read(pretrained.name)
        if export is None or (weights is not None and not export.weights.is_still(weights)):
            return None
        if export.failure is None and not self.network_path(export.space).is_file():
            return None
        return export

    def add(self, export: Export, network: Path | None) -> None:
        """Records an export, taking the network's file over.

        Raises:
            OSError: the cache can't be written.
        """
        if network is not None:
            network.replace(self.network_path(export.space))
        text = json.dumps({"format": _FORMAT, **asdict(export)}, indent=1)
        path = self.scratch_file(".json")
        path.write_text(text, encoding="utf-8")
        path.replace(self._record_path(export.space.backbone))

    def scratch_file(self, suffix: str) -> Path:
        """A new, empty file in the cache's folder, to be renamed or removed.

        Raises:
            OSError: the cache can't be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix, ".", self.folder)
        os.close(handle)
        return Path(name)

    def _record_path(self, name: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:60].strip("-.")
        return self.folder / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}.json"

    def _read(self, name: str) -> Export | None:
        try:
            record = json.loads(self._record_path(name).read_text(encoding="utf-8"))
            return parsed_export(record) if record["format"] == _FORMAT else None
        except (OSError, ValueError, KeyError, TypeError):  # absent, or not one of ours
            return None


def parsed_export(record: Mapping[str, Any]) -> Export:
    """What `asdict` of an export gave, read back from JSON.

    Raises:
        KeyError, TypeError: it is none.
    """
    preprocessing = dict(record["preprocessing"])
    for field in ("mean", "std"):
        preprocessing[field] = tuple(preprocessing[field])
    return Export(
        space=Space(**record["space"]),
        preprocessing=Preprocessing(**preprocessing),
        weights=WeightsFile(**record["weights"]),
        failure=record["failure"],
    )
