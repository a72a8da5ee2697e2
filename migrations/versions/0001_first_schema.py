"""The first schema.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    label_type = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    moment = sa.DateTime(timezone=True)

    op.create_table(
        "space",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("backbone", sa.Text(), nullable=False),
        sa.Column("weights_hash", sa.String(128), nullable=False),
        sa.Column("preprocessing_hash", sa.String(128), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_space"),
    )
    op.create_table(
        "projection",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name="fk_projection_space_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_projection"),
    )
    op.create_table(
        "gallery",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("trimmed_generation", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("projection_id", sa.String(64), nullable=True),
        sa.Column("keep_pictures", sa.String(16), nullable=False),
        sa.Column("target_fpir", sa.Double(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_gallery_single_row")),
        sa.ForeignKeyConstraint(
            ["projection_id"], ["projection.id"], name="fk_gallery_projection_id"
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_gallery_space_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gallery"),
    )
    op.create_table(
        "class",
        sa.Column("id", id_type, sa.Identity(), nullable=False),
        sa.Column("label", label_type, nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("pinned_threshold", sa.Double(), nullable=True),
        sa.Column("pinned_space", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_class"),
        sa.UniqueConstraint("label", name="uq_class_label"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "class_statistics",
        sa.Column("class_id", id_type, autoincrement=False, nullable=False),
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("std", sa.Double(), nullable=False),
        sa.Column("cohort_size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_id"], ["class.id"], name="fk_class_statistics_class_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("class_id", "space_id", name="pk_class_statistics"),
    )
    op.create_table(
        "example",
        sa.Column("id", id_type, sa.Identity(), nullable=False),
        sa.Column("class_id", id_type, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["class_id"], ["class.id"], name="fk_example_class_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_example"),
        sa.UniqueConstraint("class_id", "content_hash", name="uq_example_class_id_content_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_example_source", "example", ["source"])
    op.create_index("ix_example_content_hash", "example", ["content_hash"])
    op.create_index("ix_example_origin", "example", ["origin"])
    op.create_table(
        "picture",
        sa.Column("example_id", id_type, autoincrement=False, nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["example_id"], ["example.id"], name="fk_picture_example_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("example_id", name="pk_picture"),
    )
    op.create_table(
        "embedding",
        sa.Column("example_id", id_type, autoincrement=False, nullable=False),
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["example_id"], ["example.id"], name="fk_embedding_example_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name="fk_embedding_space_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("example_id", "space_id", name="pk_embedding"),
    )
    op.create_table(
        "calibration",
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", name="pk_calibration"),
    )
    op.create_table(
        "change_log",
        sa.Column("id", id_type, sa.Identity(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("class_id", sa.BigInteger(), nullable=True),
        sa.Column("example_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_change_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_change_log_generation", "change_log", ["generation"])
    op.create_table(
        "reject",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_reject"),
    )
