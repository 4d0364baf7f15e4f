"""Recorded candles of a file as the simulated exchange's market."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from market_data.feeds.files import read_file
from shared.domain.candle import Candle
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.values import to_decimal


def recorded_candles(path: Path, symbol: Symbol) -> tuple[Candle, ...]:
    """Return the candles of a file, oldest first, each once, with its gaps bridged.

    Raises:
        BadInput: no candle file, or fewer than two candles in it.
    """
    raw = read_file(path)
    opens, rows = np.unique(raw.open_at, return_index=True)
    if len(opens) < 2:
        raise BadInput("file", f"'{path.name}' holds a single candle", "name one with more")
    seconds = int(np.diff(opens).min())
    found: list[Candle] = []
    for open_at, row in zip(opens.tolist(), rows.tolist(), strict=True):
        numbers = tuple(to_decimal(float(value)) for value in raw.ohlcv[row])
        while found and found[-1].closed_at.timestamp() < open_at:
            last = found[-1].close
            found.append(_candle(symbol, found[-1].closed_at, seconds, (last,) * 4 + (Decimal(0),)))
        found.append(_candle(symbol, datetime.fromtimestamp(open_at, UTC), seconds, numbers))
    return tuple(found)


def _candle(
    symbol: Symbol, open_at: datetime, seconds: int, numbers: tuple[Decimal, ...]
) -> Candle:
    first, high, low, last, volume = numbers
    return Candle(
        symbol=symbol,
        open_at=open_at,
        closed_at=open_at + timedelta(seconds=seconds),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
    )
