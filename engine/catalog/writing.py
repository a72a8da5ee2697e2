"""Writing a catalog: rows, change-log entries and the new generation, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert

from ..errors import GalleryError
from ..types import Reject
from .classes import ClassWriting
from .counterexamples import CounterexampleWriting
from .examples import ExampleWriting
from .labels import bounded_source
from .learned import LearnedWriting
from .local_features import LocalFeatureWriting
from .log import NewCommit
from .models import RejectRow
from .reading import CatalogReader
from .session import Session, chunks, is_finite
from .spaces import EmbeddingWriting, SpaceWriting


class WriteTransaction:
    """The only writer while it lasts: every change that a gallery makes.

    Attributes:
        session: what the parts put their statements to.
        commit: what it makes when it ends.
        read: questions to what it has written so far.
        classes, examples, counterexamples, embeddings, local_features, spaces, learned, rejects:
            changes of each.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.commit = commit = NewCommit(session)
        self.read = CatalogReader(session)
        self.classes = ClassWriting(session, commit)
        self.examples = ExampleWriting(session, commit)
        self.counterexamples = CounterexampleWriting(session, commit)
        self.local_features = LocalFeatureWriting(session, commit)
        self.spaces = SpaceWriting(session, commit)
        self.embeddings = EmbeddingWriting(session, commit)
        self.learned = LearnedWriting(session, commit)
        self.rejects = RejectWriting(session, commit)

    def set_target_fpir(self, target: float) -> None:
        """`target` in (0, 1): the share of strangers that may get a label."""
        if not (is_finite(target) and 0 < target < 1):
            raise GalleryError(f"the target FPIR must lie between 0 and 1, but got {target!r}")
        self.commit.set_gallery(target_fpir=target)
        self.commit.change()

    def set_local_points(self, points: int) -> None:
        """Keep so many points of local features of each picture from now on; 0 keeps none."""
        if points < 0:
            raise GalleryError(f"expected 0 points or more, but got {points}")
        self.commit.set_gallery(local_points=points)
        self.commit.change()

    def trim_changes(self, *, keep: int) -> None:
        """Forget the oldest changes, whole transactions at a time, so that at most `keep` stay."""
        self.commit.trim(self.read.log, keep=keep)


class RejectWriting:
    """Notes on what could not be enrolled."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit

    def put(self, rejects: Iterable[Reject]) -> None:
        """Note what could not be enrolled, in place of earlier notes on the same sources."""
        reasons = {bounded_source(reject.source): reject.reason for reject in rejects}
        self.clear(reasons)
        if reasons:
            self._session.execute(
                insert(RejectRow),
                [
                    {"source": source, "reason": reason, "created_at": self._commit.now}
                    for source, reason in reasons.items()
                ],
            )

    def clear(self, sources: Iterable[str]) -> None:
        """Forget what was noted on those sources."""
        for chunk in chunks(map(bounded_source, sources)):
            self._session.execute(delete(RejectRow).where(RejectRow.source.in_(chunk)))
