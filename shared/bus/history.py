"""Facts read back from the log: how a service regains what it only kept in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from shared.bus.codec import decode
from shared.bus.envelope import Envelope
from shared.bus.tables import deliveries, event_log
from shared.db.statements import Prepared, given
from shared.domain.ids import EventId

COLUMNS = (
    event_log.c.event_id,
    event_log.c.topic,
    event_log.c.occurred_at,
    event_log.c.origin_at,
    event_log.c.producer,
    event_log.c.cause_id,
    event_log.c.payload,
)

_LAGGING = 1000
KEPT_PER_STREAM = 1000
_FORGOTTEN = Prepared(delete(event_log).where(given(event_log.c.seq)))


def envelope_of(row: Any) -> Envelope:
    return Envelope(
        event_id=EventId(row.event_id),
        topic=row.topic,
        occurred_at=row.occurred_at,
        origin_at=row.origin_at,
        producer=row.producer,
        cause_id=row.cause_id,
        event=decode(row.topic, row.payload),
    )


def last_events(
    connection: Connection, *, topic: str, stream: str, before: datetime, limit: int
) -> list[Envelope]:
    """Return the newest `limit` facts of a stream that occurred before an instant, oldest first."""
    statement = (
        select(*COLUMNS)
        .where(
            event_log.c.topic == topic,
            event_log.c.stream == stream,
            event_log.c.occurred_at < before,
        )
        .order_by(event_log.c.seq.desc())
        .limit(limit)
    )
    return [envelope_of(row) for row in reversed(connection.execute(statement).all())]


def unheard(connection: Connection, consumer: str, topic: str, stream: str) -> list[Envelope]:
    """Return the facts of a stream that a consumer has still to hear, oldest first."""
    statement = (
        select(*COLUMNS)
        .join(deliveries, deliveries.c.event_id == event_log.c.event_id)
        .where(
            deliveries.c.consumer == consumer,
            deliveries.c.topic == topic,
            event_log.c.stream == stream,
        )
        .order_by(deliveries.c.seq)
    )
    return [envelope_of(row) for row in connection.execute(statement).all()]


def last_instant(connection: Connection) -> datetime | None:
    """Return the latest time among the newest facts: several processes write, one may lag."""
    newest = (
        select(event_log.c.occurred_at).order_by(event_log.c.seq.desc()).limit(_LAGGING).subquery()
    )
    return connection.execute(select(func.max(newest.c.occurred_at))).scalar()


def with_causes(connection: Connection, event_ids: Sequence[str]) -> list[Envelope]:
    """Return these facts and every fact in the chains that led to them, oldest first."""
    found: dict[str, Any] = {}
    wanted = set(event_ids)
    while wanted:
        statement = select(event_log.c.seq, *COLUMNS).where(event_log.c.event_id.in_(wanted))
        rows = connection.execute(statement).all()
        found.update({row.event_id: row for row in rows})
        wanted = {row.cause_id for row in rows if row.cause_id} - found.keys()
    return [envelope_of(row) for row in sorted(found.values(), key=lambda row: row.seq)]


def prune(connection: Connection, producer: str, said_before: datetime, limit: int) -> int:
    """Delete up to `limit` facts a producer said before a wall time; return how many.

    What somebody still has to hear stays, and so do the newest `KEPT_PER_STREAM` of each stream:
    services regain their memory from them.
    """
    streams = select(event_log.c.topic, event_log.c.stream).where(event_log.c.producer == producer)
    old: list[int] = []
    for topic, stream in connection.execute(streams.distinct()).all():
        of_stream = (event_log.c.topic == topic, event_log.c.stream == stream)
        newest_first = select(event_log.c.seq).where(*of_stream).order_by(event_log.c.seq.desc())
        kept_from = connection.execute(newest_first.offset(KEPT_PER_STREAM - 1).limit(1)).scalar()
        if kept_from is None:
            continue
        oldest_first = select(event_log.c.seq).where(
            *of_stream,
            event_log.c.seq < kept_from,
            event_log.c.origin_at < said_before,
            event_log.c.event_id.not_in(select(deliveries.c.event_id)),
        )
        oldest_first = oldest_first.order_by(event_log.c.seq).limit(limit - len(old))
        old += connection.execute(oldest_first).scalars()
    _FORGOTTEN.run(connection, [{"seq": seq} for seq in old])
    return len(old)
