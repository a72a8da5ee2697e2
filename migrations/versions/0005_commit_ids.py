"""A random id for each commit, so that no cache of another history is trusted.

The commits before this revision have none, and nothing that was cached of them is trusted.

Revision: 0005
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (
        ("change_log", "commit_id"),
        ("gallery", "commit_id"),
        ("gallery", "trimmed_commit_id"),
    ):
        added = sa.Column(column, sa.String(32), nullable=False, server_default="")
        op.add_column(table, added)
    gallery = sa.table("gallery", sa.column("commit_id", sa.String))
    op.execute(gallery.update().values(commit_id=uuid.uuid4().hex))
