"""What a decision reads: one immutable snapshot of a gallery. No database, no files."""

from .attributes import AttributeTable
from .cohort import Cohort
from .counterexamples import CounterexampleTable
from .examples import ExampleTable
from .snapshot import Snapshot
from .texts import TextTable

__all__ = [
    "AttributeTable",
    "Cohort",
    "CounterexampleTable",
    "ExampleTable",
    "Snapshot",
    "TextTable",
]
