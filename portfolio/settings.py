"""What portfolio can be told."""

from decimal import Decimal

from pydantic import Field

from portfolio.core.books import BooksPolicy
from portfolio.core.currencies import DOLLARS
from portfolio.core.disposals import LotMethod
from portfolio.core.sweep import Sweep
from portfolio.core.targets import Terms
from shared.domain.candle import shards
from shared.domain.ids import Symbol
from shared.domain.values import ZERO, to_decimal
from shared.runtime.settings import (
    ConfigurationError,
    Mode,
    PlatformSettings,
    SectionSettings,
    section,
)

OFF = "off"
_MOST = Decimal(10**15)


class PortfolioSettings(SectionSettings):
    model_config = section("portfolio")

    opening_balance: Decimal = Field(
        Decimal(10_000),
        ge=0,
        le=_MOST,
        description="quote the account starts with, in mock and paper; live starts with none",
    )
    opening_balances: dict[str, Decimal] = Field(
        default_factory=dict[str, Decimal],
        description='what it starts with of other quotes, in mock and paper: {"USDC": 5000}',
    )
    stable_parity: bool = Field(
        default=True,
        description="a dollar coin whose price is not traded here counts as one dollar; otherwise "
        "it has no value and nothing is bought with it",
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

    cash_sweep: str = Field(
        OFF,
        max_length=32,
        description="off, or the instrument that idle cash of its quote buys once a day; of two "
        "dollar coins, for example USDC-USD",
    )
    cash_reserve_ratio: float = Field(
        0.20, ge=0, le=1, description="share of equity that a cash sweep leaves as cash"
    )

    def sweep(self, platform: PlatformSettings) -> Sweep | None:
        """Return what idle cash goes into, None where it stays.

        Raises:
            ConfigurationError: an instrument that is not traded, or is more than a dollar coin.
        """
        if self.cash_sweep == OFF:
            return None
        known = {one.symbol: one for one in platform.market.catalogue()}
        chosen = known.get(Symbol(self.cash_sweep))
        if chosen is None or not {chosen.base, chosen.quote} <= DOLLARS:
            raise ConfigurationError(
                f"PORTFOLIO__CASH_SWEEP: '{self.cash_sweep}' must be off, or one of "
                "MARKET__INSTRUMENTS that has a dollar coin on both sides, for example USDC-USD"
            )
        return Sweep(instrument=chosen, reserve_ratio=to_decimal(self.cash_reserve_ratio))

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
            opening_balances=self._of_other_quotes(platform),
            has_parity=self.stable_parity,
        )

    def _of_other_quotes(self, platform: PlatformSettings) -> dict[str, Decimal]:
        """Return what an account of invented money starts with beside its own currency.

        Raises:
            ConfigurationError: an asset that no instrument is paid in, or less than nothing.
        """
        market = platform.market
        quotes = {one.quote for one in market.catalogue()} - {market.quote}
        for asset, amount in self.opening_balances.items():
            if asset not in quotes or not 0 <= amount <= _MOST:
                known = ", ".join(sorted(quotes)) or "none"
                raise ConfigurationError(
                    f"PORTFOLIO__OPENING_BALANCES: {amount} {asset} cannot be; name an amount of "
                    f"a quote that instruments are paid in beside {market.quote}: {known}"
                )
        return {} if platform.mode is Mode.LIVE else dict(self.opening_balances)
