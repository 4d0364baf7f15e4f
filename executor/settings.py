"""What the executor can be told."""

from typing import Literal

from pydantic import Field

from executor.core.matching import MatchingRules
from executor.core.planning import OrderPolicy
from shared.domain.enums import OrderType, TimeInForce
from shared.domain.values import to_decimal
from shared.runtime.settings import PlatformSettings, SectionSettings, section


class ExecutorSettings(SectionSettings):
    model_config = section("executor")

    venue: Literal["simulated"] = Field("simulated", description="where orders go")
    time_in_force: TimeInForce = Field(
        TimeInForce.IOC,
        description="ioc: what of an entry does not fill at once is canceled; gtc: it waits, "
        "at most until its horizon",
    )
    exit_type: OrderType = Field(
        OrderType.LIMIT,
        description="limit: recommended exits keep to their limit price; market: they leave anyhow",
    )
    participation_ratio: float = Field(
        0.1, gt=0, le=1, description="largest share of a candle's volume that is ours, ratio"
    )
    reconcile_seconds: float = Field(
        60.0, ge=1, le=86_400, description="pause between comparisons with the venue, seconds"
    )

    def rules(self, platform: PlatformSettings) -> MatchingRules:
        return MatchingRules(
            fee_ratio=to_decimal(platform.market.fee_ratio),
            slippage_ratio=to_decimal(platform.market.slippage_ratio),
            participation_ratio=to_decimal(self.participation_ratio),
        )

    def policy(self, platform: PlatformSettings) -> OrderPolicy:
        return OrderPolicy(
            mode=platform.mode,
            venue=platform.market.venue,
            entry_time_in_force=self.time_in_force,
            exit_type=self.exit_type,
        )
