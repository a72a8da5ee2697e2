"""What the HTTP service keeps in a gallery's database: tokens, jobs, kept queries, feedback."""

from .job_files import JobFileStore
from .jobs import JobStore
from .records import (
    Feedback,
    JobRecord,
    JobState,
    KeptQuery,
    NewQuery,
    TokenRecord,
)
from .review import ReviewStore
from .store import ServiceStore
from .tokens import TokenStore

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
