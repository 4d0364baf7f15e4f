"""What a backtest is given: candles as arrays, and the policies the services would run with."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from executor.core.matching import Listing, MatchingRules
from executor.core.planning import OrderPolicy
from models.dataset import CandleArrays
from models.scorer import ServingModel
from recommender.core.book import Policy
from risk.core.review import Terms
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, Symbol
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

    def listing(self, symbol: Symbol) -> Listing:
        """Return the instrument as the simulated venue trades it.

        Raises:
            BadInput: candles were given for an instrument that is not traded.
        """
        instrument = self.risk.instruments.get(symbol)
        if instrument is None:
            raise BadInput("data", f"{symbol} is not traded", "name it among the instruments")
        return Listing(instrument=instrument, rules=self.matching, policy=self.orders)
