"""The numbers a verdict goes by: each with its least, its most, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import lru_cache
from typing import Any

from shared.domain.kelly import FRACTION_CEILING, LOWER_BOUND_QUANTILE, PRIOR_WEIGHT
from shared.domain.values import to_decimal

_BPS = Decimal(10_000)
_FACTS = "facts"

as_ratio = lru_cache(maxsize=64)(to_decimal)  # limits are few, and asked for at every verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFacts:
    """What may be said of one limit; a whole number where `default` is one."""

    default: float
    least: float
    most: float
    meaning: str

    @property
    def kind(self) -> type[float]:
        return type(self.default)


def _limit(default: float, bounds: tuple[float, float], meaning: str) -> Any:
    least, most = bounds
    facts = LimitFacts(default=default, least=least, most=most, meaning=meaning)
    return field(default=default, metadata={_FACTS: facts})


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Ratios are shares of equity unless said otherwise; `limit_facts` tells bounds and meaning."""

    version: int = 0
    max_position_ratio: float = _limit(
        0.05,
        (0.0001, 1.0),
        "largest sum of positions in one asset, share of equity, fees and worst price included",
    )
    max_symbol_ratio: float = _limit(
        0.05, (0.0001, 1.0), "largest position of one instrument, share of equity"
    )
    max_exposure_ratio: float = _limit(
        0.80, (0.0001, 1.0), "largest sum of positions and promised entries, share of equity"
    )
    max_source_ratio: float = _limit(
        0.80, (0.0001, 1.0), "largest sum of what one source of signals asked for, share of equity"
    )
    max_cluster_ratio: float = _limit(
        0.40, (0.0001, 1.0), "largest sum of instruments that move together, share of equity"
    )
    max_venue_ratio: float = _limit(
        0.80, (0.0001, 1.0), "largest sum of positions at one venue, share of equity"
    )
    cluster_correlation: float = _limit(
        0.90, (0.0, 1.0), "correlation from which instruments count as moving together"
    )
    max_trades_per_day: int = _limit(200, (0, 1_000_000), "approved entries in one day (UTC)")
    max_orders_per_minute: int = _limit(500, (0, 1_000_000), "approved entries in one minute")
    max_drawdown_ratio: float = _limit(
        0.20, (0.001, 1.0), "fall from the peak of equity, as a ratio, that stops entries"
    )
    max_day_loss_ratio: float = _limit(
        0.10, (0.001, 1.0), "loss since midnight (UTC), share of that equity, that stops entries"
    )
    max_losses_in_row: int = _limit(
        8, (1, 1000), "losing round trips in a row that begin a pause of entries"
    )
    loss_pause_seconds: int = _limit(3600, (0, 604_800), "length of that pause, seconds")
    max_failure_ratio: float = _limit(
        0.5, (0.01, 1.0), "share of orders refused or unknown, in the window, that stops entries"
    )
    min_failure_orders: int = _limit(
        10, (1, 100_000), "orders in the window before that share counts"
    )
    failure_window_seconds: int = _limit(600, (10, 86_400), "the window of that share, seconds")
    max_book_age_candles: int = _limit(
        1, (0, 1000), "candles the view of the account may lag behind"
    )
    max_price_age_candles: int = _limit(1, (0, 1000), "candles for which a close may be acted on")
    max_silence_candles: int = _limit(
        5, (1, 1000), "candles' time without any candle that stops entries"
    )
    price_collar_bps: int = _limit(
        200, (1, 10_000), "distance of a price from the last trade, basis points"
    )
    max_spread_bps: int = _limit(
        100, (1, 10_000), "widest spread of an instrument that is entered, basis points"
    )
    max_quote_age_seconds: int = _limit(
        60, (1, 86_400), "age of the best prices that still count, seconds"
    )
    max_volatility_ratio: float = _limit(
        5.0, (1.0, 1000.0), "recent volatility over the usual one at which entries pause"
    )
    kelly_fraction: float = _limit(
        FRACTION_CEILING, (0.0001, FRACTION_CEILING), "ceiling of the share of full Kelly used"
    )
    probability_quantile: float = _limit(
        LOWER_BOUND_QUANTILE,
        (0.001, 0.5),
        "quantile of the posterior that stands for the probability",
    )
    prior_weight: float = _limit(
        PRIOR_WEIGHT,
        (0.0, 1_000_000.0),
        "labels the break-even probability counts for in the posterior",
    )
    correlation_floor: float = _limit(
        0.3, (0.0, 1.0), "least correlation assumed between instruments"
    )
    rule_based_ratio: float = _limit(
        0.05, (0.0001, 1.0), "size of entries without a probability, share of equity"
    )
    min_probability_margin: float = _limit(
        0.01, (0.0, 0.5), "least distance of the probability from break-even"
    )
    min_barrier_costs: float = _limit(
        10.0, (0.0, 1000.0), "least width of the bracket, in round-trip costs"
    )
    entry_collar_bps: int = _limit(
        50, (0, 2000), "how much worse than the close an entry may fill, basis points"
    )
    exit_collar_bps: int = _limit(
        500, (0, 9000), "how much worse than the close an exit may fill, basis points"
    )

    @property
    def entry_collar(self) -> Decimal:
        return self.entry_collar_bps / _BPS

    @property
    def exit_collar(self) -> Decimal:
        return self.exit_collar_bps / _BPS

    @property
    def entry_ratio(self) -> float:
        """The largest share of equity that one entry may get."""
        return min(self.max_position_ratio, self.max_symbol_ratio)

    def position_cap(self, equity: Decimal) -> Decimal:
        return as_ratio(self.max_position_ratio) * equity

    def exposure_cap(self, equity: Decimal) -> Decimal:
        return as_ratio(self.max_exposure_ratio) * equity


def limit_facts() -> Mapping[str, LimitFacts]:
    """Return every limit by its name, in the order of `RiskLimits`; the version is none."""
    return {one.name: one.metadata[_FACTS] for one in fields(RiskLimits) if one.metadata}


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

    @property
    def proceeds_factor(self) -> Decimal:
        """What a sale brings of its price, slippage and fee taken off."""
        return (1 - as_ratio(self.slippage_ratio)) * (1 - as_ratio(self.fee_ratio))
