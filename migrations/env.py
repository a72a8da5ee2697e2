"""Runs the migrations: for the catalog on the connection it passes, for developers on a URL.

A developer writes a new revision against a scratch database:
`alembic -x url=sqlite:///scratch.sqlite revision --autogenerate --rev-id 0002 -m "what changes"`
"""

from alembic import context
from onelook.catalog.models import Base
from sqlalchemy import Connection, create_engine


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=True,  # SQLite alters a table by making it anew
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as connection:
        migrate(connection)
