"""The Siamese head that a gallery keeps for its searched space."""

from __future__ import annotations

from ...decision.trained_head import TrainedHead
from ..live import LiveGallery


class Heads:
    """Keeps a head, takes it out of force, says how it stands."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def use(self, head: TrainedHead | None, searched_space: str) -> None:
        """Keep a head for the searched space of that id in place of the one before; None: none."""
        with self._live.write() as transaction:
            payload = None if head is None else head.to_bytes()
            transaction.learned.put_siamese_head(searched_space, payload)

    def describe(self) -> str | None:
        """How the Siamese head stands, one phrase; None where none was ever trained."""
        kept = self._live.snapshot().kept_head
        if kept is not None:
            return kept.describe()
        with self._live.catalog.read() as reader:
            elsewhere = reader.learned.siamese_head_spaces()
        if not elsewhere:
            return None
        return (
            "suspended: it was trained in another searched space; "
            "run `onelook train head` again, or go back to that space"
        )
