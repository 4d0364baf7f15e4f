"""Every signal a model was asked for, with the features it saw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, and_, func, insert, select

from shared.bus.codec import from_builtins
from shared.db.pages import newest_first
from shared.db.statements import Prepared
from shared.domain.enums import Interval
from shared.domain.ids import SignalId, Symbol
from shared.domain.signal import Signal
from signal_generator.core.explanation import Explanation
from signal_generator.core.scoring import ML
from signal_generator.core.window import Carried
from signal_generator.repository.rows import columns_of, signal_of
from signal_generator.tables import ml_signals

Floats = NDArray[np.float64]
_TO_SIGNALS = Prepared(insert(ml_signals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A signal, the features behind it, and what its instrument's engine carries on.

    `explanation` is there where the signal is to act.
    """

    signal: Signal
    vector: Floats
    carry: bytes = b""
    explanation: Explanation | None = None


def add_scored(connection: Connection, scored: Sequence[Scored]) -> None:
    _TO_SIGNALS.run(connection, [_row(one) for one in scored])


def _row(scored: Scored) -> dict[str, Any]:
    return {
        **columns_of(scored.signal),
        "contributions": scored.explanation,
        "features": scored.vector.astype("<f4").tobytes(),
        "carry": scored.carry,
    }


def last_carried(
    connection: Connection, interval: Interval, symbols: Iterable[Symbol], before: datetime
) -> dict[Symbol, Carried]:
    """Return what each instrument carried from its newest candle before an instant."""
    newest = (
        select(ml_signals.c.symbol, func.max(ml_signals.c.closed_at).label("closed_at"))
        .where(
            ml_signals.c.symbol.in_(sorted(symbols)),
            ml_signals.c.interval == interval,
            ml_signals.c.closed_at < before,
        )
        .group_by(ml_signals.c.symbol)
        .subquery()
    )
    statement = select(ml_signals.c.symbol, ml_signals.c.closed_at, ml_signals.c.carry).join(
        newest,
        and_(
            ml_signals.c.symbol == newest.c.symbol,
            ml_signals.c.closed_at == newest.c.closed_at,
            ml_signals.c.interval == interval,
        ),
    )
    return {
        Symbol(row.symbol): Carried(closed_at=row.closed_at, carry=row.carry)
        for row in connection.execute(statement)
    }


def find_signals(
    connection: Connection,
    symbol: Symbol | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Signal]:
    """Return signals, newest first, from the position (closed_at, signal_id) on."""
    statement = select(ml_signals)
    if symbol is not None:
        statement = statement.where(ml_signals.c.symbol == symbol)
    page = newest_first(statement, ml_signals.c.closed_at, ml_signals.c.signal_id, before)
    return [signal_of(row, ML) for row in connection.execute(page.limit(limit))]


def get_scored(connection: Connection, identity: SignalId) -> Scored | None:
    row = connection.execute(select(ml_signals).where(ml_signals.c.signal_id == identity)).first()
    return None if row is None else _scored(row)


def latest_scored(connection: Connection, symbol: Symbol) -> Scored | None:
    """Return the newest signal of an instrument with its features."""
    statement = (
        select(ml_signals)
        .where(ml_signals.c.symbol == symbol)
        .order_by(ml_signals.c.closed_at.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return None if row is None else _scored(row)


def _scored(row: Row[Any]) -> Scored:
    stored = row.contributions
    return Scored(
        signal=signal_of(row, ML),
        vector=np.frombuffer(row.features, dtype="<f4").astype(np.float64),
        explanation=None if stored is None else from_builtins(stored, Explanation),
    )
