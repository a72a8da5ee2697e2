"""Local features of enrolled pictures, and how many points of each a gallery keeps.

Galleries of earlier revisions keep none until they are asked to.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "local_features",
        sa.Column("example_id", id_type, autoincrement=False, nullable=False),
        sa.Column("extractor", sa.String(128), nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["example_id"],
            ["example.id"],
            name="fk_local_features_example_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("example_id", name="pk_local_features"),
    )
    points = sa.Column("local_points", sa.Integer, nullable=False, server_default="0")
    op.add_column("gallery", points)
