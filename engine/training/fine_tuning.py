"""Training a pretrained backbone on synthetic photographs of a catalog's own pictures.

One picture a class is enough: each is paired with photographs of itself that were never taken, and
the network learns that the two are the same. The classes are split three ways: most are trained on,
some say when to stop and how far to go, and the rest judge, before and after, on surfaces and
backgrounds that training didn't use.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..backbones.families.fine_tuned import write_fine_tuned
from ..backbones.names import DEFAULT_BACKBONE, named
from ..backbones.preprocessing import Preprocessing
from ..backbones.pretrained import Network, Pretrained, file_hash, space_of
from ..errors import TrainingError
from ..projections import Projection, shipped_projection
from ..synthesis import Split
from ..types import ByteArray, IntArray, Reject
from .judging import BeforeAndAfter, compare, tpir_at_fpir, tpir_name
from .loop import FitOutcome, FitSettings, Progress, default_device, fit
from .losses import PairLoss
from .optimisation import interpolated
from .photographing import (
    PhotographBatches,
    Photographer,
    Scenery,
    all_at_once,
    one_by_one,
)
from .pictures import Cutouts, LabelledPictures, Pictures, read_pictures
from .splits import split_by_class
from .stages import PartlyFrozen
from .trials import PicturedTrial, kept_trial, photographed_trial, queried_trial

CHECKPOINT = "checkpoint.pt"
HELD_OUT = "photographs of held-out classes"
QUERIES = "real queries"
KEEP = "not to be forgotten"

_CPU_SIDE = 160  # pixels a side that training on a CPU can afford
_SHARES = (0.25, 0.5, 0.75, 1.0)  # of the way from the base's weights to the tuned ones
_FPIRS = (0.01, 0.05)  # told in any case
_LEAST_PHOTOGRAPHS, _MOST_PHOTOGRAPHS = 640, 20_000  # of an epoch


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How a backbone is trained.

    Attributes:
        base: the backbone to start from.
        frozen: stages to leave as they are; see `PartlyFrozen`.
        size: side of the pictures trained on; None: the network's own on a GPU, and on a CPU at
            most 160 pixels, where the network takes others than its own. It is judged at its own.
        epochs: at most; each is followed by a look at classes that are not trained on.
        photographs: of an epoch; None: two of each picture, between 640 and 20,000.
        patience: epochs without a better figure after which training stops.
        learning_rate: at its peak.
        batch_size: pairs of a picture and its photograph in a batch.
        held_out_share: of the classes; one half says when to stop, the other judges.
        fpir: whose TPIR says whether it got better; when to stop, too, together with the share of
            queries whose own class is nearest.
        seed: of everything random.
        promote_regression: write the backbone even where it is judged no better.
    """

    base: str = DEFAULT_BACKBONE
    frozen: tuple[str, ...] = ()
    size: int | None = None
    epochs: int = 20
    photographs: int | None = None
    patience: int = 8
    learning_rate: float = 2.5e-4
    batch_size: int = 32
    held_out_share: float = 0.3
    fpir: float = 0.05
    seed: int = 0
    promote_regression: bool = False


@dataclass(frozen=True, slots=True)
class BackboneJudgement:
    """A backbone before and after, on some pictures.

    Attributes:
        name: what it was judged on.
        classes, queries: how many there were.
        figures: by name; `top-1`, and TPIR at 1 % and 5 % FPIR among them.
    """

    name: str
    classes: int
    queries: int
    figures: dict[str, BeforeAndAfter]


