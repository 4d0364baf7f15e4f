"""Who changed what, when: append-only, each row chained to the one before it by hash."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, Table, insert, select

from shared.db.base import TRANSACTIONS, metadata
from shared.db.dialect import for_update
from shared.db.types import Document, Instant, Word

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("actor", Word(64), nullable=False),
    Column("action", Word(64), nullable=False),
    Column("subject", Word(128), nullable=False),
    Column("detail", Document(), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("previous_hash", Word(64), nullable=False),
    Column("hash", Word(64), nullable=False, unique=True),
    schema=TRANSACTIONS,
)


def record(
    connection: Connection, actor: str, action: str, subject: str, detail: Any, at: datetime
) -> None:
    """Append one row in the caller's transaction."""
    first = select(audit.c.seq).order_by(audit.c.seq).limit(1)
    connection.execute(for_update(first)).all()  # one at a time: whoever waits here reads anew
    last = select(audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    previous = connection.execute(last).scalar_one_or_none() or ""
    fields = msgspec.json.encode((previous, actor, action, subject, detail, at))
    row = {
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
        "at": at,
        "previous_hash": previous,
        "hash": sha256(fields).hexdigest(),
    }
    connection.execute(insert(audit).values(row))
