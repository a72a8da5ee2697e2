"""Counterexamples: pictures that look like a class and aren't of it, and their vectors.

Galleries of earlier revisions have none.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "counterexample",
        sa.Column("id", id_type, sa.Identity(), nullable=False),
        sa.Column("class_id", id_type, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_id"], ["class.id"], name="fk_counterexample_class_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_counterexample"),
        sa.UniqueConstraint(
            "class_id", "content_hash", name="uq_counterexample_class_id_content_hash"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_counterexample_content_hash", "counterexample", ["content_hash"])
    op.create_table(
        "counterexample_embedding",
        sa.Column("counterexample_id", id_type, autoincrement=False, nullable=False),
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["counterexample_id"],
            ["counterexample.id"],
            name="fk_counterexample_embedding_counterexample_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"],
            ["space.id"],
            name="fk_counterexample_embedding_space_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "counterexample_id", "space_id", name="pk_counterexample_embedding"
        ),
    )
