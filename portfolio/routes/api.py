"""The routes of interfaces.md section 3, :8026."""

from dataclasses import asdict, replace
from datetime import datetime

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from portfolio.core.equity import mark
from portfolio.core.performance import candles_per_year, measure
from portfolio.core.purses import Balance
from portfolio.repository import books, curve, reports
from portfolio.routes.answers import (
    BalanceOut,
    EquityOut,
    PerformanceOut,
    PositionOut,
    ProfitOut,
    StatusOut,
    TradeOut,
)
from portfolio.routes.desk import Desk, FromQuery, SymbolQuery, ToQuery, period_of
from portfolio.routes.lots import add_lots
from portfolio.routes.periods import add_periods
from portfolio.routes.report import add_report
from shared.domain.clock import EPOCH
from shared.domain.events import EquityMarked
from shared.domain.values import MONEY, exact
from shared.http.auth import require
from shared.http.paging import (
    Cursor,
    Limit,
    Page,
    decode_instant,
    decode_place,
    encode_cursor,
)


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["portfolio"], dependencies=[Depends(require("read"))])
    _add_account(routes, desk)
    _add_profit(routes, desk)
    _add_lists(routes, desk)
    add_lots(routes, desk)
    add_periods(routes, desk)
    add_report(routes, desk)
    return routes


def _add_account(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/status", summary="The account at a glance")
    def status() -> StatusOut:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            marked, as_of = _current(connection, desk)
        return StatusOut(
            account=desk.policy.account,
            as_of=as_of,
            quote=desk.policy.quote,
            equity=marked.equity,
            cash=marked.cash,
            invested=exact(MONEY.subtract(marked.equity, marked.cash)),
            peak_equity=marked.peak_equity,
            day_start_equity=marked.day_start_equity,
            drawdown_ratio=marked.drawdown_ratio,
            open_positions=len(marked.positions),
        )

    @routes.get("/positions", summary="Open positions; closed ones too with include_closed")
    def positions(*, include_closed: bool = False) -> list[PositionOut]:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            known = curve.prices(connection)
            held = books.positions_of_account(connection, desk.policy.account)
        chosen = (one for one in held if one.is_open or include_closed)
        return [PositionOut.of(one, known.get(one.symbol)) for one in chosen]

    @routes.get("/balance", summary="What the account owns, by asset")
    def balance() -> list[BalanceOut]:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            owned = books.purses(connection, desk.policy.account)
        nothing = Balance(asset=desk.policy.quote, free=desk.policy.opening_balance)
        owned.setdefault(desk.policy.quote, nothing)
        return [BalanceOut.model_validate(one) for _, one in sorted(owned.items())]


def _add_profit(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/profit", summary="Profit and loss since the account was opened")
    def profit() -> ProfitOut:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            marked, _ = _current(connection, desk)
            trips = reports.closed_trips(connection, desk.policy.account, None, None, None)
            opening = books.opening_balance(connection, desk.policy)
            contributed = books.contributed(connection, desk.policy)
        gain = MONEY.subtract(marked.equity, contributed)
        return ProfitOut(
            quote=desk.policy.quote,
            opening_balance=opening,
            contributed=contributed,
            equity=marked.equity,
            realized_pnl=marked.realized_pnl,
            unrealized_pnl=marked.unrealized_pnl,
            fees=marked.fees,
            return_ratio=exact(MONEY.divide(gain, contributed)) if contributed > 0 else None,
            trades=len(trips),
            winners=sum(trip.pnl > 0 for trip in trips),
            losers=sum(trip.pnl < 0 for trip in trips),
        )

    @routes.get("/performance", summary="Return, risk and trading figures of a period")
    def performance(start: FromQuery = None, end: ToQuery = None) -> PerformanceOut:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            read = reports.curve(connection, desk.policy.account, period_of(start, end))
            traded = reports.activity(connection, desk.policy, read)
        per_year = candles_per_year(desk.policy.interval)
        figures = measure(read.drawn, read.invested_ratio, traded, per_year)
        return PerformanceOut(start=read.start, end=read.end, **asdict(figures))


def _add_lists(routes: APIRouter, desk: Desk) -> None:
    account = desk.policy.account

    @routes.get("/equity", summary="The equity curve, one point per candle")
    def equity(  # pyright: ignore[reportUnusedFunction]
        start: FromQuery = None, end: ToQuery = None, limit: Limit = 100, cursor: Cursor = None
    ) -> Page[EquityOut]:
        after = None if cursor is None else decode_instant(cursor)
        with desk.transactions.read() as connection:
            rows = reports.equity_page(connection, account, period_of(start, end), after, limit)
        last = encode_cursor([rows[-1].as_of]) if len(rows) == limit else None
        return Page(items=[EquityOut.model_validate(row) for row in rows], next_cursor=last)

    @routes.get("/trades", summary="Closed round trips, the latest first")
    def trades(  # pyright: ignore[reportUnusedFunction]
        symbol: SymbolQuery = None, limit: Limit = 100, cursor: Cursor = None
    ) -> Page[TradeOut]:
        known = desk.known(symbol)
        before = None if cursor is None else decode_place(cursor)
        with desk.transactions.read() as connection:
            trips = reports.closed_trips(connection, account, known, before, limit)
        full = len(trips) == limit
        last = encode_cursor([trips[-1].closed_at, trips[-1].trip_id]) if full else None
        return Page(items=[TradeOut.of(trip) for trip in trips], next_cursor=last)


def _current(connection: Connection, desk: Desk) -> tuple[EquityMarked, datetime | None]:
    """Mark what is owned now at the latest prices; the instant is that of the last mark."""
    last = curve.watermark(connection, desk.policy)
    holdings = books.holdings(connection, desk.policy)
    marked = mark(holdings, curve.prices(connection), last, last.as_of or EPOCH)
    return replace(marked, day_start_equity=last.day_start_equity), last.as_of
