"""Many candles at once, as columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.values import to_decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """What a file holds, in its own order.

    `open_at` (n,) is Unix time in seconds, `ohlcv` (n, 5) prices in quote and volume in base;
    `lossy` lists rows whose numbers have more digits than a double keeps; `quote_volume` (n,) is
    the volume in quote, where the source tells it too.
    """

    source_format: str
    open_at: NDArray[np.int64]
    ohlcv: NDArray[np.float64]
    lossy: tuple[int, ...] = ()
    quote_volume: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Candles of one instrument, oldest first, on the grid, each instant at most once."""

    symbol: Symbol
    interval: Interval
    open_at: NDArray[np.int64]
    ohlcv: NDArray[np.float64]
    is_filled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.open_at)

    @property
    def closed_at(self) -> NDArray[np.int64]:
        return self.open_at + self.interval.seconds

    def candle(self, row: int) -> Candle:
        opened = datetime.fromtimestamp(int(self.open_at[row]), UTC)
        open_, high, low, close, volume = (to_decimal(float(value)) for value in self.ohlcv[row])
        return Candle(
            symbol=self.symbol,
            open_at=opened,
            closed_at=opened + self.interval.delta,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            is_filled=bool(self.is_filled[row]),
        )

    def candles(self) -> Iterator[Candle]:
        return (self.candle(row) for row in range(len(self)))

    def between(self, start: datetime | None, end: datetime | None) -> "Series":
        """Return the candles that open at or after `start` and close at or before `end`."""
        keep = np.ones(len(self), dtype=np.bool_)
        if start is not None:
            keep &= self.open_at >= start.timestamp()
        if end is not None:
            keep &= self.closed_at <= end.timestamp()
        return Series(
            symbol=self.symbol,
            interval=self.interval,
            open_at=self.open_at[keep],
            ohlcv=self.ohlcv[keep],
            is_filled=self.is_filled[keep],
        )
