"""What portfolio can be told."""

from decimal import Decimal

from pydantic import Field

from portfolio.core.books import BooksPolicy
from portfolio.core.disposals import LotMethod
from shared.domain.candle import shards
from shared.domain.values import ZERO
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
