"""The files of jobs, for galleries that several machines share.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "job_file",
        sa.Column("id", id_type, sa.Identity(), nullable=False),
        sa.Column("job_id", id_type, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_file"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name="fk_job_file_job_id_job", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_file_job_id", "job_file", ["job_id"])
