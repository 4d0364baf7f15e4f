"""Signals that wait until the view of the account reaches their candle."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select

from recommender.tables import pending_signals
from shared.bus.codec import from_builtins
from shared.bus.envelope import Envelope
from shared.db.statements import Prepared, given
from shared.domain.events import SignalsAggregated
from shared.domain.ids import AccountId

_READY = and_(
    given(pending_signals.c.account),
    pending_signals.c.closed_at <= bindparam("until", type_=pending_signals.c.closed_at.type),
)
_TAKEN = Prepared(
    select(pending_signals)
    .where(_READY)
    .order_by(pending_signals.c.closed_at, pending_signals.c.shard)
)
_FORGET = Prepared(delete(pending_signals).where(_READY))
_TO_PENDING = Prepared(insert(pending_signals))


def save_pending(connection: Connection, account: AccountId, envelopes: Sequence[Envelope]) -> None:
    rows = [
        {
            "account": account,
            "closed_at": envelope.event.closed_at,
            "shard": envelope.event.shard,
            "event_id": envelope.event_id,
            "occurred_at": envelope.occurred_at,
            "origin_at": envelope.origin_at,
            "producer": envelope.producer,
            "payload": envelope.event,
        }
        for envelope in envelopes
        if isinstance(envelope.event, SignalsAggregated)
    ]
    _TO_PENDING.run(connection, rows)


def take_pending(connection: Connection, account: AccountId, until: datetime) -> list[Envelope]:
    """Return and delete the signals of candles closed by `until`, in the order to decide on."""
    ready: dict[str, Any] = {"account": account, "until": until}
    rows = _TAKEN.rows(connection, **ready)
    if rows:
        _FORGET.run(connection, [ready])
    return [_envelope(row) for row in rows]


def _envelope(row: Any) -> Envelope:
    return Envelope(
        event_id=row.event_id,
        topic=SignalsAggregated.topic,
        occurred_at=row.occurred_at,
        origin_at=row.origin_at,
        producer=row.producer,
        cause_id=None,
        event=from_builtins(row.payload, SignalsAggregated),
    )
