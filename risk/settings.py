"""Settings of risk (RISK__..., or `risk:` in trading.yaml)."""

from typing import Any

from pydantic import Field

from risk.core.limits import BOUNDS, RiskLimits
from shared.runtime.settings import SectionSettings, section

_DEFAULTS = RiskLimits()


def _limit(name: str, description: str) -> Any:
    least, most = BOUNDS[name]
    return Field(getattr(_DEFAULTS, name), ge=least, le=most, description=description)


class RiskSettings(SectionSettings):
    """The limits an account starts with; `PUT /limits` changes them while running."""

    model_config = section("risk")

    max_position_ratio: float = _limit(
        "max_position_ratio", "largest position, share of equity, fees and worst price included"
    )
    max_exposure_ratio: float = _limit(
        "max_exposure_ratio", "largest sum of positions and promised entries, share of equity"
    )
    max_trades_per_day: int = _limit("max_trades_per_day", "approved entries in one day (UTC)")
    max_drawdown_ratio: float = _limit(
        "max_drawdown_ratio", "fall from the peak of equity, as a ratio, that stops entries"
    )
    max_book_age_candles: int = _limit(
        "max_book_age_candles", "candles the view of the account may lag behind"
    )
    max_price_age_candles: int = _limit(
        "max_price_age_candles", "candles for which a close may be acted on"
    )
    kelly_fraction: float = _limit("kelly_fraction", "ceiling of the share of full Kelly used")
    probability_quantile: float = _limit(
        "probability_quantile", "quantile of the posterior that stands for the probability"
    )
    prior_weight: float = _limit(
        "prior_weight", "labels the break-even probability counts for in the posterior"
    )
    correlation_floor: float = _limit(
        "correlation_floor", "correlation assumed between instruments"
    )
    rule_based_ratio: float = _limit(
        "rule_based_ratio", "size of entries without a probability, share of equity"
    )
    min_probability_margin: float = _limit(
        "min_probability_margin", "least distance of the probability from break-even"
    )
    min_barrier_costs: float = _limit(
        "min_barrier_costs", "least width of the bracket, in round-trip costs"
    )
    entry_collar_bps: int = _limit(
        "entry_collar_bps", "how much worse than the close an entry may fill, basis points"
    )
    exit_collar_bps: int = _limit(
        "exit_collar_bps", "how much worse than the close an exit may fill, basis points"
    )

    def limits(self) -> RiskLimits:
        return RiskLimits(**self.model_dump())
