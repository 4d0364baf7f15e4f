"""What the executor can be told."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from executor.core.claiming import Ceilings
from executor.core.matching import MatchingRules
from executor.core.planning import OrderPolicy
from executor.core.protecting import Guard
from executor.tasks.line import Pauses
from shared.domain.enums import OrderType, TimeInForce
from shared.domain.values import to_decimal
from shared.runtime.configuration import secret_of
from shared.runtime.settings import PlatformSettings, SectionSettings, load, section
from venues.naming import REAL
from venues.port import VenueAddress, VenueKeys, VenueName

_ORDERS_PER_MINUTE = 30


class Place(StrEnum):
    """Where orders go: a rule of our own, or a venue behind a network."""

    SIMULATED = "simulated"
    COINBASE = "coinbase"
    BINANCE_US = "binance_us"
    KUCOIN = "kucoin"


class ExecutorSettings(SectionSettings):
    model_config = section("executor")

    venue: Place = Field(
        Place.SIMULATED,
        description="where orders go: simulated, coinbase, binance_us or kucoin; the last three "
        "need live mode, or paper mode and the address of a simulator",
    )
    coinbase_enabled: bool = Field(
        default=False, description="whether real orders may go to Coinbase"
    )
    binance_us_enabled: bool = Field(
        default=False, description="whether real orders may go to Binance.US"
    )
    kucoin_enabled: bool = Field(default=False, description="whether real orders may go to KuCoin")
    key_cannot_withdraw: bool = Field(
        default=False,
        description="your word, having looked, that the venue's key cannot withdraw; counts only "
        "where the venue does not tell (Binance.US)",
    )
    venue_url: str | None = Field(
        None,
        pattern=r"^https?://[^/]+$",
        description="address of a simulator instead of the venue, for paper mode",
    )
    venue_stream_url: str | None = Field(
        None, pattern=r"^wss?://[^/]+$", description="its address for private events"
    )
    venue_authority: Path | None = Field(
        None, description="file with the certificate authority of the simulator"
    )
    time_in_force: TimeInForce = Field(
        TimeInForce.IOC,
        description="ioc: what of an entry does not fill at once is canceled; fok: all at once or "
        "nothing; gtc, gtd: it waits, at most until its horizon",
    )
    post_only: bool = Field(
        default=False, description="entries rest or are refused (with gtc or gtd, at venues)"
    )
    exit_type: Literal[OrderType.LIMIT, OrderType.MARKET] = Field(
        OrderType.LIMIT,
        description="limit: recommended exits keep to their limit price; market: they leave anyhow",
    )
    native_stops: bool = Field(
        default=True, description="rest a stop order at the venue for what is held, where it can"
    )
    collar_ratio: float = Field(
        0.01, gt=0, le=0.2, description="how far from the market a limit price may be, ratio"
    )
    max_order_notional: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="largest entry whatever was approved, quote; live must set it",
    )
    max_orders_per_minute: int | None = Field(
        None,
        ge=1,
        le=1000,
        description=f"entries sent per minute at most ({_ORDERS_PER_MINUTE} where unset); live "
        "must set it",
    )
    max_quote_age_seconds: float = Field(
        5.0, gt=0, le=60, description="how old a price may be when an order is claimed, seconds"
    )
    participation_ratio: float = Field(
        0.1, gt=0, le=1, description="largest share of a candle's volume that is ours, ratio"
    )
    reconcile_seconds: float = Field(
        60.0, ge=1, le=86_400, description="pause between comparisons with the venue, seconds"
    )
    open_orders_seconds: float = Field(
        10.0, ge=1, le=600, description="pause between looks at a venue's open orders, seconds"
    )
    tick_seconds: float = Field(
        1.0, ge=0.2, le=60, description="pause between looks at the price of what is held, seconds"
    )
    quotes_seconds: float = Field(
        10.0,
        ge=1,
        le=600,
        description="pause between facts about best prices; what is not held is asked for every "
        "second one, seconds",
    )

    @field_validator("post_only")
    @classmethod
    def _rests(cls, value: bool, told: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic calls it
        waits = (TimeInForce.GTC, TimeInForce.GTD)
        if value and told.data.get("time_in_force", TimeInForce.GTC) not in waits:
            raise ValueError(
                "only an order that may wait can be: EXECUTOR__TIME_IN_FORCE=gtc or gtd"
            )
        return value

    def rules(self, platform: PlatformSettings) -> MatchingRules:
        return MatchingRules(
            fee_ratio=to_decimal(platform.market.fee_ratio),
            slippage_ratio=to_decimal(platform.market.slippage_ratio),
            participation_ratio=to_decimal(self.participation_ratio),
        )

    def policy(self, platform: PlatformSettings) -> OrderPolicy:
        return OrderPolicy(
            mode=platform.mode,
            venue=platform.market.venue if self.venue is Place.SIMULATED else self.venue,
            entry_time_in_force=self.time_in_force,
            exit_type=self.exit_type,
            is_post_only=self.post_only,
        )

    def ceilings(self) -> Ceilings:
        notional = self.max_order_notional
        return Ceilings(
            max_order_notional=None if notional is None else to_decimal(notional),
            max_orders_per_minute=self.max_orders_per_minute or _ORDERS_PER_MINUTE,
            max_quote_age=timedelta(seconds=self.max_quote_age_seconds),
            collar_ratio=to_decimal(self.collar_ratio),
        )

    def guard(self, platform: PlatformSettings) -> Guard:
        return Guard(
            mode=platform.mode,
            collar_ratio=to_decimal(self.collar_ratio),
            exit_type=self.exit_type,
            uses_native_stops=self.native_stops,
        )

    def pauses(self) -> Pauses:
        return Pauses(
            open_orders=self.open_orders_seconds,
            balances=self.reconcile_seconds,
            ticks=self.tick_seconds,
            quotes=self.quotes_seconds,
        )

    def is_enabled(self, name: VenueName) -> bool:
        return {
            VenueName.COINBASE: self.coinbase_enabled,
            VenueName.BINANCE_US: self.binance_us_enabled,
            VenueName.KUCOIN: self.kucoin_enabled,
        }[name]

    def address(self, name: VenueName) -> VenueAddress:
        """Return where the venue is, or its simulator."""
        if self.venue_url is None:
            return REAL[name]
        stream = self.venue_stream_url or self.venue_url.replace("http", "ws", 1)
        authority = None if self.venue_authority is None else str(self.venue_authority)
        return VenueAddress(rest=self.venue_url, stream=stream, authority=authority)


class _VenueKeySettings(SectionSettings):
    """The key of one venue, or the file that holds each part of it."""

    api_key: SecretStr = Field(SecretStr(""), description="name of the venue's API key")
    api_key_file: Path | None = Field(None, description="file holding it")
    api_secret: SecretStr = Field(SecretStr(""), description="its secret (PEM for Coinbase)")
    api_secret_file: Path | None = Field(None, description="file holding it")
    api_passphrase: SecretStr = Field(SecretStr(""), description="its passphrase (KuCoin)")
    api_passphrase_file: Path | None = Field(None, description="file holding it")


class CoinbaseKeySettings(_VenueKeySettings):
    model_config = SettingsConfigDict(env_prefix="COINBASE_", extra="forbid", frozen=True)


class BinanceUsKeySettings(_VenueKeySettings):
    model_config = SettingsConfigDict(env_prefix="BINANCE_US_", extra="forbid", frozen=True)


class KuCoinKeySettings(_VenueKeySettings):
    model_config = SettingsConfigDict(env_prefix="KUCOIN_", extra="forbid", frozen=True)


_KEY_SETTINGS: dict[VenueName, type[_VenueKeySettings]] = {
    VenueName.COINBASE: CoinbaseKeySettings,
    VenueName.BINANCE_US: BinanceUsKeySettings,
    VenueName.KUCOIN: KuCoinKeySettings,
}


def venue_keys(name: VenueName) -> VenueKeys:
    """Return the key of a venue as configured; empty where none is.

    Raises:
        ConfigurationError: a file that should hold a part of it cannot be read.
    """
    told = load(_KEY_SETTINGS[name])
    prefix = name.upper()
    secret = secret_of(told.api_secret, told.api_secret_file, f"{prefix}_API_SECRET_FILE")
    return VenueKeys(
        key=secret_of(told.api_key, told.api_key_file, f"{prefix}_API_KEY_FILE"),
        secret=secret.replace("\\n", "\n"),  # a PEM in an environment variable has no line ends
        passphrase=secret_of(
            told.api_passphrase, told.api_passphrase_file, f"{prefix}_API_PASSPHRASE_FILE"
        ),
    )
