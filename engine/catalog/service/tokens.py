"""Access tokens, as the database holds them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import insert, or_, select, update

from ..database import Database
from .models import TokenRow
from .records import TokenRecord


class TokenStore:
    """Tokens by id; revoked ones stay, so that a list tells what there was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        token_id: str,
        *,
        name: str,
        secret_hash: str,
        scope: str,
        expires_at: datetime | None = None,
    ) -> None:
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
                    expires_at=expires_at,
                    last_used_at=None,
                )
            )

    def all(self) -> list[TokenRecord]:
        """Every token, oldest first."""
        row = TokenRow
        query = select(
            row.id,
            row.name,
            row.secret_hash,
            row.scope,
            row.created_at,
            row.revoked_at,
            row.expires_at,
            row.last_used_at,
        ).order_by(row.created_at, row.id)
        with self._database.transaction() as connection:
            return [TokenRecord(*found) for found in connection.execute(query)]

    def used(self, moments: Mapping[str, datetime]) -> None:
        """Note when tokens were last used, unless a later use is known."""
        row = TokenRow
        with self._database.transaction(write=True) as connection:
            for token_id, moment in moments.items():
                older = or_(row.last_used_at.is_(None), row.last_used_at < moment)
                noting = update(row).where(row.id == token_id, older)
                connection.execute(noting.values(last_used_at=moment))

    def revoke(self, token_id: str) -> bool:
        """Refuse a token from now on; whether there was one to revoke."""
        row = TokenRow
        revoking = update(row).where(row.id == token_id, row.revoked_at.is_(None))
        with self._database.transaction(write=True) as connection:
            return connection.execute(revoking.values(revoked_at=datetime.now(UTC))).rowcount > 0
