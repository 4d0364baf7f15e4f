"""API keys: made once, shown once, kept as digests that are worth nothing without the pepper."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from sqlalchemy import Column, Connection, Table, insert, select

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Instant, Word
from shared.domain.errors import BadInput

SCOPES = ("read", "trade", "admin")  # each includes the ones before it

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Word(16), primary_key=True),
    Column("name", Word(64), nullable=False),
    Column("scope", Word(16), nullable=False),
    Column("services", Word(255), nullable=False),
    Column("digest", Word(64), nullable=False),
    Column("pepper", Word(16), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("expires_at", Instant()),
    Column("last_used_at", Instant()),
    Column("revoked_at", Instant()),
    schema=TRANSACTIONS,
)

_OURS = re.compile(r"tk_[a-z]+_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_OF_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whose key it is and what it opens; no `services` named means all of them.

    `key_id` is empty for a key that stands in the configuration.
    """

    name: str
    scope: str
    services: tuple[str, ...] = ()
    key_id: str = ""

    def may(self, scope: str) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def reaches(self, service: str) -> bool:
        return not self.services or service in self.services


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key of the configuration; `digest` is its SHA-256."""

    principal: Principal
    digest: str


class Standing(StrEnum):
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key of the database; `digest` is its HMAC under the pepper, `pepper` says under which."""

    principal: Principal
    digest: str
    created_at: datetime
    pepper: str = ""
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def standing(self, now: datetime) -> Standing:
        if self.revoked_at is not None:
            return Standing.REVOKED
        is_over = self.expires_at is not None and self.expires_at <= now
        return Standing.EXPIRED if is_over else Standing.VALID


def digest_of(key: str) -> str:
    """Return SHA-256: enough for keys of 256 random bits that the configuration holds anyway."""
    return sha256(key.encode()).hexdigest()


def peppered(pepper: bytes, key: str) -> str:
    """Return the HMAC-SHA256 of a key: who steals the table alone cannot even test a guess."""
    return hmac_digest(pepper, key.encode(), "sha256").hex()


def sign_of(pepper: bytes) -> str:
    """Return by what a pepper is known again; it tells nothing of it."""
    return peppered(pepper, "which pepper is this?")[:16]


def generate(mode: str, key_id: str | None = None) -> tuple[str, str]:
    """Return (key id, key); the key is `tk_<mode>_<id>_<43 characters>`: 256 random bits."""
    identity = key_id or secrets.token_hex(4)
    return identity, f"tk_{mode}_{identity}_{secrets.token_urlsafe(32)}"


def id_of(key: str) -> str | None:
    """Return the id that is written in a key of ours."""
    ours = _OURS.fullmatch(key)
    return None if ours is None else ours[1]


def checked_scope(scope: str) -> str:
    """Return the scope.

    Raises:
        BadInput: there is none of this name.
    """
    if scope not in SCOPES:
        raise BadInput("--scope", f"'{scope}' is no scope", f"choose from {', '.join(SCOPES)}")
    return scope


def store(connection: Connection, key: StoredKey) -> None:
    who = key.principal
    row = {
        "key_id": who.key_id,
        "name": who.name,
        "scope": who.scope,
        "services": ",".join(who.services),
        "digest": key.digest,
        "pepper": key.pepper,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }
    connection.execute(insert(api_keys).values(row))


def stored_keys(connection: Connection) -> Mapping[str, StoredKey]:
    """Return every key by its id: those that ended too, for the word about why they ended."""
    rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id))
    return {
        row.key_id: StoredKey(
            principal=Principal(
                name=row.name,
                scope=row.scope,
                services=tuple(one for one in row.services.split(",") if one),
                key_id=row.key_id,
            ),
            digest=row.digest,
            pepper=row.pepper,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    }


def configured(key: str, known: tuple[KnownKey, ...]) -> Principal | None:
    """Return whose key this is by the configuration; every digest is compared, in constant time."""
    digest = digest_of(key)
    found: Principal | None = None
    for candidate in known:
        if compare_digest(candidate.digest, digest):
            found = candidate.principal
    return found


def stored(key: str, known: Mapping[str, StoredKey], pepper: bytes | None) -> StoredKey | None:
    """Return the key of the database that this is; as much is computed where there is none."""
    candidate = known.get(id_of(key) or "")
    expected = _OF_NOBODY if candidate is None else candidate.digest
    is_it = compare_digest(expected, peppered(pepper or b"", key))
    return candidate if is_it and pepper is not None else None
