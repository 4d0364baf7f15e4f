"""What became of signals: which still wait for it, and what is known of the others."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, Table, and_, insert, select

from shared.bus.codec import from_builtins
from shared.db.statements import Prepared
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action, Interval
from shared.domain.ids import SignalId, Symbol
from shared.domain.signal import Edge
from signal_generator.core.maturing import Outcome, Pending, Role
from signal_generator.core.readings import Labels
from signal_generator.tables import ml_outcomes, ml_shadow_signals, ml_signals

_SOURCES: Mapping[Role, Table] = {Role.CHAMPION: ml_signals, Role.SHADOW: ml_shadow_signals}
_TO_OUTCOMES = Prepared(insert(ml_outcomes))


def pending_signals(
    connection: Connection,
    interval: Interval,
    symbols: Collection[Symbol],
    after: datetime,
    before: datetime,
) -> list[Pending]:
    """Return the signals with a bracket, closed between two instants, that have no outcome yet."""
    return [
        _pending(row, role)
        for role, table in _SOURCES.items()
        for row in connection.execute(_waiting(table, interval, symbols, after, before))
    ]


def add_outcomes(connection: Connection, interval: Interval, outcomes: Sequence[Outcome]) -> None:
    _TO_OUTCOMES.run(connection, [_row(one, interval) for one in outcomes])


def newest_labels(
    connection: Connection, symbol: Symbol, release_id: str, interval: Interval, limit: int
) -> Labels:
    """Return the newest labels of a release that count, oldest first."""
    known = ml_outcomes.c
    statement = (
        select(
            known.closed_at,
            known.ended_at,
            known.probability,
            known.gross,
            known.net,
            known.barrier_ratio,
            known.is_bet,
        )
        .where(
            known.symbol == symbol,
            known.release_id == release_id,
            known.interval == interval,
            known.ended_at.is_not(None),
            known.is_counted,
        )
        .order_by(known.closed_at.desc())
        .limit(limit)
    )
    rows = connection.execute(statement).all()[::-1]
    return Labels(
        closed_at=np.array([int(row.closed_at.timestamp()) for row in rows], dtype=np.int64),
        ended_at=np.array([int(row.ended_at.timestamp()) for row in rows], dtype=np.int64),
        probability=np.array([row.probability for row in rows], dtype=np.float64),
        gross=np.array([row.gross for row in rows], dtype=np.float64),
        net=np.array([row.net for row in rows], dtype=np.float64),
        barrier=np.array([row.barrier_ratio for row in rows], dtype=np.float64),
        is_bet=np.array([row.is_bet for row in rows], dtype=np.bool_),
    )


def _waiting(
    table: Table,
    interval: Interval,
    symbols: Collection[Symbol],
    after: datetime,
    before: datetime,
) -> Select[*tuple[Any, ...]]:
    signal = table.c
    known = and_(
        ml_outcomes.c.signal_id == signal.signal_id, ml_outcomes.c.release_id == signal.release_id
    )
    return (
        select(
            signal.signal_id,
            signal.symbol,
            signal.closed_at,
            signal.action,
            signal.reasons,
            signal.edge,
            signal.bracket,
        )
        .select_from(table.outerjoin(ml_outcomes, known))
        .where(
            signal.symbol.in_(sorted(symbols)),
            signal.interval == interval,
            signal.closed_at > after,
            signal.closed_at < before,
            signal.barrier_ratio.is_not(None),
            ml_outcomes.c.signal_id.is_(None),
        )
        .order_by(signal.closed_at, signal.symbol)
    )


def _pending(row: Row[Any], role: Role) -> Pending:
    return Pending(
        signal_id=SignalId(row.signal_id),
        role=role,
        symbol=Symbol(row.symbol),
        closed_at=row.closed_at,
        action=Action(row.action),
        reasons=tuple(row.reasons),
        edge=from_builtins(row.edge, Edge),
        bracket=from_builtins(row.bracket, BracketPlan),
    )


def _row(outcome: Outcome, interval: Interval) -> dict[str, Any]:
    signal, ending = outcome.signal, outcome.ending
    return {
        "signal_id": signal.signal_id,
        "release_id": signal.edge.release_id,
        "role": signal.role,
        "symbol": signal.symbol,
        "interval": interval,
        "closed_at": signal.closed_at,
        "ended_at": None if ending is None else ending.ended_at,
        "hit": None if ending is None else ending.hit,
        "gross": None if ending is None else ending.gross,
        "net": outcome.net,
        "probability": signal.edge.probability,
        "barrier_ratio": signal.edge.barrier_ratio,
        "is_bet": outcome.is_bet,
        "is_counted": signal.is_counted,
    }
