"""A stream of pictures, looked at lazily, in order, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import TypeVar

from ..cores import every_core_busy
from ..errors import ImageError
from ..features import FeatureExtractor, Features, PreparedPicture, work_ahead
from ..images import ImageSource, describe_source
from ..types import Reject

T = TypeVar("T")


def recognized_stream(
    images: Iterable[ImageSource],
    extractor: FeatureExtractor,
    decide: Callable[[list[Features], list[str]], list[T]],
    *,
    local: bool | None,
) -> Iterator[T | Reject]:
    """A decision for each picture, or a `Reject` for one that can't be read.

    Args:
        decide: decides for features, given what to call the queries.
        local: whether it may ask for local features; None where nothing but embeddings is needed.
    """

    def prepared_one(image: ImageSource) -> tuple[str, PreparedPicture] | Reject:
        try:
            return describe_source(image), extractor.prepare_query(image, local=local)
        except ImageError as error:
            return Reject(error.source, error.reason)

    stream = iter(images)
    batches = iter(lambda: list(islice(stream, extractor.batch_size)), [])
    for prepared in work_ahead(batches, prepared_one, ahead=1):
        readable = [row for row in prepared if not isinstance(row, Reject)]
        found = extractor.features([picture for _, picture in readable])
        # The next batch needs the cores that BLAS's threads would spin on; one row wakes none.
        with every_core_busy() if len(found) > 1 else nullcontext():
            decisions = iter(decide(found, [source for source, _ in readable]))
        for row in prepared:
            yield row if isinstance(row, Reject) else next(decisions)
