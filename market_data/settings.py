"""What market_data can be told."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, field_validator
from pydantic_settings import NoDecode

from market_data.tasks import Pace
from shared.domain.enums import Interval
from shared.runtime.configuration import ConfigurationError, SectionSettings, section


class Source(StrEnum):
    SYNTHETIC = "synthetic"
    REPLAY = "replay"
    NONE = "none"


_PIPELINE = ("executor", "portfolio", "risk", "signal_generator", "signals", "recommender")


class MarketDataSettings(SectionSettings):
    """Where candles come from and how fast."""

    model_config = section("market_data")

    source: Source = Field(
        Source.SYNTHETIC,
        description="synthetic (invented), replay (recorded: files, or the store) or none",
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

    def pace(self) -> Pace:
        return Pace(
            candles_per_second=self.candles_per_second,
            fast_forward=self.fast_forward,
            wait_for=self.wait_for,
        )
