"""What a backtest is given: candles as arrays, and the policies the services would run with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from executor.core.matching import Listing, MatchingRules
from executor.core.planning import OrderPolicy
from models.dataset import CandleArrays
from models.scorer import ServingModel
from portfolio.core.currencies import Currencies, rates
from recommender.core.book import Policy
from risk.core.review import Terms
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import split_symbol
from signal_generator.core.scoring import ScoringPolicy
from signals.core.combine import Mixture
from signals.core.rules import RulePolicy

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """The model that speaks for an instrument; `is_fallback`: in place of one that failed."""

    model: ServingModel
    is_fallback: bool = False


Speakers = Mapping[Symbol, Speaker]


def validate(symbol: Symbol, arrays: CandleArrays) -> None:
    """Refuse what the services would never have been given.

    Raises:
        BadInput: prices that are not positive numbers, or times out of order or repeated.
    """
    prices = arrays.ohlcv[:, : CLOSE + 1]
    if not bool(np.all(np.isfinite(prices) & (prices > 0))):
        raise BadInput("data", f"{symbol} has a price that is none", "import the candles first")
    highest, lowest = arrays.ohlcv[:, HIGH], arrays.ohlcv[:, LOW]
    if bool(np.any((prices > highest[:, np.newaxis]) | (prices < lowest[:, np.newaxis]))):
        raise BadInput("data", f"{symbol} has prices beyond high and low", "repair the candles")
    volume = arrays.ohlcv[:, VOLUME]
    if not bool(np.all(np.isfinite(volume) & (volume >= 0))):
        raise BadInput("data", f"{symbol} has a volume that is none", "import the candles first")
    if bool(np.any(np.diff(arrays.closed_at) <= 0)):
        raise BadInput("data", f"{symbol} is not in order of time", "import the candles first")


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSpec:
    """The policies of every service, as their settings would make them.

    `mixture` weighs the sources; one with weight 0 is not asked. `risk` names the instruments.
    `opening_balances`: what there is of other quotes, where instruments are paid in several.
    """

    account: AccountId
    interval: Interval
    opening_balance: Decimal
    rules: RulePolicy
    scoring: ScoringPolicy
    mixture: Mixture
    recommender: Policy
    risk: Terms
    orders: OrderPolicy
    matching: MatchingRules
    currencies: Currencies | None = None
    opening_balances: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])

    @property
    def opening_total(self) -> Decimal:
        """Return what the account starts with; other quotes count as much as its own."""
        return sum(self.opening_balances.values(), self.opening_balance)

    def refuse_moving_rates(self, symbols: Iterable[Symbol]) -> None:
        """Refuse what a backtest cannot follow: quotes whose worth is not fixed.

        Raises:
            BadInput: a quote that is no dollar coin at parity, or a pair of two quotes.
        """
        known = self.currencies
        if known is None or known.is_one:
            return
        fixed = rates(known, {})
        for quote in known.quotes:
            if quote not in fixed:
                what = f"what {quote} is worth in {known.reporting} moves with the market"
                raise BadInput(
                    "MARKET__INSTRUMENTS", what, "test instruments of one quote at a time"
                )
        for symbol in symbols:
            base, _quote = split_symbol(symbol)
            if base in known.quotes:
                what = f"{symbol} prices one quote in another, and a backtest takes both as equal"
                raise BadInput("MARKET__INSTRUMENTS", what, "leave it out of the backtest")

    def listing(self, symbol: Symbol) -> Listing:
        """Return the instrument as the simulated venue trades it.

        Raises:
            BadInput: candles were given for an instrument that is not traded.
        """
        instrument = self.risk.instruments.get(symbol)
        if instrument is None:
            raise BadInput("data", f"{symbol} is not traded", "name it among the instruments")
        return Listing(instrument=instrument, rules=self.matching, policy=self.orders)
