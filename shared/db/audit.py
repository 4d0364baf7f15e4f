"""Who did what, when: append-only, the rows of each chain tied to one another by hash.

Each service writes a chain of its own, so that none waits for another; the head of a chain says how
long it is, so that its end cannot be cut off unnoticed either. The head's row is the lock its
writers queue on, and always the last lock of a transaction: nobody who holds it waits for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from shared.db.base import TRANSACTIONS, metadata
from shared.db.dialect import for_update, insert_missing
from shared.db.statements import Prepared, given
from shared.db.types import Document, Instant, Word

audit = Table(
    "audit",
    metadata,
    Column("chain", Word(32), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("actor", Word(64), nullable=False),
    Column("action", Word(64), nullable=False),
    Column("subject", Word(128), nullable=False),
    Column("detail", Document(), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("hash", Word(64), nullable=False),
    Index("ix_audit_subject", "subject"),
    schema=TRANSACTIONS,
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("chain", Word(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Word(64), nullable=False),
    schema=TRANSACTIONS,
)

_HEAD = Prepared(for_update(select(audit_heads).where(given(audit_heads.c.chain))))
_TO_AUDIT = Prepared(insert(audit))
_MOVE_HEAD = Prepared(update(audit_heads).where(audit_heads.c.chain == bindparam("of_chain")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did to something; `detail` is anything that can be written as JSON."""

    actor: str
    action: str
    subject: str
    detail: Any
    at: datetime


def append(connection: Connection, chain: str, deeds: Sequence[Deed]) -> None:
    """Append to a chain in the caller's transaction; its other writers wait until the commit."""
    if not deeds:
        return
    head = lock_chain(connection, chain)
    seq, last = head.seq, head.hash
    rows: list[dict[str, Any]] = []
    for deed in deeds:
        seq += 1
        row = _as_written(deed)
        last = digest(chain, seq, last, Deed(**row))
        rows.append({"chain": chain, "seq": seq, **row, "hash": last})
    _TO_AUDIT.run(connection, rows)
    _MOVE_HEAD.run(connection, [{"of_chain": chain, "seq": seq, "hash": last}])


def lock_chain(connection: Connection, chain: str) -> Any:
    """Return the head of a chain, locked; one who locks it early must know who else waits for it.

    Changes of API keys do: their chain is written by nobody else.
    """
    head = _HEAD.first(connection, chain=chain)
    if head is None:
        insert_missing(connection, audit_heads, [{"chain": chain, "seq": 0, "hash": ""}])
        head = _HEAD.first(connection, chain=chain)
    assert head is not None
    return head


def _as_written(deed: Deed) -> dict[str, Any]:
    """Return a deed as it will be read back: what is hashed is what is stored, to the letter."""
    return {
        "actor": str(deed.actor),
        "action": str(deed.action),
        "subject": str(deed.subject),
        "detail": msgspec.Raw(msgspec.json.encode(deed.detail)),
        "at": deed.at.astimezone(UTC),
    }


def digest(chain: str, seq: int, previous: str, deed: Deed) -> str:
    """Return the hash of a row: over its place, its words, and the hash of the row before it."""
    words = (chain, seq, previous, deed.actor, deed.action, deed.subject, deed.detail, deed.at)
    return sha256(msgspec.json.encode(words)).hexdigest()


def fingerprint(document: Any) -> str:
    """Return the hash of anything that can be written as JSON, as details name what they judged."""
    return sha256(msgspec.json.encode(document)).hexdigest()
