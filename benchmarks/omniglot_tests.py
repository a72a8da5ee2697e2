"""The published tests, played through the engine's own enrolment and search."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from benchmarks.omniglot_backbone import GlyphBackbone
from benchmarks.omniglot_data import Characters, Run
from engine import Recognizer
from engine.decision.siamese import SiameseHead
from engine.features import Embedder
from engine.training.pairs import RowPairs, draw_pairs
from engine.types import FloatArray

VERIFICATION_PAIRS = 10_000
BATCH = 256


@dataclass(frozen=True, slots=True)
class OneShot:
    """Trials of the official runs answered rightly, of `trials`."""

    trials: int
    cosine: int
    siamese: int


@dataclass(frozen=True, slots=True)
class VerificationFigures:
    """Balanced pairs told apart: shares of 1.

    Attributes:
        cosine: accuracy at the cosine that was best on background pairs.
        siamese: accuracy at a probability of one half.
        cosine_auroc, siamese_auroc: areas under the ROC curve.
    """

    pairs: int
    cosine: float
    siamese: float
    cosine_auroc: float
    siamese_auroc: float


def play_runs(runs: list[Run], backbone: GlyphBackbone, head: SiameseHead) -> OneShot:
    """Enroll the examples of each run in a gallery of its own, then ask it for each test alone."""
    trials = cosine = siamese = 0
    for run in runs:
        with (
            tempfile.TemporaryDirectory() as folder,
            Recognizer.open(Path(folder) / "gallery", create=True, backbone=backbone) as recognizer,
        ):
            for label, picture in run.examples.items():
                recognizer.enroll(label, picture)
            enrolled = recognizer.embed(run.examples.values())
            row = {label: number for number, label in enumerate(run.examples)}
            for picture, label in run.tests:
                candidates = recognizer.nearest(picture, k=len(run.examples))
                query = recognizer.embed([picture])
                odds = head.logits(query, enrolled[[row[found.label] for found in candidates]])
                trials += 1
                cosine += candidates[0].label == label
                siamese += candidates[int(np.argmax(odds))].label == label
    return OneShot(trials, cosine, siamese)


def embed_characters(characters: Characters, backbone: GlyphBackbone) -> FloatArray:
    """`(n, dim) float32`, unit rows."""
    prepared = [np.repeat(glyph[:, :, None], 3, axis=2) for glyph in characters.glyphs]
    return Embedder(backbone, batch_size=BATCH).embed_prepared(prepared)


def verify_pairs(
    background: Characters,
    evaluation: Characters,
    backbone: GlyphBackbone,
    background_embeddings: FloatArray,
    head: SiameseHead,
) -> dict[str, VerificationFigures]:
    """Verification on pairs of the evaluation alphabets, impostors of any or of one alphabet."""
    learned = draw_pairs(background.classes, VERIFICATION_PAIRS, seed=0)
    threshold = _best_threshold(_cosines(background_embeddings, learned), learned.genuine)
    embeddings = embed_characters(evaluation, backbone)
    drawn = {
        "any alphabet": draw_pairs(evaluation.classes, VERIFICATION_PAIRS, seed=1),
        "one alphabet": _pairs_within(evaluation, VERIFICATION_PAIRS),
    }
    return {name: _judge(pairs, embeddings, head, threshold) for name, pairs in drawn.items()}


def _judge(
    pairs: RowPairs, embeddings: FloatArray, head: SiameseHead, threshold: float
) -> VerificationFigures:
    cosines = _cosines(embeddings, pairs)
    odds = head.probability(embeddings[pairs.first], embeddings[pairs.second])
    return VerificationFigures(
        pairs=len(pairs.genuine),
        cosine=float(((cosines >= threshold) == pairs.genuine).mean()),
        siamese=float(((odds >= 0.5) == pairs.genuine).mean()),
        cosine_auroc=float(roc_auc_score(pairs.genuine, cosines)),
        siamese_auroc=float(roc_auc_score(pairs.genuine, odds)),
    )


def _pairs_within(characters: Characters, count: int) -> RowPairs:
    """As many pairs of each alphabet, impostors being two characters of the same one."""
    alphabets = np.unique(characters.alphabets)
    parts = []
    for number, alphabet in enumerate(alphabets):
        rows = np.flatnonzero(characters.alphabets == alphabet)
        drawn = draw_pairs(characters.classes[rows], count // len(alphabets), seed=2 + number)
        parts.append(RowPairs(rows[drawn.first], rows[drawn.second], drawn.genuine))
    return RowPairs(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.genuine for part in parts]),
    )


def _cosines(embeddings: FloatArray, pairs: RowPairs) -> FloatArray:
    cosines: FloatArray = (embeddings[pairs.first] * embeddings[pairs.second]).sum(axis=1)
    return cosines


def _best_threshold(scores: FloatArray, genuine: npt.NDArray[np.bool_]) -> float:
    """The score at which most pairs are told apart when those at or above it are accepted."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(np.where(genuine[order], 1, -1))
    return float(scores[order[int(np.argmax(right))]])
