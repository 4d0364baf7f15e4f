"""Everything a performance report tells of one account and period."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from portfolio.core.attribution import Share, best, by_source, by_symbol, together, worst
from portfolio.core.performance import EquityCurve, Performance, Series
from portfolio.core.periods import PeriodProfit
from portfolio.core.trades import RoundTrip
from shared.domain.ids import Symbol

SHOWN_TRADES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The account over time: what it was worth, what had been paid in, how far below its peak.

    `drawdown` is positive and without what was paid in or out; `is_cut`: there was more before.
    """

    curve: EquityCurve
    contributed: Series
    drawdown: Series
    is_cut: bool

    @property
    def worth(self) -> Series:
        return self.curve.equity if self.curve.worth is None else self.curve.worth

    @property
    def has_payments(self) -> bool:
        return bool(len(self.contributed)) and bool(np.ptp(self.contributed))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """What is held now; price and gain are None where there is no price. In the quote of each."""

    symbol: Symbol
    quantity: Decimal
    average_cost: Decimal
    price: Decimal | None
    notional: Decimal | None
    unrealized_pnl: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """The round trips that closed in the period, in the currency of the account."""

    total: Share
    by_symbol: tuple[Share, ...]
    by_source: tuple[Share, ...]
    best: tuple[RoundTrip, ...]
    worst: tuple[RoundTrip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    """`equity` is the last mark of the period, or the opening balance before there is one."""

    account: str
    quote: str
    interval: str
    start: datetime | None
    end: datetime | None
    equity: Decimal
    gain: Decimal
    figures: Performance
    drawing: Drawing
    months: tuple[PeriodProfit, ...]
    trades: Trades
    positions: tuple[OpenPosition, ...]


def drawdowns(equity: Series) -> Series:
    """Return the fall from the running peak at every point as a positive ratio."""
    peaks = np.maximum.accumulate(equity)
    return np.divide(peaks - equity, peaks, out=np.zeros_like(equity), where=peaks > 0)


def trades_of(trips: Iterable[RoundTrip]) -> Trades:
    closed: Sequence[RoundTrip] = [trip for trip in trips if trip.closed_at is not None]
    return Trades(
        total=together(closed),
        by_symbol=by_symbol(closed),
        by_source=by_source(closed),
        best=best(closed, SHOWN_TRADES),
        worst=worst(closed, SHOWN_TRADES),
    )
