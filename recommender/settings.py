"""Settings of the recommender (RECOMMENDER__..., or `recommender:` in trading.yaml)."""

from datetime import timedelta

from pydantic import Field

from recommender.core.book import Policy
from shared.runtime.settings import PlatformSettings, SectionSettings, section


class RecommenderSettings(SectionSettings):
    """How long a proposal stands, and how old the view of the account may be."""

    model_config = section("recommender")

    ttl_candles: int = Field(
        1, ge=1, le=24, description="candles for which a proposal may still be acted on"
    )
    max_book_age_seconds: int = Field(
        0,
        ge=0,
        le=86_400,
        description="how far the account's view may lag behind the candle decided on, seconds",
    )

    rebalance_wait_candles: int = Field(
        3,
        ge=1,
        le=1000,
        description="candles for which what a rebalancing buys may wait for what it sells",
    )

    def policy(self, platform: PlatformSettings) -> Policy:
        market = platform.market
        return Policy(
            account=platform.account,
            interval=market.interval,
            ttl_candles=self.ttl_candles,
            lots={one.symbol: one.lot_size for one in market.catalogue()},
            rebalance_wait_candles=self.rebalance_wait_candles,
        )

    def max_book_age(self) -> timedelta:
        return timedelta(seconds=self.max_book_age_seconds)
