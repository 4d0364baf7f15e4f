"""When the newest candle closed, as the log of facts has it: heard or still to be heard."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from shared.bus.codec import decode
from shared.bus.tables import event_log
from shared.db.statements import Prepared, given
from shared.domain.events import CandlesClosed

_NEWEST = Prepared(
    select(event_log.c.payload)
    .where(event_log.c.topic == CandlesClosed.topic, given(event_log.c.stream))
    .order_by(event_log.c.seq.desc())
    .limit(1)
)


def newest_close(connection: Connection, streams: Sequence[str]) -> datetime | None:
    found: list[datetime] = []
    for stream in streams:
        payload = _NEWEST.value(connection, stream=stream)
        fact = None if payload is None else decode(CandlesClosed.topic, payload)
        if isinstance(fact, CandlesClosed):
            found.append(fact.closed_at)
    return max(found, default=None)
