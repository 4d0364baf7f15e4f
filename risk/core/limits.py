"""What the account may do; changed by people, versioned, and named in every verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from shared.domain.kelly import FRACTION_CEILING, LOWER_BOUND_QUANTILE, PRIOR_WEIGHT
from shared.domain.values import to_decimal

_BPS = Decimal(10_000)

as_ratio = lru_cache(maxsize=64)(to_decimal)  # limits are few, and asked for at every verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Ratios are shares of equity unless said otherwise.

    max_book_age_candles    how far the view of the account may lag behind the candle decided on
    max_price_age_candles   how long after that candle its close may still be acted on
    kelly_fraction          ceiling of the share of full Kelly that is used
    probability_quantile    quantile of the posterior that stands for the probability
    prior_weight            labels the break-even probability counts for in that posterior
    correlation_floor       correlation assumed between instruments
    rule_based_ratio        size of a signal that carries no edge
    min_probability_margin  least distance of the cautious probability from break-even
    min_barrier_costs       least width of the bracket, in round-trip costs
    entry_collar_bps        how much worse than the close an entry may fill
    exit_collar_bps         the same for exits: leaving matters more than the price
    """

    version: int = 0
    max_position_ratio: float = 0.05
    max_exposure_ratio: float = 0.80
    max_trades_per_day: int = 200
    max_drawdown_ratio: float = 0.20
    max_book_age_candles: int = 1
    max_price_age_candles: int = 1
    kelly_fraction: float = FRACTION_CEILING
    probability_quantile: float = LOWER_BOUND_QUANTILE
    prior_weight: float = PRIOR_WEIGHT
    correlation_floor: float = 0.3
    rule_based_ratio: float = 0.05
    min_probability_margin: float = 0.01
    min_barrier_costs: float = 10.0
    entry_collar_bps: int = 50
    exit_collar_bps: int = 500

    @property
    def entry_collar(self) -> Decimal:
        return self.entry_collar_bps / _BPS

    @property
    def exit_collar(self) -> Decimal:
        return self.exit_collar_bps / _BPS

    def position_cap(self, equity: Decimal) -> Decimal:
        return as_ratio(self.max_position_ratio) * equity

    def exposure_cap(self, equity: Decimal) -> Decimal:
        return as_ratio(self.max_exposure_ratio) * equity


BOUNDS: Mapping[str, tuple[float, float]] = {
    "max_position_ratio": (0.0001, 1.0),
    "max_exposure_ratio": (0.0001, 1.0),
    "max_trades_per_day": (0, 1_000_000),
    "max_drawdown_ratio": (0.001, 1.0),
    "max_book_age_candles": (0, 1000),
    "max_price_age_candles": (0, 1000),
    "kelly_fraction": (0.0001, FRACTION_CEILING),
    "probability_quantile": (0.001, 0.5),
    "prior_weight": (0.0, 1_000_000.0),
    "correlation_floor": (0.0, 1.0),
    "rule_based_ratio": (0.0001, 1.0),
    "min_probability_margin": (0.0, 0.5),
    "min_barrier_costs": (0.0, 1000.0),
    "entry_collar_bps": (0, 2000),
    "exit_collar_bps": (0, 9000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What trading costs per side, as ratios of the notional and of the price."""

    fee_ratio: float
    slippage_ratio: float

    @property
    def round_trip(self) -> float:
        return 2 * (self.fee_ratio + self.slippage_ratio)

    @property
    def fee_factor(self) -> Decimal:
        return 1 + as_ratio(self.fee_ratio)
