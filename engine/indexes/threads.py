"""How many threads FAISS takes: said here, and nowhere else.

FAISS runs on OpenMP, whose thread count belongs to the calling thread, so it is set before each
call. One query at a time takes one thread: waking others costs more than they save.
"""

from __future__ import annotations

from engine.cores import available_cores

_most = 0


def limit_threads(most: int) -> None:
    """Cap the threads of batches and of compaction, in this process; 0 is one for each core."""
    global _most
    _most = most


def threads_for(queries: int) -> int:
    """How many threads to use for so many queries, or vectors to compress, at once."""
    return max(1, min(queries, _most or available_cores()))
