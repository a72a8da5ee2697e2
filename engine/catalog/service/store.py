"""One entry to everything that the service keeps."""

from __future__ import annotations

from ..database import Database
from .job_files import JobFileStore
from .jobs import JobStore
from .query_sums import QuerySumsStore
from .review import ReviewStore
from .tokens import TokenStore


class ServiceStore:
    """The service's part of a gallery's database.

    Thread safety, durability and errors are those of the catalog. Nothing here changes what
    recognition rests on, so the gallery's generation stays.
    """

    def __init__(self, database: Database) -> None:
        self.tokens = TokenStore(database)
        self.jobs = JobStore(database)
        self.job_files = JobFileStore(database)
        self.review = ReviewStore(database)
        self.query_sums = QuerySumsStore(database)