@dataclass(frozen=True, slots=True)
class FineTuningReport:
    """What training came to.

    Attributes:
        judgements: on synthetic photographs of held-out classes; then on real queries and on
            pictures not to be forgotten, where given. Before is in the space that is shipped for
            the base, where there is one, since training gives that up.
        decisive: the name of the one that decides: real queries where there are some.
        promoted: whether the folder now is a backbone.
        best_epoch: whose weights it has.
        share: how far these are from the base's to the tuned ones.
        training_classes, stopping_classes, judging_classes: how many there were of each.
        rejects: pictures that could not be read.
    """

    judgements: tuple[BackboneJudgement, ...]
    decisive: str
    promoted: bool
    best_epoch: int
    share: float
    training_classes: int
    stopping_classes: int
    judging_classes: int
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FurtherPictures:
    """What a backbone may be judged on besides the pictures it is trained on.

    Attributes:
        queries: label and image of real queries, whose classes the pictures show; or None.
        keep: label and image of other pictures, several a class, on which what the network loses
            is told; or None.
        backgrounds: `(h, w, 3) uint8` each, photographs of places: half for training.
    """

    queries: Pictures | None = None
    keep: Pictures | None = None
    backgrounds: Sequence[ByteArray] = ()


def fine_tune(
    pictures: Pictures,
    out: Path,
    settings: FineTuning,
    *,
    evidence: FurtherPictures | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    device: torch.device | None = None,
) -> FineTuningReport:
    """Train, judge, and, where it got better, write the backbone into `out`.

    A run that was killed is resumed by calling this again with the same pictures and settings.

    Args:
        pictures: label and image of each; one a class is enough.
        out: a folder; afterwards its path names the backbone.

    Raises:
        TrainingError: too few classes or pictures, or a checkpoint of another run in `out`.
        BackboneError: the base can't be loaded.
    """
    evidence = evidence or FurtherPictures()
    device = device or default_device()
    base = named(settings.base)
    weights = base.weights()
    network = base.network(weights)
    shipped = shipped_projection(space_of(base.name, network, file_hash(weights)))
    data = read_pictures(pictures, network.preprocessing)
    run = _Run(network, data, settings, evidence.backgrounds, device)
    outcome = run.train(out / CHECKPOINT, on_progress)
    share = run.choose_share()
    judgements = [run.judged(name, trial, shipped) for name, trial in run.trials(evidence)]
    by_name = {judgement.name: judgement for judgement in judgements}
    decisive = by_name.get(QUERIES, by_name[HELD_OUT])
    gain = decisive.figures[tpir_name(settings.fpir)].gain.value
    promoted = settings.promote_regression or gain > 0
    if promoted:
        figures = [asdict(judgement) for judgement in judgements]
        _write(out, base, run.module, {**asdict(settings), "share": share, "judgements": figures})
    return FineTuningReport(
        judgements=tuple(judgements),
        decisive=decisive.name,
        promoted=promoted,
        best_epoch=outcome.best_epoch,
        share=share,
        training_classes=data.count(run.training),
        stopping_classes=data.count(run.stopping),
        judging_classes=data.count(run.judging),
        rejects=data.rejects,
    )


