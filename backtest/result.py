"""What a backtest answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from portfolio.core.performance import EquityCurve, Performance
from portfolio.core.trades import RoundTrip
from shared.domain.events import EquityMarked
from shared.domain.ids import Symbol
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation
from shared.domain.verdict import Approved, Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Equity after each candle; the first point is the opening balance before any of them.

    `seconds` is Unix time; `invested_ratio` has one value per candle.
    """

    seconds: NDArray[np.int64]
    equity: NDArray[np.float64]
    invested_ratio: NDArray[np.float64]

    @property
    def drawn(self) -> EquityCurve:
        return EquityCurve(seconds=self.seconds, equity=self.equity)

    @property
    def start(self) -> datetime:
        return datetime.fromtimestamp(int(self.seconds[0]), UTC)

    @property
    def end(self) -> datetime:
        return datetime.fromtimestamp(int(self.seconds[-1]), UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentOutcome:
    """One instrument's share of the result, in quote."""

    symbol: Symbol
    candles: int
    trades: int
    win_rate: float | None
    profit_factor: float | None
    realized_pnl: Decimal
    fees: Decimal
    buy_and_hold_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A curve and its figures: what every contender in a comparison has."""

    name: str
    curve: Curve
    performance: Performance


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Everything decided and done, in the order the services would have said it."""

    recommendations: tuple[Recommendation, ...]
    verdicts: tuple[Approved | Denied, ...]
    orders: tuple[OrderSnapshot, ...]
    fills: tuple[Fill, ...]
    trips: tuple[RoundTrip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    outcome: Outcome
    decisions: Decisions
    final: EquityMarked
    instruments: Mapping[Symbol, InstrumentOutcome]
