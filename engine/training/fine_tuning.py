"""Fine-tuning a pretrained backbone, so that cosine alone separates classes it has never seen.

The labelled classes are split three ways: most are trained on, some say when to stop, and the rest
judge, before and after, without having had a say in anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from engine.backbones.families.fine_tuned import write_fine_tuned
from engine.backbones.names import DEFAULT_BACKBONE, named
from engine.backbones.preprocessing import Preprocessing
from engine.backbones.pretrained import file_hash, space_of
from engine.errors import TrainingError
from engine.images import ImageSource
from engine.projections import shipped_projection
from engine.training.held_out import Comparison, compare, tpir_at_fpir
from engine.training.loop import FitSettings, Progress, default_device, fit
from engine.training.losses import build_loss
from engine.training.pictures import LabelledPictures, PictureBatches, normalised, prepare_pictures
from engine.training.splits import split_by_class
from engine.training.stages import PartlyFrozen
from engine.types import ByteArray, FloatArray, IntArray, Reject

CHECKPOINT = "checkpoint.pt"
_PIXELS = "pictures.npy"
_EMBEDDING_BATCH = 64


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How a backbone is fine-tuned.

    Attributes:
        base: the backbone to start from.
        loss: a name among `LOSSES`.
        frozen: stages to leave as they are; see `PartlyFrozen`.
        epochs: at most; each sees about as many pictures as there are to train on.
        patience: epochs without a better figure after which training stops.
        learning_rate: at its peak.
        batch_size, per_class: pictures a batch, and of each class in it.
        held_out_share: of the classes; one half says when to stop, the other judges.
        fpir: at which TPIR is measured.
        seed: of everything random.
        promote_regression: write the backbone even where the judging classes find it no better.
    """

    base: str = DEFAULT_BACKBONE
    loss: str = "contrastive"
    frozen: tuple[str, ...] = ()
    epochs: int = 20
    patience: int = 5
    learning_rate: float = 1e-4
    batch_size: int = 64
    per_class: int = 4
    held_out_share: float = 0.3
    fpir: float = 0.05
    seed: int = 0
    promote_regression: bool = False


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What fine-tuning came to.

    Attributes:
        judged: TPIR at the FPIR asked for on the judging classes, before and after; before in the
            space that is shipped for the base, where there is one, since tuning gives that up.
        promoted: whether the folder now is a backbone.
        best_epoch: whose weights it has.
        training_classes, stopping_classes, judging_classes: how many there were of each.
        rejects: pictures that could not be read.
    """

    judged: Comparison
    promoted: bool
    best_epoch: int
    training_classes: int
    stopping_classes: int
    judging_classes: int
    rejects: tuple[Reject, ...]


def fine_tune(
    pictures: Iterable[tuple[str, ImageSource]],
    out: Path,
    settings: FineTuning,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    device: torch.device | None = None,
) -> FineTuned:
    """Train, judge, and, where cosine got better, write the backbone into `out`.

    A run that was killed is resumed by calling this again with the same pictures and settings.

    Args:
        pictures: label and image of each.
        out: a folder; afterwards its path names the backbone.

    Raises:
        TrainingError: too few classes or pictures, or a checkpoint of another run in `out`.
        BackboneError: the base can't be loaded.
    """
    device = device or default_device()
    base = named(settings.base)
    weights = base.weights()
    network = base.network(weights)
    shipped = shipped_projection(space_of(base.name, network, file_hash(weights)))
    try:
        data = prepare_pictures(pictures, network.preprocessing, out / _PIXELS)
        training, stopping, judging = _split(data, settings)
        batches = PictureBatches(
            data.pixels,
            data.labels,
            training,
            network.preprocessing,
            batch_size=settings.batch_size,
            per_class=settings.per_class,
        )
        model = PartlyFrozen(network.module, settings.frozen).to(device).eval()

        def embedded(rows: IntArray) -> FloatArray:
            return embed(model, data.pixels, rows, network.preprocessing)

        def watched(trained: nn.Module) -> float:
            found = embed(trained, data.pixels, stopping, network.preprocessing)
            return tpir_at_fpir(found, data.labels[stopping], settings.fpir, settings.seed)

        before = embedded(judging)
        if shipped is not None:  # what a gallery of the base really searches
            before = shipped.apply(before)
        outcome = fit(
            model,
            build_loss(settings.loss, batches.classes, network.dimension),
            batches,
            FitSettings(
                epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                weight_decay=0.01,
                loss_rate=10.0,
                averaging=0.98,
                patience=settings.patience,
                seed=settings.seed,
            ),
            evaluate=watched,
            on_progress=on_progress,
            checkpoint=out / CHECKPOINT,
            device=device,
            task=_task(settings, data),
        )
        after = embedded(judging)
    finally:
        (out / _PIXELS).unlink(missing_ok=True)
    judged = compare(before, after, data.labels[judging], settings.fpir, settings.seed)
    promoted = settings.promote_regression or judged.gain.value > 0
    if promoted:
        try:
            write_fine_tuned(
                out, base, model.module, {"settings": asdict(settings), **asdict(judged)}
            )
        except OSError as error:
            raise TrainingError(f"{out}: the backbone can't be written: {error}") from error
    return FineTuned(
        judged=judged,
        promoted=promoted,
        best_epoch=outcome.best_epoch,
        training_classes=len(np.unique(data.labels[training])),
        stopping_classes=len(np.unique(data.labels[stopping])),
        judging_classes=len(np.unique(data.labels[judging])),
        rejects=data.rejects,
    )


def embed(
    network: nn.Module, pixels: ByteArray, rows: IntArray, preprocessing: Preprocessing
) -> FloatArray:
    """`(m, dim) float32`, unit rows, of those rows of `(n, S, S, 3) uint8`."""
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), _EMBEDDING_BATCH):
            images = normalised(pixels[rows[start : start + _EMBEDDING_BATCH]], preprocessing)
            parts.append(functional.normalize(network(images.to(device)), dim=1).cpu())
    embeddings: FloatArray = torch.cat(parts).numpy()
    return embeddings


def _task(settings: FineTuning, data: LabelledPictures) -> str:
    """A hash of all that a checkpoint's run must share with the one that resumes it."""
    digest = hashlib.sha256(json.dumps([asdict(settings), data.names]).encode())
    digest.update(data.labels.tobytes())
    return digest.hexdigest()


def _split(data: LabelledPictures, settings: FineTuning) -> tuple[IntArray, IntArray, IntArray]:
    """Rows to train on, to stop by, and to judge by; no class in two of them."""
    if len(data.names) < 12:
        raise TrainingError(
            "expected at least 12 labelled classes, four each to train on, to stop by and to "
            f"judge by, but got {len(data.names)}; add some"
        )
    share = max(settings.held_out_share, 8 / len(data.names))
    first = split_by_class(data.labels, share, settings.seed)
    second = split_by_class(data.labels[first.held_out], 0.5, settings.seed)
    return first.training, first.held_out[second.training], first.held_out[second.held_out]
