"""Settings of the recommender (RECOMMENDER__..., or `recommender:` in trading.yaml)."""

from datetime import timedelta

from pydantic import Field

from recommender.core.book import Policy
from shared.domain.enums import Interval
from shared.domain.ids import AccountId
from shared.runtime.settings import SectionSettings, section


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

    def policy(self, account: AccountId, interval: Interval) -> Policy:
        return Policy(account=account, interval=interval, ttl_candles=self.ttl_candles)

    def max_book_age(self) -> timedelta:
        return timedelta(seconds=self.max_book_age_seconds)
