"""Halves of a shard's opinions, waiting for each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from shared.bus.codec import from_builtins
from shared.bus.envelope import Envelope
from shared.db.statements import Prepared, among, given
from shared.domain.enums import Interval
from shared.domain.events import CandlesClosed, SignalsGenerated
from shared.domain.signal import Signal
from signals.tables import signal_parts

_KEY = ("venue", "interval", "closed_at", "shard", "source")
_WAITING = Prepared(
    select(signal_parts).where(
        given(signal_parts.c.source), among(signal_parts.c.closed_at, "instants")
    )
)
_TAKEN = Prepared(delete(signal_parts).where(*(given(signal_parts.c[name]) for name in _KEY)))
_TO_PARTS = Prepared(insert(signal_parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartKey:
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One half of a shard's opinions: the baseline's with weights, the models' as it was heard."""

    signals: tuple[Signal, ...]
    weights: Mapping[str, float] | None = None
    heard: Envelope | None = None


def key_of(fact: CandlesClosed | SignalsGenerated) -> PartKey:
    return PartKey(
        venue=fact.venue, interval=fact.interval, closed_at=fact.closed_at, shard=fact.shard
    )


def save_parts(connection: Connection, source: str, parts: Mapping[PartKey, Part]) -> None:
    rows = [
        _part_key_row(key, source)
        | _head(part.heard)
        | {"weights": part.weights, "payload": part.signals}
        for key, part in parts.items()
    ]
    _TO_PARTS.run(connection, rows)


def take_parts(connection: Connection, source: str, keys: Sequence[PartKey]) -> dict[PartKey, Part]:
    """Return the waiting halves of these shards and delete them."""
    instants = sorted({key.closed_at for key in keys})
    rows = _WAITING.rows(connection, source=source, instants=instants)
    waiting = {_key_of_row(row): row for row in rows}
    taken = {key: _part_of(waiting[key]) for key in keys if key in waiting}
    _TAKEN.run(connection, [_part_key_row(key, source) for key in taken])
    return taken


def _part_key_row(key: PartKey, source: str) -> dict[str, Any]:
    return {
        "venue": key.venue,
        "interval": key.interval,
        "closed_at": key.closed_at,
        "shard": key.shard,
        "source": source,
    }


def _key_of_row(row: Any) -> PartKey:
    return PartKey(
        venue=row.venue,
        interval=Interval(row.interval),
        closed_at=row.closed_at,
        shard=row.shard,
    )


def _head(heard: Envelope | None) -> dict[str, Any]:
    names = ("event_id", "occurred_at", "origin_at", "producer")
    return {name: None if heard is None else getattr(heard, name) for name in names}


def _part_of(row: Any) -> Part:
    signals = from_builtins(row.payload, tuple[Signal, ...])
    if row.event_id is None:
        return Part(signals=signals, weights=row.weights)
    fact = SignalsGenerated(
        source=row.source,
        venue=row.venue,
        interval=Interval(row.interval),
        closed_at=row.closed_at,
        shard=row.shard,
        signals=signals,
    )
    heard = Envelope(
        event_id=row.event_id,
        topic=SignalsGenerated.topic,
        occurred_at=row.occurred_at,
        origin_at=row.origin_at,
        producer=row.producer,
        cause_id=None,
        event=fact,
    )
    return Part(signals=signals, heard=heard)
