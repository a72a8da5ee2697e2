"""The service's tables, as typed models; see `engine.catalog.models`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from ..models import BIG_ID, AnyText, Base, UtcDateTime


class TokenRow(Base):
    """An access token: its secret's hash, never the secret."""

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(AnyText)
    secret_hash: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobRow(Base):
    """A long piece of work, which outlives the process that began it."""

    __tablename__ = "job"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), index=True)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    done: Mapped[int] = mapped_column(Integer)
    total: Mapped[int] = mapped_column(Integer)
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(AnyText)
    cancelling: Mapped[bool] = mapped_column(Boolean)
    worker: Mapped[str | None] = mapped_column(String(64))
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its worker last gave a sign of life."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobFileRow(Base):
    """A file that a job is to work on; gone when the job is over."""

    __tablename__ = "job_file"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    job_id: Mapped[int] = mapped_column(
        BIG_ID, ForeignKey("job.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(AnyText)
    size: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class KeptQueryRow(Base):
    """A query called unknown, kept for review."""

    __tablename__ = "kept_query"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str] = mapped_column(AnyText)
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    space_id: Mapped[str] = mapped_column(String(64))
    nearest_id: Mapped[int | None] = mapped_column(BigInteger)
    similarity: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)


class FeedbackRow(Base):
    """What somebody said a query shows; without a label, none of the classes."""

    __tablename__ = "feedback"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    label: Mapped[str | None] = mapped_column(AnyText)
    decided: Mapped[str | None] = mapped_column(AnyText)
    similarity: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    space_id: Mapped[str] = mapped_column(String(64))


class QuerySumsRow(Base):
    """Running sums of a space's queries; `payload` is for the gallery layer to read."""

    __tablename__ = "query_sums"

    space_id: Mapped[str] = mapped_column(
        ForeignKey("space.id", ondelete="CASCADE"), primary_key=True
    )
    payload: Mapped[bytes] = mapped_column(LargeBinary)
