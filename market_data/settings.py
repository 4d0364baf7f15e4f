"""What market_data can be told."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, field_validator
from pydantic_settings import NoDecode

from market_data.feeds.venue import Rhythm
from market_data.tasks import Pace
from shared.domain.enums import Interval
from shared.runtime.configuration import ConfigurationError, SectionSettings, section
from shared.runtime.settings import MarketSettings, Mode, PlatformSettings
from venues.port import VenueName


class Source(StrEnum):
    SYNTHETIC = "synthetic"
    REPLAY = "replay"
    VENUE = "venue"
    NONE = "none"


_PIPELINE = ("executor", "portfolio", "risk", "signal_generator", "signals", "recommender")


def live_venue(market: MarketSettings) -> VenueName:
    """Return the venue that can be asked for candles.

    Raises:
        ConfigurationError: it is none that can.
    """
    venues = tuple(VenueName)
    if market.venue not in venues:
        raise ConfigurationError(
            f"MARKET__VENUE: '{market.venue}' has no live candles here; choose one of "
            f"{', '.join(venues)}"
        )
    return VenueName(market.venue)


class MarketDataSettings(SectionSettings):
    """Where candles come from and how fast."""

    model_config = section("market_data")

    source: Source = Field(
        Source.SYNTHETIC,
        description="synthetic (invented), replay (recorded: files, or the store), "
        "venue (live candles of MARKET__VENUE) or none",
    )
    seed: int = Field(7, ge=0, le=2**32 - 1, description="seed of the synthetic market")
    files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="files to replay, separated by commas; empty replays the store"
    )
    start: AwareDatetime = Field(
        datetime(2024, 1, 1, tzinfo=UTC),
        description="first candle opens here, ISO 8601 with zone, at a full MARKET__INTERVAL",
    )
    end: AwareDatetime | None = Field(None, description="last candle closes here, for replays")
    limit: int | None = Field(None, ge=1, description="stop after so many instants (synthetic)")
    candles_per_second: float = Field(
        4.0, ge=0, le=100_000, description="instants published a second; 0 is as fast as it goes"
    )
    fast_forward: int = Field(
        420, ge=0, description="instants published at full speed first, to warm the features up"
    )
    venue_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+$",
        description="a simulator to take the place of the venue, as http://127.0.0.1:9031; "
        "refused in live",
    )
    venue_authority: Path | None = Field(
        None, description="certificates (PEM) to believe where that simulator speaks https"
    )
    backfill_hours: float = Field(
        24.0,
        ge=0,
        le=100_000,
        description="history a venue is first asked for, hours; 420 candles at least",
    )
    close_delay_seconds: float = Field(
        1.5, ge=0, le=20, description="a venue is asked for a candle so long after it closed"
    )
    close_patience_seconds: float = Field(
        10.0, ge=0, le=30, description="and so much longer for one that is not there yet, seconds"
    )
    max_bridge: int = Field(3, ge=0, le=3, description="longest gap that is bridged, candles")
    wait_for: Annotated[tuple[str, ...], NoDecode] = Field(
        _PIPELINE, description="services that must have subscribed before the first candle"
    )

    @field_validator("files", "wait_for", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    def refuse_start_off_grid(self, interval: Interval) -> None:
        """Refuse a start at which no candle of `interval` opens.

        Raises:
            ConfigurationError: with the instant before, at which one does.
        """
        rest = self.start.timestamp() % interval.seconds
        if rest:
            nearest = (self.start - timedelta(seconds=rest)).astimezone(UTC).isoformat()
            raise ConfigurationError(
                f"MARKET_DATA__START: no {interval} candle opens at {self.start.isoformat()}; "
                f"one does at {nearest}"
            )

    def refuse_in_mode(self, platform: PlatformSettings) -> None:
        """Let invented and recorded candles be traded in mock mode only, live ones in the others.

        Raises:
            ConfigurationError: with what to set instead.
        """
        mode, venues = platform.mode, ", ".join(VenueName)
        if mode is Mode.LIVE and self.venue_url is not None:
            raise ConfigurationError("MARKET_DATA__VENUE_URL: is for simulators; unset it in live")
        if self.source is Source.VENUE and mode is Mode.MOCK:
            raise ConfigurationError(
                "MARKET_DATA__SOURCE: a venue's candles are of the present, and mock mode keeps "
                "the time of its candles; run with --mode paper (TRADING_MODE=paper)"
            )
        if self.source in (Source.SYNTHETIC, Source.REPLAY) and mode is not Mode.MOCK:
            raise ConfigurationError(
                f"MARKET_DATA__SOURCE: mode '{mode}' trades live candles, not '{self.source}' "
                f"ones; set MARKET_DATA__SOURCE=venue and MARKET__VENUE to one of {venues}, "
                "or run with --mode mock"
            )
        if self.source is Source.VENUE:
            live_venue(platform.market)

    def rhythm(self) -> Rhythm:
        return Rhythm(
            delay=timedelta(seconds=self.close_delay_seconds),
            patience=timedelta(seconds=self.close_patience_seconds),
            backfill_hours=self.backfill_hours,
        )

    def pace(self) -> Pace:
        if self.source is Source.VENUE:  # a venue has its own
            return Pace(candles_per_second=0, fast_forward=0, wait_for=self.wait_for)
        return Pace(
            candles_per_second=self.candles_per_second,
            fast_forward=self.fast_forward,
            wait_for=self.wait_for,
        )
