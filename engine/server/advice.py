"""What a shop should do next: which classes need another picture, and which are mixed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..gallery import Snapshot
from ..gallery.deciding.decisions import excesses
from ..gallery.deciding.left_out import rank_without_own
from ..gallery.deciding.near_duplicates import NEAR_DUPLICATE_SIMILARITY
from .catalog_reading import first_examples
from .listing import examples_of_each
from .schemas import AdviceOut, ConfusedOut, NeedyOut

MOST = 10
"""At most so many classes, and pairs of them, are named."""
LOOKED_AT = 1000
"""Of larger galleries so many examples, evenly spread, are compared with the others."""

Verdicts = Sequence[tuple[str | None, str | None]]
"""Of each feedback what was said and what was decided; None is none of the classes, and unknown."""


@dataclass(frozen=True, slots=True)
class _Nearest:
    """What an example would be taken for, were its own class gone."""

    class_id: int
    other: int
    similarity: float
    confused: bool


def advice(snapshot: Snapshot, verdicts: Verdicts) -> AdviceOut:
    """What would help most, by what people said and by how near the classes are to each other."""
    nearest = _nearest(snapshot)
    confused = _pairs([pair for pair in nearest if pair.confused])
    calibration, classes = snapshot.calibration, snapshot.classes
    counts = examples_of_each(snapshot, sorted(snapshot.labels))
    return AdviceOut(
        second_picture=_needy(snapshot, nearest, verdicts, counts),
        confused=_confused_out(snapshot, confused[:MOST]),
        confused_pairs=len(confused),
        looked_at=len(nearest),
        single=sum(1 for count in counts.values() if count == 1),
        expected_tpir=calibration.expected_tpir(snapshot.target_fpir, classes),
        expected_tpir_of=calibration.genuine_are,
        outgrown=calibration.outgrown(classes),
        feedback=len(verdicts),
    )


def _nearest(snapshot: Snapshot) -> list[_Nearest]:
    if snapshot.classes < 2:
        return []
    ids = snapshot.examples.ids()
    if ids.size > LOOKED_AT:
        ids = ids[np.linspace(0, ids.size - 1, LOOKED_AT).astype(np.int64)]
    owners = snapshot.examples.classes_of(ids)
    vectors = snapshot.index.vectors(ids)
    rankings = rank_without_own(snapshot, vectors, owners)
    passed = excesses(snapshot, vectors, rankings) >= 0
    return [
        _Nearest(
            int(own),
            int(ranking.class_ids[0]),
            similarity := float(ranking.similarities[0]),
            bool(accepted) or similarity >= NEAR_DUPLICATE_SIMILARITY,
        )
        for own, ranking, accepted in zip(owners, rankings, passed, strict=True)
        if len(ranking)
    ]


def _pairs(found: Sequence[_Nearest]) -> list[_Nearest]:
    """The most similar pair first, each once whichever way round it was found."""
    best: dict[frozenset[int], _Nearest] = {}
    for pair in sorted(found, key=lambda pair: -pair.similarity):
        best.setdefault(frozenset((pair.class_id, pair.other)), pair)
    return list(best.values())


def _needy(
    snapshot: Snapshot, nearest: Sequence[_Nearest], verdicts: Verdicts, counts: dict[int, int]
) -> list[NeedyOut]:
    missed = Counter(said for said, decided in verdicts if said is not None and decided is None)
    mistaken = Counter(
        said for said, decided in verdicts if said is not None and decided not in (None, said)
    )
    closest: dict[int, _Nearest] = {}
    for pair in sorted(nearest, key=lambda pair: -pair.similarity):
        closest.setdefault(pair.class_id, pair)
    ids = snapshot.class_ids_by_label()
    told = {ids[label] for label in missed.keys() | mistaken.keys() if label in ids}
    single = {class_id for class_id in closest if counts.get(class_id) == 1}
    labels = snapshot.labels

    def need(class_id: int) -> tuple[int, float]:
        said = missed[labels[class_id]] + mistaken[labels[class_id]]
        return said, closest[class_id].similarity if class_id in closest else -1.0

    chosen = sorted(told | single, key=need, reverse=True)[:MOST]
    first = first_examples(snapshot, chosen)
    return [
        NeedyOut(
            class_id=class_id,
            label=labels[class_id],
            example_id=first.get(class_id),
            examples=counts.get(class_id, 0),
            missed=missed[labels[class_id]],
            mistaken=mistaken[labels[class_id]],
            near=labels.get(closest[class_id].other) if class_id in closest else None,
            similarity=closest[class_id].similarity if class_id in closest else None,
        )
        for class_id in chosen
    ]


def _confused_out(snapshot: Snapshot, pairs: Sequence[_Nearest]) -> list[ConfusedOut]:
    labels = snapshot.labels
    first = first_examples(snapshot, [i for pair in pairs for i in (pair.class_id, pair.other)])
    return [
        ConfusedOut(
            class_id=pair.class_id,
            label=labels[pair.class_id],
            example_id=first.get(pair.class_id),
            other_id=pair.other,
            other=labels[pair.other],
            other_example_id=first.get(pair.other),
            similarity=pair.similarity,
        )
        for pair in pairs
    ]
