"""What the HTTP service keeps in a gallery's database: tokens, jobs, kept queries, feedback."""

from engine.catalog.service.job_files import JobFileStore
from engine.catalog.service.jobs import JobStore
from engine.catalog.service.records import (
    Feedback,
    JobRecord,
    JobState,
    KeptQuery,
    NewQuery,
    TokenRecord,
)
from engine.catalog.service.review import ReviewStore
from engine.catalog.service.store import ServiceStore
from engine.catalog.service.tokens import TokenStore

__all__ = [
    "Feedback",
    "JobFileStore",
    "JobRecord",
    "JobState",
    "JobStore",
    "KeptQuery",
    "NewQuery",
    "ReviewStore",
    "ServiceStore",
    "TokenRecord",
    "TokenStore",
]
