"""API keys: made once, shown once, kept as digests."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import Column, Connection, Table, insert, select

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Instant, Word

SCOPES = ("read", "trade", "admin")  # each includes the ones before it

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Word(16), primary_key=True),
    Column("name", Word(64), nullable=False),
    Column("scope", Word(16), nullable=False),
    Column("digest", Word(64), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("revoked_at", Instant()),
    schema=TRANSACTIONS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    name: str
    scope: str

    def may(self, scope: str) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    principal: Principal
    digest: str


def digest_of(key: str) -> str:
    """Return SHA-256: enough for keys of 256 random bits."""
    return sha256(key.encode()).hexdigest()


def generate(mode: str) -> tuple[str, str]:
    """Return (key id, key); the key is `tk_<mode>_<id>_<43 characters>`."""
    key_id = secrets.token_hex(4)
    return key_id, f"tk_{mode}_{key_id}_{secrets.token_urlsafe(32)}"


def store(
    connection: Connection, key_id: str, name: str, scope: str, key: str, created_at: datetime
) -> None:
    row = {
        "key_id": key_id,
        "name": name,
        "scope": scope,
        "digest": digest_of(key),
        "created_at": created_at,
    }
    connection.execute(insert(api_keys).values(row))


def stored_keys(connection: Connection) -> tuple[KnownKey, ...]:
    """Return the keys that have not been revoked."""
    statement = select(api_keys).where(api_keys.c.revoked_at.is_(None))
    return tuple(
        KnownKey(principal=Principal(name=row.name, scope=row.scope), digest=row.digest)
        for row in connection.execute(statement)
    )


def identify(key: str, known: tuple[KnownKey, ...]) -> Principal | None:
    """Return whose key this is; every digest is compared, in constant time."""
    digest = digest_of(key)
    found: Principal | None = None
    for candidate in known:
        if compare_digest(candidate.digest, digest):
            found = candidate.principal
    return found
