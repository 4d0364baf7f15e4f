"""A performance report, read in one transaction that only reads."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import Connection

from portfolio.core.books import BooksPolicy
from portfolio.core.flow import times
from portfolio.core.performance import candles_per_year, measure
from portfolio.core.periods import PeriodLength
from portfolio.core.position import Position
from portfolio.core.report import AccountReport, Drawing, OpenPosition, drawdowns, trades_of
from portfolio.repository import books, curve, reports
from portfolio.repository.profits import period_profits
from portfolio.repository.reports import Period
from shared.domain.clock import EPOCH
from shared.domain.ids import Symbol
from shared.domain.values import MONEY, exact


def account_report(connection: Connection, policy: BooksPolicy, period: Period) -> AccountReport:
    """Return what a period was like; positions are those of now."""
    account = policy.account
    read = reports.curve(connection, account, period)
    traded = reports.activity(connection, policy, read)
    prices = curve.prices(connection)
    months = period_profits(connection, account, PeriodLength.MONTH, _from_the_first(period))
    held = books.positions_of_account(connection, account)
    opening = books.contributed(connection, policy)
    return AccountReport(
        account=account,
        quote=policy.quote,
        interval=policy.interval,
        start=read.start,
        end=read.end,
        equity=opening if read.equity is None else read.equity,
        gain=read.gain,
        figures=measure(read.drawn, read.invested_ratio, traded, candles_per_year(policy.interval)),
        drawing=Drawing(
            curve=read.drawn,
            contributed=read.contributed,
            drawdown=drawdowns(read.drawn.equity),
            is_cut=read.is_cut,
        ),
        months=months,
        trades=trades_of(traded.trips),
        positions=tuple(_held(one, prices) for one in held if one.is_open),
    )


def _from_the_first(period: Period) -> Period:
    return period if period.start is not None else replace(period, start=EPOCH)


def _held(one: Position, prices: Mapping[Symbol, Decimal]) -> OpenPosition:
    price = prices.get(one.symbol)
    notional = None if price is None else times(one.quantity, price)
    return OpenPosition(
        symbol=one.symbol,
        quantity=one.quantity,
        average_cost=one.average_cost,
        price=price,
        notional=notional,
        unrealized_pnl=None
        if notional is None
        else exact(MONEY.subtract(notional, one.cost_basis)),
    )