class _Run:
    """A network being trained on some pictures, and its teacher: the network as it was."""

    def __init__(
        self,
        network: Network,
        data: LabelledPictures,
        settings: FineTuning,
        backgrounds: Sequence[ByteArray],
        device: torch.device,
    ) -> None:
        self.training, self.stopping, self.judging = _split(data, settings)
        self.module = network.module.to(device).to(memory_format=torch.channels_last).eval()
        self._teacher = copy.deepcopy(self.module)
        self._full = network.preprocessing
        self._small = _smaller(network, settings, device)
        self._data, self._settings, self._device = data, settings, device
        self._cutouts = Cutouts(data, 5 * self._full.image_size // 4)
        self._scenery = {
            split: Scenery.around(self._cutouts, rows, backgrounds, split)
            for split, rows in ((Split.TRAINING, self.training), (Split.JUDGING, self.judging))
        }
        self._stop = self._photographed(self.stopping, self._small, settings.seed)

    def train(self, checkpoint: Path, on_progress: Callable[[Progress], None] | None) -> FitOutcome:
        """Train the module in place; it ends with the weights of the best epoch."""
        settings = self._settings
        twice = 2 * len(self.training)
        photographs = min(max(twice, _LEAST_PHOTOGRAPHS), _MOST_PHOTOGRAPHS)
        batches = PhotographBatches(
            self._data,
            self.training,
            self._photographer(),
            self._teacher,
            self._small,
            pairs=settings.batch_size,
            photographs=settings.photographs or photographs,
        )
        return fit(
            PartlyFrozen(self.module, settings.frozen),
            PairLoss(),
            batches,
            FitSettings(
                epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                weight_decay=0.02,
                averaging=0.98,
                patience=settings.patience,
                seed=settings.seed,
            ),
            evaluate=self._watched,
            on_progress=on_progress,
            checkpoint=checkpoint,
            device=self._device,
            task=_task(settings, self._data),
        )

    def _photographer(self) -> Photographer:
        scenery, size = self._scenery[Split.TRAINING], self._small.image_size
        if self._device.type == "cuda":
            return all_at_once(self._cutouts, self.training, scenery, size, self._device)
        return one_by_one(self._cutouts, self.training, scenery, size)

    def choose_share(self) -> float:
        """Go only so far from the base's weights as the classes that stop training like best."""
        base, tuned = self._teacher.state_dict(), copy.deepcopy(self.module.state_dict())
        figures = {}
        for share in _SHARES:
            self.module.load_state_dict(interpolated(base, tuned, share))
            figures[share] = self._watched(self.module)
        best = max(_SHARES, key=figures.__getitem__)  # the first of the best: the least change
        self.module.load_state_dict(interpolated(base, tuned, best))
        return best

    def trials(self, evidence: FurtherPictures) -> list[tuple[str, PicturedTrial]]:
        """What the network is judged on, at its own size."""
        seed = self._settings.seed + 1
        found = [(HELD_OUT, self._photographed(self.judging, self._full, seed))]
        if evidence.queries is not None:
            queries = read_pictures(evidence.queries, self._full)
            found.append((QUERIES, queried_trial(self._data, queries, self._full)))
        if evidence.keep is not None:
            found.append((KEEP, kept_trial(read_pictures(evidence.keep, self._full), self._full)))
        return found

    def judged(
        self, name: str, trial: PicturedTrial, shipped: Projection | None
    ) -> BackboneJudgement:
        before, after = trial.embedded(self._teacher), trial.embedded(self.module)
        if shipped is not None:  # what a gallery of the base really searches
            before = replace(
                before,
                examples=shipped.apply(before.examples),
                queries=shipped.apply(before.queries),
            )
        fpirs = tuple(sorted({*_FPIRS, self._settings.fpir}))
        figures = compare(before, after, fpirs, self._settings.seed)
        return BackboneJudgement(name, trial.classes, len(trial.query_labels), figures)

    def _watched(self, network: nn.Module) -> float:
        """TPIR, with and without a threshold: either alone says little on few classes."""
        trial = self._stop.embedded(network)
        fpirs = (self._settings.fpir, 1.0)
        return sum(tpir_at_fpir(trial, fpir, self._settings.seed) for fpir in fpirs) / len(fpirs)

    def _photographed(
        self, rows: IntArray, preprocessing: Preprocessing, seed: int
    ) -> PicturedTrial:
        scenery = self._scenery[Split.JUDGING]
        return photographed_trial(self._data, rows, self._cutouts, scenery, preprocessing, seed)


def _smaller(network: Network, settings: FineTuning, device: torch.device) -> Preprocessing:
    """The network's preprocessing at the side that is trained on.

    Raises:
        TrainingError: a side was asked for that the network doesn't take.
    """
    full = network.preprocessing
    on_cpu = min(_CPU_SIDE, full.image_size)
    side = settings.size or (on_cpu if device.type == "cpu" else full.image_size)
    if side == full.image_size:
        return full
    try:
        with torch.inference_mode():
            network.module(torch.zeros(1, 3, side, side, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        if settings.size is not None:
            raise TrainingError(
                f"expected a size that {network.architecture} takes, but got {side}; "
                f"leave it out, or ask for its own, {full.image_size} ({error})"
            ) from error
        return full
    return replace(full, image_size=side, resize=round(full.resize * side / full.image_size))


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


def _write(out: Path, base: Pretrained, module: nn.Module, figures: dict[str, Any]) -> None:
    try:
        write_fine_tuned(out, base, module, figures)
    except OSError as error:
        raise TrainingError(f"{out}: the backbone can't be written: {error}") from error
