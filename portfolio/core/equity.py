"""What the account is worth at one instant, and how far below its peak that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from portfolio.core.flow import times
from portfolio.core.position import Position
from shared.domain.events import EquityMarked, PositionMark
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """What the next mark needs of the last; before the first, the opening and no instant."""

    as_of: datetime | None
    equity: Decimal
    peak_equity: Decimal
    day_start_equity: Decimal


def opening_watermark(opening_balance: Decimal) -> Watermark:
    return Watermark(
        as_of=None,
        equity=opening_balance,
        peak_equity=opening_balance,
        day_start_equity=opening_balance,
    )


def watermark_of(marked: EquityMarked) -> Watermark:
    return Watermark(
        as_of=marked.as_of,
        equity=marked.equity,
        peak_equity=marked.peak_equity,
        day_start_equity=marked.day_start_equity,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Everything the account owns; closed positions still carry what they earned."""

    account: AccountId
    cash: Decimal
    positions: Sequence[Position]


def mark(
    holdings: Holdings, prices: Mapping[Symbol, Decimal], previous: Watermark, as_of: datetime
) -> EquityMarked:
    """Return the account's worth at `as_of`; an unknown price values a position at its cost.

    The peak includes unrealised gains. A day starts with the equity at midnight UTC, which is
    the mark of that instant, or the last one before it where midnight was not marked.
    """
    marks = tuple(_marked(position, prices) for position in holdings.positions if position.is_open)
    notional = total(mark.notional for mark in marks)
    cost = total(position.cost_basis for position in holdings.positions)
    equity = exact(MONEY.add(holdings.cash, notional))
    peak = max(previous.peak_equity, equity)
    return EquityMarked(
        account=holdings.account,
        as_of=as_of,
        equity=equity,
        cash=holdings.cash,
        peak_equity=peak,
        day_start_equity=_day_start(previous, equity, as_of),
        drawdown_ratio=drawdown(equity, peak),
        realized_pnl=total(position.realized_pnl for position in holdings.positions),
        unrealized_pnl=exact(MONEY.subtract(notional, cost)),
        fees=total(position.fees for position in holdings.positions),
        positions=marks,
    )


def drawdown(equity: Decimal, peak: Decimal) -> Decimal:
    """Return the fall from the peak as a positive ratio."""
    if peak <= 0:
        return ZERO
    return exact(MONEY.divide(MONEY.subtract(peak, equity), peak))


def total(amounts: Iterable[Decimal]) -> Decimal:
    result = ZERO
    for amount in amounts:
        result = MONEY.add(result, amount)
    return exact(result)


def _marked(position: Position, prices: Mapping[Symbol, Decimal]) -> PositionMark:
    price = prices.get(position.symbol)
    if price is None:
        return PositionMark(
            symbol=position.symbol,
            quantity=position.quantity,
            price=position.average_cost,
            notional=position.cost_basis,
        )
    return PositionMark(
        symbol=position.symbol,
        quantity=position.quantity,
        price=price,
        notional=times(position.quantity, price),
    )


def _day_start(previous: Watermark, equity: Decimal, as_of: datetime) -> Decimal:
    if as_of.time() == time.min:
        return equity
    if previous.as_of is None or previous.as_of.date() != as_of.date():
        return previous.equity
    return previous.day_start_equity
