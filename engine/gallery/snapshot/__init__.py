"""What a decision reads: one immutable snapshot of a gallery. No database, no files."""

from engine.gallery.snapshot.attributes import AttributeTable
from engine.gallery.snapshot.cohort import Cohort
from engine.gallery.snapshot.examples import ExampleTable
from engine.gallery.snapshot.snapshot import Snapshot

__all__ = ["AttributeTable", "Cohort", "ExampleTable", "Snapshot"]
