"""Where queries sit: running sums of their embeddings, one row a space.

Galleries of earlier revisions have none.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "query_sums",
        sa.Column("space_id", sa.String(64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name="fk_query_sums_space_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", name="pk_query_sums"),
    )
