"""Recognising pictures: singly, in streams, and as embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from engine.errors import ImageError
from engine.features import PreparedPicture, embeddings_of, work_ahead
from engine.gallery import CANDIDATES, decide_queries, verify_embeddings
from engine.images import ImageSource, describe_source
from engine.recognizer.opened import OpenRecognizer
from engine.types import Candidate, Decision, FloatArray, Reject, Verification


class Recognizing(OpenRecognizer):
    """Recognises pictures."""

    def embed(self, images: Iterable[ImageSource]) -> FloatArray:
        """Embed pictures: `(n, dim) float32`, unit rows, before any projection.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        return self.features.embed(images)

    def recognize(self, image: ImageSource, *, candidates: int = CANDIDATES) -> Decision:
        """Decide which class a picture shows, or that it shows none of them.

        Raises:
            ImageError: the picture can't be read or accepted.
        """
        return self.recognize_embeddings(
            self.embed([image]), sources=[describe_source(image)], candidates=candidates
        )[0]

    def recognize_many(
        self, images: Iterable[ImageSource], *, candidates: int = CANDIDATES
    ) -> Iterator[Decision]:
        """Decide for a stream of pictures, lazily, in order, in batches.

        Raises:
            ImageError: a picture can't be read or accepted; `try_recognize_many` goes on instead.
        """
        for outcome in self.try_recognize_many(images, candidates=candidates):
            if isinstance(outcome, Reject):
                raise ImageError(outcome.source, outcome.reason)
            yield outcome

    def try_recognize_many(
        self, images: Iterable[ImageSource], *, candidates: int = CANDIDATES
    ) -> Iterator[Decision | Reject]:
        """Like `recognize_many`, with a `Reject` in the place of a picture that can't be read."""
        stream = iter(images)
        extractor = self.features
        batches = iter(lambda: list(islice(stream, extractor.batch_size)), [])
        for prepared in work_ahead(batches, self._try_prepared, ahead=1):
            readable = [row for row in prepared if not isinstance(row, Reject)]
            found = extractor.features([picture for _, picture in readable])
            decisions = iter(
                self.recognize_embeddings(
                    embeddings_of(found, extractor.space.dimension),
                    sources=[source for source, _ in readable],
                    candidates=candidates,
                )
            )
            for row in prepared:
                yield row if isinstance(row, Reject) else next(decisions)

    def _try_prepared(self, image: ImageSource) -> tuple[str, PreparedPicture] | Reject:
        try:
            return describe_source(image), self.features.prepare_query(image)
        except ImageError as error:
            return Reject(error.source, error.reason)

    def recognize_embeddings(
        self,
        embeddings: FloatArray,
        *,
        sources: Sequence[str] | None = None,
        candidates: int = CANDIDATES,
    ) -> list[Decision]:
        """Decide for pictures that are embedded already.

        Args:
            embeddings: `(n, dim) float32`, unit rows, of this gallery's backbone.
            sources: what the decisions call the queries.
        """
        view = self._snapshot()
        queries = view.projection.apply_queries(np.ascontiguousarray(embeddings, np.float32))
        names = sources or ["<embedding>"] * len(queries)
        return decide_queries(view, queries, names, candidates)

    def nearest(self, image: ImageSource, k: int = 5) -> list[Candidate]:
        """The k nearest classes, most similar first; similarities are exact.

        Raises:
            ImageError: the picture can't be read or accepted.
            ValueError: `k` is less than 1.
        """
        return self.nearest_embeddings(self.embed([image]), k)[0]

    def nearest_embeddings(self, embeddings: FloatArray, k: int = 5) -> list[list[Candidate]]:
        """The k nearest classes of pictures that are embedded already, `(n, dim) float32`."""
        if k < 1:
            raise ValueError(f"expected k of at least 1, but got {k}")
        view = self._snapshot()
        queries = view.projection.apply_queries(np.ascontiguousarray(embeddings, np.float32))
        return [list(view.candidates(ranking)) for ranking in view.rank(queries, k)]

    def verify(self, first: ImageSource, second: ImageSource) -> Verification:
        """Compare two pictures: their similarity, and whether they show the same class.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        vectors = self.embed([first, second])
        view = self._snapshot()
        queries = view.projection.apply_queries(vectors)
        return verify_embeddings(view, queries[0], queries[1])

    def confirm(self, image: ImageSource, label: str | None) -> Decision:
        """Say what a picture shows; `calibrate(feedback=True)` then counts it.

        Args:
            image: the picture that was, or would be, recognised.
            label: the class it shows, or None: none of them.

        Returns:
            What the gallery says of it now, right or wrong.

        Raises:
            ImageError: the picture can't be read or accepted.
            ClassNotFoundError, LabelError: there is no such class.
        """
        vectors = self.embed([image])
        [decision] = self.recognize_embeddings(vectors, sources=[describe_source(image)])
        self.gallery.feedback.note(vectors[0], decision, label)
        return decision
