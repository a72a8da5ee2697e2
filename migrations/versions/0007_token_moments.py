"""Until when a token is in force, and when it was last used.

Tokens of earlier revisions stay in force until they are revoked.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("expires_at", "last_used_at"):
        op.add_column("token", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
