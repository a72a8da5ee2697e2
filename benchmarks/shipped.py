"""Fits what is shipped for a backbone: its cohort of impostors, and a projection if one helps.

    python -m benchmarks shipped --pictures FOLDER ... --kinds FOLDER ... [--out FOLDER]

The cohort is of the pictures, and of one synthetic photograph of each: a seeded sample of both,
evenly, so that small galleries of drawings and of photographs alike have impostors to measure by.

The projection whitens the difference between a catalog picture and queries of the same thing
(within-class covariance normalisation; Hatch et al., "Within-Class Covariance Normalization for
SVM-based Speaker Recognition", 2006): with the covariance `C` of `(query − catalog) / √2`, every
kind weighing the same and the trace brought to 1, the matrix is `E · ((1 − r) Λ + r mean(Λ))^-½`
for `C = E Λ Eᵀ`, and the mean is the mean of the kinds' means. It is judged on each kind in turn,
left out of the fit, and written only if no kind loses top-1 by it. Kinds are folders as
`benchmarks.kinds` reads them.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.kinds import Embedded, Kind, embedded, enrolled_rows
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.bulk.folders import PICTURE_SUFFIXES
from engine.features import Embedder, FeatureExtractor
from engine.images import load_image
from engine.projections import Projection
from engine.projections.shipped import FOLDER
from engine.settings import cache_folder
from engine.synthesis import SIZE, cut_out, synthesize
from engine.types import FloatArray

SHRINKAGES = (0.3, 0.6, 0.9)
COHORT = 512
SPLITS = 20


def cohort_of(pictures: Sequence[Path], embedder: Embedder) -> FloatArray:
    """`(COHORT, dim) float32`, unit rows: pictures, and photographs of them, in random order."""
    random = np.random.default_rng(0)
    chosen = [pictures[row] for row in random.permutation(len(pictures))[: COHORT // 2]]
    cutouts = [cut_out(np.asarray(load_image(path).pixels), SIZE) for path in chosen]
    photographs = (
        Image.fromarray(synthesize(cutout, zlib.crc32(path.name.encode()), others=cutouts).pixels)
        for path, cutout in zip(chosen, cutouts, strict=True)
    )
    clean = embedder.embed(load_image(path).pixels for path in chosen)
    return random.permutation(np.concatenate([clean, embedder.embed(photographs)]))


def fit(kinds: Sequence[Embedded], shrinkage: float) -> Projection:
    """The projection that whitens what tells queries from catalog pictures, over all kinds."""
    means = [(kind.catalog.mean(0) + kind.queries.mean(0)) / 2 for kind in kinds]
    covariances = [
        np.cov((kind.queries - kind.catalog[kind.truth]).T, bias=True) / 2 for kind in kinds
    ]
    covariance = np.mean(covariances, axis=0)
    values, vectors = np.linalg.eigh(covariance / np.trace(covariance))
    values = (1 - shrinkage) * np.maximum(values, 0.0) + shrinkage * values.mean()
    matrix = (vectors * values**-0.5).astype(np.float16).astype(np.float32)
    return Projection("shipped", np.mean(means, axis=0).astype(np.float32), matrix)


def top_1(kind: Kind, pictures: Embedded, projection: Projection) -> float:
    """The share of known queries nearest to their own class; the mean over the splits."""
    similarities = projection.apply_queries(pictures.queries) @ projection.apply(pictures.catalog).T
    shares = []
    for seed in range(1 if kind.all_enrolled else SPLITS):
        rows = enrolled_rows(kind, seed)
        known = np.isin(pictures.truth, rows)
        nearest = rows[similarities[known][:, rows].argmax(axis=1)]
        shares.append(np.mean(nearest == pictures.truth[known]))
    return float(np.mean(shares))


def judged(kinds: dict[str, Kind], pictures: dict[str, Embedded]) -> Projection | None:
    """The projection that helps most, if it harms no kind that it wasn't fitted on."""
    identity = Projection.identity(next(iter(pictures.values())).catalog.shape[1])
    plain = {name: top_1(kind, pictures[name], identity) for name, kind in kinds.items()}
    best, most = None, 0.0
    for shrinkage in SHRINKAGES:
        gains = {}
        for name, kind in kinds.items():
            others = [found for other, found in pictures.items() if other != name]
            gains[name] = top_1(kind, pictures[name], fit(others, shrinkage)) - plain[name]
        shown = ", ".join(f"{name} {100 * gain:+.1f}" for name, gain in gains.items())
        print(f"shrinkage {shrinkage}: {shown}", flush=True)
        if min(gains.values()) >= 0 and np.mean(list(gains.values())) > most:
            best, most = shrinkage, float(np.mean(list(gains.values())))
    return None if best is None else fit(list(pictures.values()), best)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", nargs="+", type=Path, required=True, help="of the cohort")
    parser.add_argument("--kinds", nargs="+", type=Path, default=[], help="to fit and judge on")
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    extractor = FeatureExtractor(Embedder(load_backbone(arguments.backbone)))
    space = extractor.space.id
    files = [
        path
        for folder in arguments.pictures
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    cohort = cohort_of(files, extractor.embedder).astype(np.float16)
    np.savez(arguments.out / f"{space}-cohort.npz", vectors=cohort)
    print(f"a cohort of {len(cohort)} from {len(files)} pictures")
    if not arguments.kinds:
        return
    kinds = {folder.name: Kind.read(folder) for folder in arguments.kinds}
    kept = cache_folder() / "benchmarks"
    pictures = {name: embedded(kind, extractor, kept) for name, kind in kinds.items()}
    projection = judged(kinds, pictures)
    if projection is None:
        print("no projection: none helps without harming a kind that it wasn't fitted on")
        return
    (arguments.out / f"{space}-projection.npz").write_bytes(projection.to_bytes())
    print(f"projection {projection.id}")


if __name__ == "__main__":
    main()
