"""Signals as they were said, and the sources that say them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select

from shared.bus.codec import from_builtins
from shared.db.dialect import insert_missing, insert_once, upsert
from shared.db.pages import newest_first
from shared.db.statements import Prepared
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.signal import Signal
from signals.core.sources import Source
from signals.tables import signal_sources, signals

_SOURCES = Prepared(select(signal_sources))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilter:
    """`before` is the position (closed_at, signal_id) after which the page starts."""

    symbol: Symbol | None = None
    source: str | None = None
    min_confidence: float = 0.0
    before: tuple[datetime, str] | None = None


def row_of(signal: Signal) -> dict[str, Any]:
    return {
        "signal_id": signal.signal_id,
        "source": signal.source,
        "symbol": signal.symbol,
        "interval": signal.interval,
        "closed_at": signal.closed_at,
        "expires_at": signal.expires_at,
        "action": signal.action,
        "confidence": signal.confidence,
        "price": signal.price,
        "probability": None if signal.edge is None else signal.edge.probability,
        "reasons": signal.reasons,
        "payload": signal,
    }


def add_signals(connection: Connection, said: Sequence[Signal]) -> None:
    insert_missing(connection, signals, [row_of(signal) for signal in said])


def add_new_signal(connection: Connection, said: Signal) -> bool:
    """Return False for one that was said before."""
    return insert_once(connection, signals, [row_of(said)]) > 0


def stored_sources(connection: Connection) -> dict[str, Source]:
    return {
        row.source: Source(
            name=row.source, weight=row.weight, enabled=row.enabled, updated_at=row.updated_at
        )
        for row in _SOURCES.rows(connection)
    }


def save_source(connection: Connection, source: Source, now: datetime) -> None:
    row = {
        "source": source.name,
        "weight": source.weight,
        "enabled": source.enabled,
        "updated_at": now,
    }
    upsert(connection, signal_sources, [row], key=("source",))


def find_signals(connection: Connection, wanted: SignalFilter, limit: int) -> list[Signal]:
    """Return matching signals, newest first."""
    statement = select(signals.c.payload)
    if wanted.symbol is not None:
        statement = statement.where(signals.c.symbol == wanted.symbol)
    if wanted.source is not None:
        statement = statement.where(signals.c.source == wanted.source)
    if wanted.min_confidence > 0.0:
        statement = statement.where(signals.c.confidence >= wanted.min_confidence)
    page = newest_first(statement, signals.c.closed_at, signals.c.signal_id, wanted.before)
    return _signals(connection.execute(page.limit(limit)).scalars())


def latest_signals(connection: Connection, symbols: Sequence[Symbol]) -> list[Signal]:
    """Return the newest signal of each instrument, interval and source."""
    identity = (signals.c.symbol, signals.c.interval, signals.c.source)
    newest = (
        select(*identity, func.max(signals.c.closed_at).label("closed_at"))
        .where(signals.c.symbol.in_(symbols))
        .group_by(*identity)
        .subquery()
    )
    statement = (
        select(signals.c.payload)
        .join(
            newest,
            and_(
                signals.c.symbol == newest.c.symbol,
                signals.c.interval == newest.c.interval,
                signals.c.source == newest.c.source,
                signals.c.closed_at == newest.c.closed_at,
            ),
        )
        .order_by(*identity)
    )
    return _signals(connection.execute(statement).scalars())


def _signals(payloads: Iterable[Any]) -> list[Signal]:
    return [from_builtins(payload, Signal) for payload in payloads]


def external_signals(
    connection: Connection, sources: Sequence[str], interval: Interval, closed_at: datetime
) -> dict[Symbol, dict[str, Signal]]:
    """Return what outsiders had said before this close and still stand by, the newest of each."""
    found: defaultdict[Symbol, dict[str, Signal]] = defaultdict(dict)
    if not sources:
        return found
    statement = (
        select(signals.c.payload)
        .where(
            signals.c.source.in_(sources),
            signals.c.interval == interval,
            signals.c.closed_at < closed_at,
            signals.c.expires_at > closed_at,
        )
        .order_by(signals.c.closed_at, signals.c.signal_id)
    )
    for signal in _signals(connection.execute(statement).scalars()):
        found[signal.symbol][signal.source] = signal
    return found
