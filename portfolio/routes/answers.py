"""The documents portfolio answers with."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from portfolio.core.flow import times
from portfolio.core.position import Position
from portfolio.core.trades import RoundTrip
from shared.domain.values import MONEY, exact
from shared.http.values import MoneyText


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StatusOut(Document):
    """The account at its last mark; before the first one, its opening balance."""

    account: str
    as_of: datetime | None
    quote: str
    equity: MoneyText
    cash: MoneyText
    invested: MoneyText
    peak_equity: MoneyText
    day_start_equity: MoneyText
    drawdown_ratio: MoneyText
    open_positions: int


class PositionOut(Document):
    symbol: str
    quantity: MoneyText
    average_cost: MoneyText
    cost_basis: MoneyText
    price: MoneyText | None
    notional: MoneyText | None
    unrealized_pnl: MoneyText | None
    realized_pnl: MoneyText
    fees: MoneyText
    opened_at: datetime | None

    @classmethod
    def of(cls, position: Position, price: Decimal | None) -> "PositionOut":
        notional = None if price is None else times(position.quantity, price)
        gain = None if notional is None else exact(MONEY.subtract(notional, position.cost_basis))
        return cls(
            symbol=position.symbol,
            quantity=position.quantity,
            average_cost=position.average_cost,
            cost_basis=position.cost_basis,
            price=price,
            notional=notional,
            unrealized_pnl=gain,
            realized_pnl=position.realized_pnl,
            fees=position.fees,
            opened_at=position.opened_at,
        )


class BalanceOut(Document):
    """`free` is traded with, `aside` lies on the account too; `fees` were paid in it so far."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    asset: str
    free: MoneyText
    aside: MoneyText
    fees: MoneyText


class ProfitOut(Document):
    """Everything since the account was opened, in quote; `trades` counts closed round trips.

    `contributed` is what it was opened with and what came and went beside trading; the return is
    measured from what was put in.
    `return_ratio` is null for an account that was opened with nothing.
    """

    quote: str
    opening_balance: MoneyText
    contributed: MoneyText
    equity: MoneyText
    realized_pnl: MoneyText
    unrealized_pnl: MoneyText
    fees: MoneyText
    return_ratio: MoneyText | None
    trades: int
    winners: int
    losers: int


class PerformanceOut(Document):
    """Ratios are fractions; null where a figure is not defined: no losses, no time, no money."""

    start: datetime | None
    end: datetime | None
    candles: int
    return_ratio: float | None
    cagr: float | None
    volatility: float
    sharpe: float
    sortino: float
    calmar: float | None
    max_drawdown_ratio: float
    longest_drawdown_seconds: int
    value_at_risk_ratio: float | None
    expected_shortfall_ratio: float | None
    best_day_ratio: float | None
    worst_day_ratio: float | None
    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: MoneyText | None
    average_win: MoneyText | None
    average_loss: MoneyText | None
    turnover: float
    fees: MoneyText
    exposure_ratio: float


class EquityOut(Document):
    """One mark; `contributed` is what was paid in so far, less what went out."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    as_of: datetime
    equity: MoneyText
    cash: MoneyText
    invested: MoneyText
    peak_equity: MoneyText
    day_start_equity: MoneyText
    drawdown_ratio: MoneyText
    realized_pnl: MoneyText
    unrealized_pnl: MoneyText
    fees: MoneyText
    contributed: MoneyText


class TradeOut(Document):
    """One closed round trip; cost and proceeds are net of fees, slippage is in them.

    `source` believed in its entry; `trading trace DECISION_ID` tells how it came about.
    """

    trip_id: str
    symbol: str
    opened_at: datetime
    closed_at: datetime | None
    quantity: MoneyText
    cost: MoneyText
    proceeds: MoneyText
    fees: MoneyText
    pnl: MoneyText
    slippage: MoneyText
    return_ratio: MoneyText
    exit_reason: str | None
    source: str
    decision_id: str | None

    @classmethod
    def of(cls, trip: RoundTrip) -> "TradeOut":
        return cls(
            trip_id=trip.trip_id,
            symbol=trip.symbol,
            opened_at=trip.opened_at,
            closed_at=trip.closed_at,
            quantity=trip.bought,
            cost=trip.cost,
            proceeds=trip.proceeds,
            fees=trip.fees,
            pnl=trip.pnl,
            return_ratio=trip.return_ratio,
            slippage=trip.slippage,
            exit_reason=trip.exit_reason,
            source=trip.origin,
            decision_id=trip.decision_id,
        )
