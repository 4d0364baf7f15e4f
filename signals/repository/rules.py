"""What the baseline carries from candle to candle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from shared.db.dialect import upsert
from shared.db.statements import Prepared, among, given
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signals.core.rules import RuleState
from signals.tables import rule_states

_CARRIED = Prepared(
    select(rule_states).where(given(rule_states.c.interval), among(rule_states.c.symbol, "symbols"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The baseline's state of one instrument, after the candle that closed at `closed_at`."""

    closed_at: datetime
    state: RuleState


def load_carried(
    connection: Connection, interval: Interval, symbols: Iterable[Symbol]
) -> dict[Symbol, Carried]:
    return {
        Symbol(row.symbol): Carried(closed_at=row.closed_at, state=RuleState(*row.carry))
        for row in _CARRIED.rows(connection, interval=interval, symbols=sorted(symbols))
    }


def save_carried(
    connection: Connection, interval: Interval, carried: Mapping[Symbol, Carried]
) -> None:
    rows = [
        {"symbol": symbol, "interval": interval, "closed_at": one.closed_at, "carry": one.state}
        for symbol, one in sorted(carried.items())
    ]
    upsert(connection, rule_states, rows, key=("symbol", "interval"))
