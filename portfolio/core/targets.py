"""What a rebalancing is asked for and planned from, and what a plan says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.enums import Side
from shared.domain.events import RebalanceStep
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.values import ZERO

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """`ratios` are shares of equity to hold; instruments not named keep what they have.

    Within `tolerance_ratio` of its target an instrument is left alone; beyond it, it is traded to
    the target, or with `to_edge` only back to the nearer edge of the band.
    """

    ratios: Mapping[Symbol, Decimal]
    tolerance_ratio: Decimal = ZERO
    to_edge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What trading costs as ratios of the notional, and how old a price may be.

    `warn_ratio`: a sum of shares above it is more than risk is likely to let be invested.
    """

    instruments: Mapping[Symbol, Instrument]
    fee_ratio: Decimal
    slippage_ratio: Decimal
    max_price_age: timedelta
    warn_ratio: Decimal = _ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is owned at `now`; `equity` in the currency of the account, `rates` into it by quote.

    `cash` by quote, as far as it may be spent.
    """

    equity: Decimal
    held: Mapping[Symbol, Decimal]
    cash: Mapping[str, Decimal]
    prices: Mapping[Symbol, Price]
    rates: Mapping[str, Decimal]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrade:
    """One step of a plan; `skipped` says why it would not be sent, `cut` why it is smaller."""

    symbol: Symbol
    quote: str
    side: Side
    quantity: Decimal
    price: Decimal
    notional: Decimal
    fee: Decimal
    slippage: Decimal
    current_ratio: Decimal
    target_ratio: Decimal
    planned_ratio: Decimal
    cut: str = ""
    skipped: str = ""

    @property
    def step(self) -> RebalanceStep:
        return RebalanceStep(
            symbol=self.symbol, side=self.side, quantity=self.quantity, price=self.price
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Trades, sales first; totals of those that would be sent, in the currency of the account."""

    trades: tuple[PlannedTrade, ...]
    warnings: tuple[str, ...]
    traded_notional: Decimal = ZERO
    fees: Decimal = ZERO
    slippage: Decimal = ZERO

    @property
    def steps(self) -> tuple[RebalanceStep, ...]:
        return tuple(one.step for one in self.trades if not one.skipped)
