"""Reading a catalog: its parts, and the gallery's own row, within one consistent view."""

from __future__ import annotations

from sqlalchemy import func, select

from ..types import Reject
from .classes import ClassReading
from .counterexamples import CounterexampleReading
from .examples import ExampleReading
from .learned import LearnedReading
from .local_features import LocalFeatureReading
from .models import (
    ClassRow,
    ExampleRow,
    PictureRow,
    RejectRow,
)
from .records import Counts, GalleryState
from .session import Session
from .spaces import EmbeddingReading, SpaceReading
from .whole import WholeReading


class CatalogReader:
    """A consistent view of a catalog for as long as its transaction lasts; for one thread.

    Attributes:
        session: what the parts put their statements to.
        classes, examples, counterexamples, embeddings, local_features, spaces, learned, log:
            questions about each.
        whole: questions to whole tables.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.classes = ClassReading(session)
        self.examples = ExampleReading(session)
        self.counterexamples = CounterexampleReading(session)
        self.local_features = LocalFeatureReading(session)
        self.spaces = SpaceReading(session)
        self.embeddings = EmbeddingReading(session)
        self.learned = LearnedReading(session)
        self.whole = WholeReading(session)
        self.log = self.whole.log

    def state(self) -> GalleryState:
        """The gallery's settings."""
        return self.whole.state()

    def counts(self) -> Counts:
        """How many classes, examples and pictures there are."""
        size = func.coalesce(func.sum(func.length(PictureRow.data)), 0)
        return Counts(
            self.session.execute(select(func.count(ClassRow.id))).scalar_one(),
            self.session.execute(select(func.count(ExampleRow.id))).scalar_one(),
            *self.session.execute(select(func.count(PictureRow.example_id), size)).one(),
        )

    def rejects(self) -> list[Reject]:
        """What could not be enrolled, by source."""
        query = select(RejectRow.source, RejectRow.reason).order_by(RejectRow.source)
        return [Reject(row[0], row[1]) for row in self.session.execute(query)]
