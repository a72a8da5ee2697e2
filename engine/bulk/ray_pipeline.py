"""Bulk enrolment over Ray: decoding and embedding on a cluster, writing here.

The listing goes into Ray's object store in blocks; Ray Data hands them to a pool of actors, each
of which holds one backbone, and streams the vectors back in the source's order. Writing, counting,
rejects and resuming are those of the local pipeline. An actor that dies is started again, and
costs the batches it had in hand.

Ray is an extra, and is imported only when one of these functions is called.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..backbones import load_backbone
from ..errors import ClusterError, OnelookError, SpaceMismatchError
from ..features import BATCH_SIZE, CARD_BATCH_SIZE, Embedder, FeatureExtractor, work_ahead
from ..gallery import Gallery
from ..images import ImageLimits
from ..types import EnrolmentReport, KeepPictures, NewExample, Reject
from .following import follow_moved
from .loading import Enrolled, Prepared, Unchanged, load_item
from .pipeline import (
    BulkOptions,
    EmbeddedBatch,
    Progress,
    commit_batches,
    embedded,
    with_enrolled,
)
from .sources import Item

LOCAL = "local"
BLOCK = 2048
"""How many pictures' names one block of the listing holds; what an actor is given at a time."""

READERS = 4
"""Pictures that an actor reads and decodes at a time: more than it has cores, as stores are far."""

Blobs = dict[str, npt.NDArray[np.object_]]


@dataclass(frozen=True, slots=True)
class ActorPlan:
    """What an actor needs to embed exactly as the driver would.

    Attributes:
        may_fetch: whether a machine may fetch the backbone's weights.
        space_id: of the space that the vectors must be in.
        threads: that each actor's backbone may use.
        batch_size: 0 for as many as suit the actors' device.
        cache_dir: where the machines keep exported networks.
    """

    backbone: str
    may_fetch: bool
    space_id: str
    device: str
    runtime: str
    threads: int
    cache_dir: Path | None
    batch_size: int
    limits: ImageLimits
    keep_pictures: KeepPictures
    local_points: int
    origin: str | None


def enroll_items_on_ray(
    gallery: Gallery,
    plan: ActorPlan,
    items: Iterable[Item],
    options: BulkOptions,
    *,
    address: str,
    actors: int | None = None,
    progress: Progress = lambda _done: None,
) -> EnrolmentReport:
    """Enroll a stream of pictures, embedding them on a Ray cluster.

    Args:
        address: `local` for a cluster of this machine alone, or as `ray.init` takes it. The files
            that `items` name must be found under the same paths on every node.
        actors: how many at most hold a backbone each; by default one a core, or where the cluster
            has GPUs, and the device isn't `cpu`, one a GPU.
        progress: called with the number of pictures dealt with since the last call.

    Raises:
        ClusterError: Ray isn't installed, can't be reached, or failed.
        ImageError: a bad picture, with `stop_on_error`.
    """
    with _cluster(address) as ray:
        blocks = [ray.put(block) for block in _blocks(gallery, options.origin, items)]
        if not blocks:
            return commit_batches(gallery, [], options, progress)
        with closing(_embedded_batches(ray, blocks, plan, actors)) as batches:
            return commit_batches(gallery, batches, options, progress)


