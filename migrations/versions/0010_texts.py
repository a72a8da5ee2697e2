"""Examples that are texts, and the everyday words that these are measured against, by space.

Galleries of earlier revisions have none.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("example", sa.Column("text", sa.Text(), nullable=True))
    some = sa.text("text IS NOT NULL")
    op.create_index(
        "ix_example_texts", "example", ["id"], sqlite_where=some, postgresql_where=some
    )
    op.add_column("space", sa.Column("words", sa.LargeBinary(), nullable=True))
