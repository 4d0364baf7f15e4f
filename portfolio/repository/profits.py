"""How an account stood at the edges of days, weeks and months, and what closed between them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from portfolio.core.periods import (
    PeriodLength,
    PeriodProfit,
    Standing,
    back,
    edges,
    floor_of,
    profits,
    start_of,
)
from portfolio.repository.reports import Period
from portfolio.tables import equity_points, round_trips
from shared.db.statements import Prepared, given
from shared.domain.ids import AccountId
from shared.domain.values import ZERO

USUAL_PERIODS = 30
_UP_TO = Prepared(
    select(equity_points)
    .where(
        given(equity_points.c.account),
        equity_points.c.as_of <= bindparam("at", type_=equity_points.c.as_of.type),
    )
    .order_by(equity_points.c.as_of.desc())
    .limit(1)
)
_FIRST = Prepared(
    select(equity_points)
    .where(given(equity_points.c.account))
    .order_by(equity_points.c.as_of)
    .limit(1)
)
_LAST = Prepared(
    select(equity_points)
    .where(given(equity_points.c.account))
    .order_by(equity_points.c.as_of.desc())
    .limit(1)
)
_CLOSED = Prepared(
    select(round_trips.c.closed_at)
    .where(
        given(round_trips.c.account),
        round_trips.c.closed_at > bindparam("after", type_=round_trips.c.closed_at.type),
        round_trips.c.closed_at <= bindparam("until", type_=round_trips.c.closed_at.type),
    )
    .order_by(round_trips.c.closed_at)
)


def period_profits(
    connection: Connection, account: AccountId, by: PeriodLength, period: Period
) -> tuple[PeriodProfit, ...]:
    """Return the periods that were marked, oldest first: the last ones where no start is given.

    One query finds each edge by its index, however many marks lie between.

    Raises:
        BadInput: there are more than can be asked for at once.
    """
    first = _FIRST.first(connection, account=account)
    last = _LAST.first(connection, account=account)
    if first is None or last is None:
        return ()
    until = last.as_of if period.end is None else min(last.as_of, period.end)
    start = start_of(by, first.as_of)
    wanted = back(by, until, USUAL_PERIODS) if period.start is None else floor_of(by, period.start)
    ends = edges(by, max(start, wanted), until)
    if len(ends) < 2:
        return ()
    if period.end is not None:
        ends = (*ends[:-1], min(ends[-1], period.end))
    standings = [_standing(connection, account, first, at) for at in ends]
    closed = _CLOSED.column(connection, account=account, after=ends[0], until=ends[-1])
    return tuple(profits(standings, ends, closed))


def _standing(connection: Connection, account: AccountId, first: Any, at: datetime) -> Standing:
    """Return the last mark up to an instant; before the first one, what it was opened with."""
    row = _UP_TO.first(connection, account=account, at=at)
    if row is None:
        return Standing(
            as_of=at,
            equity=first.contributed,
            contributed=first.contributed,
            realized_pnl=ZERO,
            fees=ZERO,
        )
    return Standing(
        as_of=row.as_of,
        equity=row.equity,
        contributed=row.contributed,
        realized_pnl=row.realized_pnl,
        fees=row.fees,
    )