class EmbeddingActor:
    """Decodes and embeds; holds one backbone for as long as it lives."""

    def __init__(self, plan: ActorPlan) -> None:
        """Raises SpaceMismatchError where this node's backbone isn't the gallery's."""
        backbone = load_backbone(
            plan.backbone,
            device=plan.device,
            runtime=plan.runtime,
            threads=plan.threads,
            cache_dir=plan.cache_dir,
            may_fetch=plan.may_fetch,
        )
        if backbone.space.id != plan.space_id:
            raise SpaceMismatchError(
                f"a node of the cluster loaded {backbone.name!r} as space {backbone.space.id}, but "
                f"the gallery is of space {plan.space_id}; install the same versions on every node"
            )
        self._plan = plan
        self._extractor = FeatureExtractor(Embedder(backbone, plan.batch_size or None), plan.limits)

    def __call__(self, blobs: Blobs) -> Blobs:
        """A batch of pickled `(item, enrolled)` in; what became of each, pickled, out."""
        tasks = [pickle.loads(blob) for blob in blobs["task"]]  # noqa: S301 - the driver's own
        extractor, plan = self._extractor, self._plan

        def load(task: tuple[Item, Enrolled]) -> Prepared | Unchanged | Reject:
            return load_item(*task, extractor, plan.keep_pictures, plan.local_points)

        [loaded] = work_ahead([tasks], load, workers=READERS)
        prepared = [row for row in loaded if isinstance(row, Prepared)]
        examples = iter(embedded(extractor, prepared, self._plan.origin))
        rows = [next(examples) if isinstance(row, Prepared) else row for row in loaded]
        return {"row": _blobs(rows)}


def _blocks(gallery: Gallery, origin: str | None, items: Iterable[Item]) -> Iterator[Any]:
    """The source as Arrow tables: each picture with what its class holds from there already."""
    import pyarrow

    source = follow_moved(gallery, origin, items)
    while tasks := with_enrolled(gallery, islice(source, BLOCK)):
        yield pyarrow.table({"task": pyarrow.array(map(pickle.dumps, tasks), pyarrow.binary())})


def _embedded_batches(
    ray: Any, blocks: list[Any], plan: ActorPlan, actors: int | None
) -> Generator[EmbeddedBatch, None, None]:
    there = ray.cluster_resources()
    on_gpus = plan.device == "cuda" or (plan.device == "auto" and there.get("GPU", 0) >= 1)
    resource = "GPU" if on_gpus else "CPU"
    pool = actors or max(1, int(there.get(resource, 1)))
    batch_size = plan.batch_size or (CARD_BATCH_SIZE if on_gpus else BATCH_SIZE)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    for name in ("ray.data", "ray.data._internal"):
        logging.getLogger(name).setLevel(logging.ERROR)  # it tells its plans at length
    rows_of = ray.data.from_arrow_refs(blocks).map_batches(
        EmbeddingActor,
        fn_constructor_args=(plan,),
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool),
        **{f"num_{resource.lower()}s": 1},
    )
    for blobs in rows_of.iter_batches(batch_size=batch_size, prefetch_batches=2):
        rows = [pickle.loads(blob) for blob in blobs["row"]]  # noqa: S301 - our own actors'
        yield EmbeddedBatch(
            size=len(rows),
            examples=[row for row in rows if isinstance(row, NewExample)],
            unchanged=[row for row in rows if isinstance(row, Unchanged)],
            rejects=[row for row in rows if isinstance(row, Reject)],
        )


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Ray, connected; a cluster that was started here ends here.

    Raises:
        ClusterError: for whatever Ray raises in the block.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ClusterError(
            f"embedding on a cluster needs Ray ({error}); install it with "
            "`pip install onelook[ray]`, on every node"
        ) from None
    connected = ray.is_initialized()
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it tells users its own affairs
    # A cluster of this machine alone listens to nobody else.
    local: dict[str, Any] = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    more = local if address == LOCAL else {}
    try:
        if not connected:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ClusterError(
            f"{address}: the Ray cluster can't be reached: {error}; start it with `ray start`, "
            "or give `local`"
        ) from error
    try:
        yield ray
    except OnelookError:
        raise
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"{address}: the Ray cluster failed ({type(error).__name__}: {_first_line(error)}); "
            "what was written stays, run it again to go on"
        ) from error
    finally:
        if not connected:
            ray.shutdown()


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _blobs(rows: list[Any]) -> npt.NDArray[np.object_]:
    blobs = np.empty(len(rows), object)
    blobs[:] = [pickle.dumps(row) for row in rows]
    return blobs
