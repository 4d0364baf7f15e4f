"""A signal as columns, the same for those that are said and those that are not."""

from typing import Any

from sqlalchemy import Row

from shared.bus.codec import from_builtins
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action, Interval
from shared.domain.signal import Edge, Signal


def columns_of(signal: Signal) -> dict[str, Any]:
    edge = signal.edge
    return {
        "signal_id": signal.signal_id,
        "symbol": signal.symbol,
        "interval": signal.interval,
        "closed_at": signal.closed_at,
        "expires_at": signal.expires_at,
        "action": signal.action,
        "probability_raw": None if edge is None else edge.probability_raw,
        "probability": None if edge is None else edge.probability,
        "confidence": signal.confidence,
        "coverage": signal.coverage,
        "reasons": signal.reasons,
        "release_id": None if edge is None else edge.release_id,
        "barrier_ratio": None if edge is None else edge.barrier_ratio,
        "price": signal.price,
        "edge": edge,
        "bracket": signal.bracket,
    }


def signal_of(row: Row[Any], source: str) -> Signal:
    return Signal(
        signal_id=row.signal_id,
        source=source,
        symbol=row.symbol,
        interval=Interval(row.interval),
        closed_at=row.closed_at,
        expires_at=row.expires_at,
        action=Action(row.action),
        confidence=row.confidence,
        price=row.price,
        bracket=None if row.bracket is None else from_builtins(row.bracket, BracketPlan),
        edge=None if row.edge is None else from_builtins(row.edge, Edge),
        coverage=row.coverage,
        reasons=tuple(row.reasons),
    )
