"""Writes the page: the network, the gallery's vectors and figures, pictures, and what runs it.

    index.html, *.css, *.js   the page
    text/                     its words, a file a language
    gallery.json              labels, thresholds and all figures that a decision reads
    vectors.bin               a byte a number: the vectors of examples, impostors, counterexamples
    projection.bin            where the gallery searches another space than its network's
    network.onnx              the network
    pictures/                 a small picture of each class, where the gallery keeps pictures
    runtime/                  ONNX Runtime Web, as the npm package onnxruntime-web has it

The page decides as `decide_queries` does without local features: by similarity of the whole picture
and, where that doesn't settle it, of its middle, normalised on both sides. Vectors are kept as
`round(127 · v / max|v|)` and made unit again when they are read, which moves similarities by some
0.0003.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .. import __version__
from ..backbones import export_backbone
from ..errors import ImageError, SettingsError
from ..features.closer import SHARE
from ..gallery import Snapshot
from ..images import load_image
from ..recognizer import Recognizer
from ..types import FloatArray

STATIC = Path(__file__).parent / "static"
RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
PACKAGE = "onnxruntime-web"
LOCAL_LEFT_OUT = "local features (corners and blobs that match) are left out"
TEXTS_LEFT_OUT = "classes and examples that were enrolled by a text are left out"
_THUMBNAIL = 160
_RATES_AT = np.arange(-10.0, 60.05, 0.1)
"""Normalised scores at which the page knows the stranger rate; between them it is interpolated."""


@dataclass(frozen=True, slots=True)
class WebExport:
    """What was written.

    Attributes:
        classes, examples: how many.
        size: of all files, in bytes.
        left_out: what the page doesn't decide by though the gallery does, a phrase each.
        runtime: the package that runs the network, its version and its licence.
    """

    classes: int
    examples: int
    size: int
    left_out: tuple[str, ...]
    runtime: str


def export_web(recognizer: Recognizer, folder: Path, *, runtime: Path) -> WebExport:
    """Write a page that recognises a gallery's classes on its own.

    Args:
        folder: where to; made if there is none, else it must be empty or hold such a page.
        runtime: the unpacked npm package `onnxruntime-web`.

    Raises:
        SettingsError: the package isn't there, the folder holds something else, or the gallery
            decides by what the page can't.
    """
    package = _package(runtime)
    snapshot = recognizer.gallery.snapshot()
    preprocessing = recognizer.backbone.preprocessing
    if snapshot.head is not None:
        raise SettingsError(
            "the gallery ranks by a Siamese head, which the page can't; "
            "`onelook train head --remove` takes it away"
        )
    if preprocessing.interpolation != "bicubic":
        raise SettingsError(
            f"the page scales pictures bicubically, but {recognizer.backbone.name} wants "
            f"{preprocessing.interpolation}"
        )
    if not snapshot.classes:
        raise SettingsError("the gallery is empty; enroll something first")
    if not len(snapshot.examples):
        raise SettingsError("the gallery holds no picture; the page recognises by pictures alone")
    _require_ours(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(STATIC, folder, dirs_exist_ok=True)
    (folder / "runtime").mkdir(exist_ok=True)
    for name in RUNTIME_FILES:
        shutil.copy(runtime / "dist" / name, folder / "runtime" / name)
    told = f"{PACKAGE} {package['version']}, licence {package['license']}"
    (folder / "runtime" / "ABOUT.txt").write_text(
        f"{told}\nFiles of the npm package {PACKAGE}, unchanged. {package.get('homepage', '')}\n",
        encoding="utf-8",
    )
    shutil.copy(export_backbone(recognizer.backbone.name), folder / "network.onnx")
    left_out = (
        *((LOCAL_LEFT_OUT,) if len(snapshot.local) else ()),
        *((TEXTS_LEFT_OUT,) if len(snapshot.texts) else ()),
    )
    described = {
        "form": 1,
        "made_with": f"onelook {__version__}",
        "runtime": told,
        "left_out": ["local_features"] if left_out else [],
        "preprocessing": asdict(preprocessing),
        "closer": SHARE if recognizer.features.closer else None,
        **_gallery(snapshot, folder),
        "pictures": _pictures(recognizer, snapshot, folder / "pictures"),
    }
    files = sorted(
        str(file.relative_to(folder).as_posix()) for file in folder.rglob("*") if file.is_file()
    )
    described["files"] = [name for name in files if name not in ("gallery.json", "worker.js")]
    text = json.dumps(described, ensure_ascii=False, allow_nan=False)
    (folder / "gallery.json").write_text(text, encoding="utf-8")
    # A browser installs a worker, and with it what it keeps, anew when the worker's text differs.
    digest = hashlib.sha256(text.encode() + (folder / "vectors.bin").read_bytes()).hexdigest()[:16]
    worker = (folder / "worker.js").read_text(encoding="utf-8")
    (folder / "worker.js").write_text(worker.replace("EXPORT", digest), encoding="utf-8")
    return WebExport(
        classes=snapshot.classes,
        examples=len(snapshot.examples),
        size=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        left_out=left_out,
        runtime=told,
    )


def _package(runtime: Path) -> dict[str, Any]:
    """What the package says of itself.

    Raises:
        SettingsError: it isn't that package, or files are missing.
    """
    missing = [name for name in RUNTIME_FILES if not (runtime / "dist" / name).is_file()]
    try:
        about: dict[str, Any] = json.loads((runtime / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        about = {}
    if missing or about.get("name") != PACKAGE or not {"version", "license"} <= set(about):
        raise SettingsError(
            f"{runtime}: expected the unpacked npm package {PACKAGE} there, which runs the network "
            f"in the browser; `npm pack {PACKAGE}` fetches it, `tar xzf {PACKAGE}-*.tgz` unpacks "
            "it into the folder `package`"
        )
    return about


def _require_ours(folder: Path) -> None:
    there = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if there and not (folder / "gallery.json").is_file():
        raise SettingsError(
            f"{folder}: expected a new or empty folder, or one that such a page was written to"
        )


def _gallery(snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """What the page decides by; the vectors go to files."""
    ids = snapshot.examples.ids()
    class_ids = np.unique(snapshot.examples.classes_of(ids))
    moments = snapshot.moments_of(class_ids)
    places = np.searchsorted(class_ids, snapshot.examples.classes_of(ids))
    shipped = snapshot.cohort.shipped
    counter = snapshot.counterexamples
    there = np.isin(counter.class_ids, class_ids)
    contrary = counter.vectors[there].reshape(-1, shipped.shape[1])
    vectors = quantised(np.concatenate([snapshot.index.vectors(ids), shipped, contrary]))
    (folder / "vectors.bin").write_bytes(vectors.tobytes())
    projection = snapshot.projection
    projected = projection.matrix is not None
    if projection.matrix is not None:
        parts = (projection.query_mean.astype("<f4"), projection.matrix.astype("<f4"))
        (folder / "projection.bin").write_bytes(b"".join(part.tobytes("C") for part in parts))
    elif (folder / "projection.bin").exists():
        (folder / "projection.bin").unlink()
    stranger_rate, classes = snapshot.calibration.stranger_rate, snapshot.classes
    rates = [stranger_rate(score, classes) for score in _RATES_AT.tolist()]
    return {
        "dimension": int(vectors.shape[1]),
        "embedding": int(projection.mean.shape[0]),
        "projected": projected,
        "shipped": len(shipped),
        "level": snapshot.level,
        "calibration": snapshot.calibration.describe(snapshot.target_fpir, snapshot.classes),
        "rates": {
            "from": float(_RATES_AT[0]),
            "step": 0.1,
            "logarithms": np.log(rates).round(6).tolist(),
        },
        "classes": [
            {
                "label": snapshot.labels[class_id],
                "mean": of_class.mean,
                "std": of_class.std,
                "pin": snapshot.pins.get(class_id),
                "attributes": snapshot.attributes.of(class_id),
            }
            for class_id, of_class in zip(class_ids.tolist(), moments, strict=True)
        ],
        "examples": places.tolist(),
        "counterexamples": np.searchsorted(class_ids, counter.class_ids[there]).tolist(),
    }


def quantised(vectors: FloatArray) -> npt.NDArray[np.int8]:
    """`(n, dim) int8`: unit rows `(n, dim) float32`, their greatest numbers made 127."""
    most = np.abs(vectors).max(axis=1, keepdims=True, initial=1e-12)
    rounded: npt.NDArray[np.int8] = np.rint(vectors / most * 127).astype(np.int8)
    return rounded


def _pictures(recognizer: Recognizer, snapshot: Snapshot, folder: Path) -> list[str | None]:
    """A small picture of each class, of its first example that is kept; in the classes' order."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    ids, owners = snapshot.examples.examples_of(np.unique(np.fromiter(snapshot.labels, np.int64)))
    first: dict[int, int] = {}
    for example_id, owner in zip(ids.tolist(), owners.tolist(), strict=True):
        first.setdefault(owner, example_id)
    names: list[str | None] = []
    for class_id in sorted(first):
        data = recognizer.gallery.catalog.picture(first[class_id])
        small = None if data is None else _thumbnail(data)
        names.append(None if small is None else f"{class_id}.jpg")
        if small is not None:
            (folder / f"{class_id}.jpg").write_bytes(small)
    return names


def _thumbnail(data: bytes) -> bytes | None:
    try:
        pixels = load_image(data, min_side_hint=_THUMBNAIL).pixels.copy()
    except ImageError:
        return None
    pixels.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
