"""What people ask of the books; read only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Column, Connection, Row, Select, select

from portfolio.core.attribution import valued
from portfolio.core.books import BooksPolicy
from portfolio.core.currencies import ONE
from portfolio.core.equity import total
from portfolio.core.ledger import NOTIONAL_LEGS, Entry, SourceKind
from portfolio.core.lots import Lot
from portfolio.core.performance import Activity, EquityCurve, Series, without_contributions
from portfolio.core.trades import RoundTrip
from portfolio.core.valuing import Valuer
from portfolio.repository.books import lot_of, trip_of
from portfolio.repository.curve import prices
from portfolio.tables import equity_points, ledger_entries, round_trips, tax_lots
from shared.db.pages import newest_first, oldest_first
from shared.domain.ids import AccountId
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, ZERO, exact

LONGEST_CURVE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Both ends included; None leaves an end open."""

    start: datetime | None = None
    end: datetime | None = None

    def covers(self, at: datetime) -> bool:
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRead:
    """An equity curve as floats for statistics, with what is exact at its ends.

    `drawn` is without what was paid in or out on the way, which is in `contributed`. `gain` is what
    the equity grew by beside that, `equity` the last one; None where there is no point.
    """

    start: datetime | None
    end: datetime | None
    drawn: EquityCurve
    contributed: Series
    invested_ratio: Series
    fees: Decimal
    gain: Decimal
    equity: Decimal | None

    @property
    def worth(self) -> Series:
        return self.drawn.equity if self.drawn.worth is None else self.drawn.worth

    @property
    def is_cut(self) -> bool:
        return len(self.contributed) >= LONGEST_CURVE


def equity_page(
    connection: Connection,
    account: AccountId,
    period: Period,
    after: datetime | None,
    limit: int,
) -> tuple[Row[Any], ...]:
    """Return points in the order of time, those later than `after`."""
    statement = _within(select(equity_points), account, period)
    if after is not None:
        statement = statement.where(equity_points.c.as_of > after)
    ordered = statement.order_by(equity_points.c.as_of).limit(limit)
    return tuple(connection.execute(ordered))


def curve(connection: Connection, account: AccountId, period: Period) -> CurveRead:
    """Return the curve of a period: its last `LONGEST_CURVE` points where it has more."""
    wanted = ("as_of", "equity", "invested", "fees", "contributed")
    columns: list[Column[Any]] = [equity_points.c[name] for name in wanted]
    statement = _within(select(*columns), account, period)
    ordered = statement.order_by(equity_points.c.as_of.desc()).limit(LONGEST_CURVE)
    rows = connection.execute(ordered).all()[::-1]
    worth = np.array([float(row.equity) for row in rows])
    contributed = np.array([float(row.contributed) for row in rows])
    invested = np.array([float(row.invested) for row in rows])
    ratio = np.divide(invested, worth, out=np.zeros_like(worth), where=worth > 0)
    return CurveRead(
        start=rows[0].as_of if rows else None,
        end=rows[-1].as_of if rows else None,
        drawn=EquityCurve(
            seconds=np.array([row.as_of.timestamp() for row in rows], dtype=np.int64),
            equity=without_contributions(worth, contributed),
            worth=worth,
        ),
        contributed=contributed,
        invested_ratio=ratio,
        fees=_grown(rows, "fees"),
        gain=exact(MONEY.subtract(_grown(rows, "equity"), _grown(rows, "contributed"))),
        equity=rows[-1].equity if rows else None,
    )


def _grown(rows: Sequence[Row[Any]], name: str) -> Decimal:
    if not rows:
        return ZERO
    return exact(MONEY.subtract(getattr(rows[-1], name), getattr(rows[0], name)))


def _within(statement: Select[Any], account: AccountId, period: Period) -> Select[Any]:
    chosen = statement.where(equity_points.c.account == account)
    if period.start is not None:
        chosen = chosen.where(equity_points.c.as_of >= period.start)
    if period.end is not None:
        chosen = chosen.where(equity_points.c.as_of <= period.end)
    return chosen


def activity(connection: Connection, policy: BooksPolicy, read: CurveRead) -> Activity:
    """Return what was traded while the curve was drawn, in the currency of the account."""
    if read.start is None or read.end is None:
        return Activity(trips=(), traded_notional=ZERO, fees=ZERO)
    valuer = Valuer(policy=policy, prices=prices(connection))
    trips = select(round_trips).where(
        round_trips.c.account == policy.account,
        round_trips.c.closed_at >= read.start,
        round_trips.c.closed_at <= read.end,
    )
    amounts = select(ledger_entries.c.asset, ledger_entries.c.amount).where(
        ledger_entries.c.holder == policy.account,
        ledger_entries.c.asset.in_(sorted({policy.quote, *policy.currencies.quotes})),
        ledger_entries.c.source_kind == SourceKind.FILL,
        ledger_entries.c.leg.in_(NOTIONAL_LEGS),
        ledger_entries.c.booked_at >= read.start,
        ledger_entries.c.booked_at <= read.end,
    )
    return Activity(
        trips=tuple(_valued(trip_of(row), valuer) for row in connection.execute(trips)),
        traded_notional=total(
            abs(valuer.cash(row.asset, row.amount)) for row in connection.execute(amounts)
        ),
        fees=read.fees,
    )


def _valued(trip: RoundTrip, valuer: Valuer) -> RoundTrip:
    quote = split_symbol(trip.symbol)[1]
    is_own = quote == valuer.policy.quote
    return trip if is_own else valued(trip, valuer.cash(quote, ONE))


def closed_trips(
    connection: Connection,
    account: AccountId,
    symbol: str | None,
    before: tuple[datetime, str] | None,
    limit: int | None,
) -> tuple[RoundTrip, ...]:
    """Return closed round trips, the latest first."""
    statement = select(round_trips).where(
        round_trips.c.account == account, round_trips.c.closed_at.is_not(None)
    )
    if symbol is not None:
        statement = statement.where(round_trips.c.symbol == symbol)
    page = newest_first(statement, round_trips.c.closed_at, round_trips.c.trip_id, before)
    return tuple(trip_of(row) for row in connection.execute(page.limit(limit)))


def lots(
    connection: Connection,
    account: AccountId,
    symbol: str | None,
    after: tuple[datetime, str] | None,
    limit: int | None,
) -> tuple[Lot, ...]:
    """Return open lots, the oldest first."""
    statement = select(tax_lots).where(tax_lots.c.account == account, tax_lots.c.is_open.is_(True))
    if symbol is not None:
        statement = statement.where(tax_lots.c.symbol == symbol)
    page = oldest_first(statement, tax_lots.c.acquired_at, tax_lots.c.lot_id, after)
    return tuple(lot_of(row) for row in connection.execute(page.limit(limit)))


def ledger(connection: Connection) -> tuple[Entry, ...]:
    """Return every entry ever booked: what everything else must agree with."""
    statement = select(ledger_entries).order_by(
        ledger_entries.c.booked_at, ledger_entries.c.source_id, ledger_entries.c.leg
    )
    return tuple(
        Entry(
            holder=row.holder,
            asset=row.asset,
            amount=row.amount,
            source_kind=SourceKind(row.source_kind),
            source_id=row.source_id,
            leg=row.leg,
            booked_at=row.booked_at,
        )
        for row in connection.execute(statement)
    )
