"""The catalog's tables, as typed models.

Integer ids are never reused: `AUTOINCREMENT` on SQLite, identity columns elsewhere. Schema changes
go through a migration; a test holds models and migrations together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ESCAPED = "\x1a"
"""First character of a stored text that is held as the hex of its UTF-8 bytes."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: timezone-aware UTC outside, whatever the database's own form is inside."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class AnyText(TypeDecorator[str]):
    """Any Python string, exactly: lone surrogates and NUL too.

    A path's bytes that are no UTF-8 reach Python as lone surrogates, which no database stores, nor
    does PostgreSQL store NUL. Such a text is kept as the hex of its bytes behind `ESCAPED`.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or (value.isascii() and value.isprintable()):
            return value
        data = value.encode("utf-8", "surrogatepass")
        if "\x00" in value or value.startswith(ESCAPED) or not _is_utf8(data):
            return ESCAPED + data.hex()
        return value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or not value.startswith(ESCAPED):
            return value
        return bytes.fromhex(value[1:]).decode("utf-8", "surrogatepass")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


BIG_ID = BigInteger().with_variant(Integer(), "sqlite")
# Labels sort by code point everywhere, as Python sorts them; PostgreSQL must be told to.
LABEL = Text().with_variant(Text(collation="C"), "postgresql")


class Base(DeclarativeBase):
    """Holds the tables' metadata; constraints are named so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class SpaceRow(Base):
    """A space that embeddings are, or were, held in."""

    __tablename__ = "space"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    backbone: Mapped[str] = mapped_column(Text)
    weights_hash: Mapped[str] = mapped_column(String(128))
    preprocessing_hash: Mapped[str] = mapped_column(String(128))
    dimension: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    words: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Vectors of everyday words, which texts are measured against; none where no text is held."""


class ProjectionRow(Base):
    """A learned map from a space to the searched one; `id` is the hash of its content."""

    __tablename__ = "projection"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    space_id: Mapped[str] = mapped_column(ForeignKey("space.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(64))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GalleryRow(Base):
    """The gallery's settings and generation: one row, which every writer locks."""

    __tablename__ = "gallery"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    uuid: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(BigInteger)
    trimmed_generation: Mapped[int] = mapped_column(BigInteger)
    """Changes up to and with this generation are no longer in the log."""
    commit_id: Mapped[str] = mapped_column(String(32), server_default="")
    """A random one for each generation, by which a cache knows its own history."""
    trimmed_commit_id: Mapped[str] = mapped_column(String(32), server_default="")
    """That of the trimmed generation."""
    space_id: Mapped[str] = mapped_column(ForeignKey("space.id"))
    projection_id: Mapped[str | None] = mapped_column(ForeignKey("projection.id"))
    keep_pictures: Mapped[str] = mapped_column(String(16))
    target_fpir: Mapped[float] = mapped_column(Double)
    local_points: Mapped[int] = mapped_column(Integer, server_default="0")
    """How many points of local features are kept of each picture; 0 keeps none."""


class ClassRow(Base):
    """What is recognised."""

    __tablename__ = "class"
    __table_args__ = (UniqueConstraint("label"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    label: Mapped[str] = mapped_column(LABEL)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    pinned_threshold: Mapped[float | None] = mapped_column(Double)
    pinned_space: Mapped[str | None] = mapped_column(String(64))


class ExampleRow(Base):
    """One enrolled image of a class, or a text; its id is its vector's id."""

    __tablename__ = "example"
    __table_args__ = (
        UniqueConstraint("class_id", "content_hash"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    class_id: Mapped[int] = mapped_column(BIG_ID, ForeignKey("class.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(AnyText, index=True)
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    warnings: Mapped[list[str]] = mapped_column(JSON)
    origin: Mapped[str | None] = mapped_column(AnyText, index=True)
    """The bulk source that listed it, or none: what that source no longer lists can be pruned."""
    text: Mapped[str | None] = mapped_column(Text)
    """What was enrolled in a picture's place."""


Index(
    "ix_example_texts",
    ExampleRow.id,
    sqlite_where=ExampleRow.text.is_not(None),
    postgresql_where=ExampleRow.text.is_not(None),
)


class PictureRow(Base):
    """An example's kept picture, apart from it so that scans of examples stay narrow."""

    __tablename__ = "picture"

    example_id: Mapped[int] = mapped_column(
        BIG_ID, ForeignKey("example.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    data: Mapped[bytes] = mapped_column("bytes", LargeBinary)


class LocalFeaturesRow(Base):
    """An example's local features; `data` is for `engine.local` to read."""

    __tablename__ = "local_features"

    example_id: Mapped[int] = mapped_column(
        BIG_ID, ForeignKey("example.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    extractor: Mapped[str] = mapped_column(String(128))
    data: Mapped[bytes] = mapped_column("bytes", LargeBinary)


class EmbeddingRow(Base):
    """An example's vector in a space: little-endian float32, unit length."""

    __tablename__ = "embedding"

    example_id: Mapped[int] = mapped_column(
        BIG_ID, ForeignKey("example.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    space_id: Mapped[str] = mapped_column(
        ForeignKey("space.id", ondelete="CASCADE"), primary_key=True
    )
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class CounterexampleRow(Base):
    """A picture that looks like a class and isn't of it."""

    __tablename__ = "counterexample"
    __table_args__ = (
        UniqueConstraint("class_id", "content_hash"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    class_id: Mapped[int] = mapped_column(BIG_ID, ForeignKey("class.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(AnyText)
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)


class CounterexampleEmbeddingRow(Base):
    """A counterexample's vector in a space: little-endian float32, unit length."""

    __tablename__ = "counterexample_embedding"

    counterexample_id: Mapped[int] = mapped_column(
        BIG_ID,
        ForeignKey("counterexample.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    space_id: Mapped[str] = mapped_column(
        ForeignKey("space.id", ondelete="CASCADE"), primary_key=True
    )
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class ClassStatisticsRow(Base):
    """How a class compares with its impostors; `space_id` names the *searched* space."""

    __tablename__ = "class_statistics"

    class_id: Mapped[int] = mapped_column(
        BIG_ID, ForeignKey("class.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    space_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    mean: Mapped[float] = mapped_column(Double)
    std: Mapped[float] = mapped_column(Double)
    cohort_size: Mapped[int] = mapped_column(Integer)


class CalibrationRow(Base):
    """The calibration in force in a *searched* space; `payload` is for the decision layer."""

    __tablename__ = "calibration"

    space_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class SiameseHeadRow(Base):
    """The Siamese head trained in a *searched* space; `payload` is for the decision layer."""

    __tablename__ = "siamese_head"

    space_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class ChangeRow(Base):
    """One change, kept so that readers follow without re-reading everything."""

    __tablename__ = "change_log"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(BIG_ID, Identity(), primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger, index=True)
    kind: Mapped[str] = mapped_column(String(16))
    class_id: Mapped[int | None] = mapped_column(BigInteger)
    example_id: Mapped[int | None] = mapped_column(BigInteger)
    commit_id: Mapped[str] = mapped_column(String(32), server_default="")


class RejectRow(Base):
    """A source that could not be enrolled, and why."""

    __tablename__ = "reject"

    source: Mapped[str] = mapped_column(AnyText, primary_key=True)
    reason: Mapped[str] = mapped_column(AnyText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
