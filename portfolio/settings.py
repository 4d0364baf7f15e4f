"""What portfolio can be told."""

from decimal import Decimal

from pydantic import Field

from portfolio.core.books import BooksPolicy
from portfolio.core.disposals import LotMethod
from portfolio.core.targets import Terms
from shared.domain.candle import shards
from shared.domain.values import ZERO, to_decimal
from shared.runtime.settings import Mode, PlatformSettings, SectionSettings, section


class PortfolioSettings(SectionSettings):
    model_config = section("portfolio")

    opening_balance: Decimal = Field(
        Decimal(10_000),
        ge=0,
        le=Decimal(10**15),
        description="quote the account starts with, in mock and paper; live starts with none",
    )
    lot_method: LotMethod = Field(
        LotMethod.FIFO,
        description="which lot a sale takes first in reports: fifo, lifo or hifo",
    )

    max_price_age_candles: int = Field(
        3, ge=1, le=1000, description="candles for which a rebalancing may go by a close"
    )
    exposure_warning_ratio: float = Field(
        0.80,
        gt=0,
        le=1,
        description="invested share of equity above which a rebalancing warns that risk will cut",
    )

    def terms(self, platform: PlatformSettings) -> Terms:
        market = platform.market
        return Terms(
            instruments={one.symbol: one for one in market.catalogue()},
            fee_ratio=to_decimal(market.fee_ratio),
            slippage_ratio=to_decimal(market.slippage_ratio),
            max_price_age=self.max_price_age_candles * market.interval.delta,
            warn_ratio=to_decimal(self.exposure_warning_ratio),
        )

    def policy(self, platform: PlatformSettings) -> BooksPolicy:
        market = platform.market
        opening = ZERO if platform.mode is Mode.LIVE else self.opening_balance
        return BooksPolicy(
            account=platform.account,
            quote=market.quote,
            opening_balance=opening,
            interval=market.interval,
            shard_count=len(tuple(shards(market.symbols))),
            symbols=market.symbols,
        )
