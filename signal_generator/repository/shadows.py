"""What the shadows would have said: kept to be judged, never said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from shared.db.pages import newest_first
from shared.db.statements import Prepared
from shared.domain.ids import Symbol
from shared.domain.signal import Signal
from signal_generator.core.scoring import SHADOW
from signal_generator.repository.rows import columns_of, signal_of
from signal_generator.tables import ml_shadow_signals

_TO_SHADOWS = Prepared(insert(ml_shadow_signals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whispered:
    """What a shadow would have said about the vector that the signal beside it was made of."""

    release_id: str
    signal: Signal


def add_whispered(connection: Connection, whispered: Sequence[Whispered]) -> None:
    rows = [{**columns_of(one.signal), "release_id": one.release_id} for one in whispered]
    _TO_SHADOWS.run(connection, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowFilter:
    """None means any; `before` is the position (closed_at, signal_id) to go on from."""

    symbol: Symbol | None = None
    release_id: str | None = None
    before: tuple[datetime, str] | None = None


def find_whispered(connection: Connection, wanted: ShadowFilter, limit: int) -> list[Whispered]:
    """Return them newest first."""
    table = ml_shadow_signals.c
    statement = select(ml_shadow_signals)
    if wanted.symbol is not None:
        statement = statement.where(table.symbol == wanted.symbol)
    if wanted.release_id is not None:
        statement = statement.where(table.release_id == wanted.release_id)
    page = newest_first(statement, table.closed_at, table.signal_id, wanted.before)
    return [_whispered(row) for row in connection.execute(page.limit(limit))]


def _whispered(row: Row[Any]) -> Whispered:
    return Whispered(release_id=row.release_id, signal=signal_of(row, SHADOW))
