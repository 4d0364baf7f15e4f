"""The audit read back: its heads, its chains page by page, and what was done lately."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Text,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
    union,
)

from shared.db.audit import Deed, audit, audit_heads
from shared.db.audit_check import Head, Kept
from shared.db.statements import Prepared, given

_PAGE = 5_000

# as they are stored: what somebody has written over them may be no instant and no JSON any more
_ROWS = Prepared(
    select(
        audit.c.seq,
        audit.c.actor,
        audit.c.action,
        audit.c.subject,
        type_coerce(audit.c.detail, Text).label("detail"),
        type_coerce(audit.c.at, String).label("at"),
        audit.c.hash,
    )
    .where(given(audit.c.chain), audit.c.seq > bindparam("after"), audit.c.seq <= bindparam("to"))
    .order_by(audit.c.seq)
    .limit(_PAGE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """`head` None: it is not there; `newest` is the last row there is, 0 where there is none."""

    chain: str
    head: Head | None
    newest: int

    @property
    def until(self) -> int:
        """Up to where there should be rows."""
        return self.newest if self.head is None else self.head.seq


def chain_ends(connection: Connection) -> list[ChainEnd]:
    """Return where each chain ends: by its head, and by its rows."""
    return [_end(connection, chain) for chain in _chains(connection)]


def _chains(connection: Connection) -> list[str]:
    names = union(select(audit.c.chain), select(audit_heads.c.chain))
    return sorted(connection.execute(names).scalars())


def _end(connection: Connection, chain: str) -> ChainEnd:
    """Read head and newest row in one statement: what is appended meanwhile moves both."""
    newest = select(func.max(audit.c.seq)).where(audit.c.chain == chain).scalar_subquery()
    head = select(audit_heads.c.seq, audit_heads.c.hash, newest.label("newest"))
    row = connection.execute(head.where(audit_heads.c.chain == chain)).one_or_none()
    if row is None:
        last = connection.execute(select(newest.label("newest"))).scalar_one()
        return ChainEnd(chain=chain, head=None, newest=last or 0)
    return ChainEnd(chain=chain, head=Head(seq=row.seq, hash=row.hash), newest=row.newest or 0)


def rows_of(connection: Connection, chain: str, until: int) -> Generator[list[Kept]]:
    """Give the rows of a chain, in their order, a page at a time."""
    after = 0
    while rows := _ROWS.rows(connection, chain=chain, after=after, to=until):
        yield [_kept(row) for row in rows]
        after = rows[-1].seq


def hash_at(connection: Connection, chain: str, seq: int) -> str | None:
    """Return the hash of one row, None where it is not there."""
    statement = select(audit.c.hash).where(audit.c.chain == chain, audit.c.seq == seq)
    return connection.execute(statement).scalar()


def _kept(row: Any) -> Kept:
    at = _instant(row.at)
    deed = None
    if at is not None:
        deed = Deed(
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            detail=msgspec.Raw(row.detail.encode()),
            at=at,
        )
    return Kept(seq=row.seq, deed=deed, hash=row.hash)


def _instant(stored: Any) -> datetime | None:
    if isinstance(stored, str):
        try:
            stored = datetime.fromisoformat(stored)
        except ValueError:
            return None
    return stored.replace(tzinfo=UTC) if isinstance(stored, datetime) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """`action` may name a whole family: `order` stands for `order.sent` and all its like."""

    chain: str | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None


def newest_deeds(connection: Connection, wanted: AuditFilter, limit: int) -> list[Row[Any]]:
    """Return the newest rows that match, newest first."""
    statement = select(audit).where(*_conditions(wanted))
    if wanted.subject is not None:
        found = connection.execute(statement.where(audit.c.subject == wanted.subject)).all()
    else:
        # each chain from its end: reading them all to sort them would take a while
        chains = _chains(connection) if wanted.chain is None else [wanted.chain]
        found = [row for one in chains for row in _last(connection, statement, one, limit)]
    return sorted(found, key=lambda row: (row.at, row.chain, row.seq), reverse=True)[:limit]


def _last(
    connection: Connection, statement: Select[*tuple[Any, ...]], chain: str, limit: int
) -> Sequence[Row[Any]]:
    newest_first = statement.where(audit.c.chain == chain).order_by(audit.c.seq.desc())
    return connection.execute(newest_first.limit(limit)).all()


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.chain is not None:
        conditions.append(audit.c.chain == wanted.chain)
    if wanted.actor is not None:
        conditions.append(audit.c.actor == wanted.actor)
    if wanted.action is not None:
        family = audit.c.action.startswith(f"{wanted.action}.", autoescape=True)
        conditions.append(or_(audit.c.action == wanted.action, family))
    return conditions


def deeds_about(connection: Connection, subjects: Sequence[str]) -> Sequence[Row[Any]]:
    """Return what was done to any of these, in the order of the chains."""
    statement = select(audit).where(audit.c.subject.in_(subjects))
    return connection.execute(statement.order_by(audit.c.at, audit.c.chain, audit.c.seq)).all()
