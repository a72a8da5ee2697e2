"""Access tokens, as the database holds them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert, select, update

from ..database import Database
from .models import TokenRow
from .records import TokenRecord


class TokenStore:
    """Tokens by id; revoked ones stay, so that a list tells what there was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token_id: str, *, name: str, secret_hash: str, scope: str) -> None:
        """Store a token; `secret_hash` is the SHA-256 of its secret, hex."""
        with self._database.transaction(write=True) as connection:
            connection.execute(
                insert(TokenRow).values(
                    id=token_id,
                    name=name,
                    secret_hash=secret_hash,
                    scope=scope,
                    created_at=datetime.now(UTC),
                    revoked_at=None,
                )
            )

    def all(self) -> list[TokenRecord]:
        """Every token, oldest first."""
        row = TokenRow
        columns = (row.id, row.name, row.secret_hash, row.scope, row.created_at, row.revoked_at)
        query = select(*columns).order_by(row.created_at, row.id)
        with self._database.transaction() as connection:
            return [TokenRecord(*found) for found in connection.execute(query)]

    def revoke(self, token_id: str) -> bool:
        """Refuse a token from now on; whether there was one to revoke."""
        row = TokenRow
        revoking = update(row).where(row.id == token_id, row.revoked_at.is_(None))
        with self._database.transaction(write=True) as connection:
            return connection.execute(revoking.values(revoked_at=datetime.now(UTC))).rowcount > 0
