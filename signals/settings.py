"""Settings of the signals service (SIGNALS__..., or `signals:` in trading.yaml)."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, field_validator

from shared.runtime.settings import SectionSettings, section
from signals.core.combine import COMBINED, ML, PIPELINE
from signals.core.rules import RULE, RulePolicy
from signals.routes import SourceName

Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class SignalsSettings(SectionSettings):
    """Who is asked and how much it counts, and the shape of the baseline's bracket."""

    model_config = section("signals")

    ml_weight: float = Field(0.7, ge=0, le=100, description="weight of the models")
    ema_rsi_weight: float = Field(0.3, ge=0, le=100, description="weight of the EMA/RSI baseline")
    external_weights: dict[SourceName, Weight] = Field(
        default_factory=dict[SourceName, Weight],
        description="weights of sources that post signals, by name; a source not named weighs 0",
    )
    threshold: float = Field(
        0.5, gt=0, le=1, description="share of all weights that must agree before anything is done"
    )
    horizon_candles: int = Field(
        24, ge=1, le=10_000, description="candles a baseline trade may live"
    )
    stop_multiple: float = Field(
        1.0, gt=0, le=20, description="stop distance in units of sigma x sqrt(horizon)"
    )
    target_multiple: float = Field(
        1.0, gt=0, le=20, description="target distance in units of sigma x sqrt(horizon)"
    )
    min_barrier_ratio: float = Field(
        0.001, gt=0, le=0.5, description="a closer stop is not traded, ratio of price"
    )
    max_barrier_ratio: float = Field(
        0.5, gt=0, lt=1, description="a farther stop is not traded, ratio of price"
    )

    @field_validator("external_weights")
    @classmethod
    def _not_ours(cls, weights: dict[str, float]) -> dict[str, float]:
        for name in (*PIPELINE, COMBINED):
            if name in weights:
                raise ValueError(f"'{name}' is no source from outside; leave it out")
        return weights

    def rules(self) -> RulePolicy:
        return RulePolicy(
            horizon_candles=self.horizon_candles,
            stop_multiple=self.stop_multiple,
            target_multiple=self.target_multiple,
            min_barrier_ratio=self.min_barrier_ratio,
            max_barrier_ratio=self.max_barrier_ratio,
        )

    def weights(self) -> Mapping[str, float]:
        return {**self.external_weights, ML: self.ml_weight, RULE: self.ema_rsi_weight}
