"""Candles to measure with: the synthetic market, and one in which every candle is acted on.

Libraries that only some benchmarks need are loaded there: memory is one of the figures.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from models.dataset import CandleArrays
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument

START = datetime(2024, 1, 1, tzinfo=UTC)
YEAR_OF_MINUTES = 525_600
_BASE_PRICE = 100.0
_SWING = 0.004
BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")


def instrument(symbol: str) -> Instrument:
    base, _, quote = symbol.partition("-")
    return Instrument(
        symbol=Symbol(symbol),
        venue="synthetic",
        base=base,
        quote=quote,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        min_notional=Decimal(5),
    )


def synthetic(
    candles: int, interval: Interval, symbols: tuple[str, ...] = (BTC, ETH)
) -> dict[Symbol, CandleArrays]:
    from launcher.candles import as_arrays
    from market_data.feeds.synthetic import SyntheticMarket

    market = SyntheticMarket(
        instruments=tuple(instrument(symbol) for symbol in symbols),
        interval=interval,
        seed=7,
        start=START,
    )
    return as_arrays(market.history(candles))


def year_of_minutes(symbol: Symbol, folder: Path) -> CandleArrays:
    """Return a year of synthetic candles, kept as a file: making them is not to be measured."""
    path = folder / f"{symbol}-1m.npz"
    if not path.exists():
        made = synthetic(YEAR_OF_MINUTES, Interval.M1, (symbol,))[symbol]
        np.savez(path, closed_at=made.closed_at, ohlcv=made.ohlcv)
    with np.load(path) as kept:
        closed_at, ohlcv = kept["closed_at"], kept["ohlcv"]
    is_filled = np.zeros(len(closed_at), dtype=np.bool_)
    return CandleArrays(symbol=symbol, closed_at=closed_at, ohlcv=ohlcv, is_filled=is_filled)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"C{number:03d}-USDT" for number in range(count))


def write_zigzag(folder: Path, symbols: tuple[str, ...], candles: int) -> list[Path]:
    """Write one file per instrument of closes that go up and down in turn.

    EMA(20) answers a step faster than EMA(50), so they cross at every candle: up, and an entry is
    decided; down, and it is left again. All instruments act at every candle close.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    steps = np.arange(candles)
    close = _BASE_PRICE * (1.0 + _SWING * (2.0 * (steps % 2) - 1.0) / 2.0)
    open_ = np.r_[close[0], close[:-1]]
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    first = int(START.timestamp())
    times = (first + Interval.H1.seconds * steps).astype("datetime64[s]")
    columns = {"open": open_, "high": high, "low": low, "close": close}
    table = pa.table(
        {
            "timestamp": pa.array(times),
            **{name: np.round(values, 2) for name, values in columns.items()},
            "volume": np.full(candles, 1e6),
        }
    )
    paths = [folder / f"{symbol}.parquet" for symbol in symbols]
    for path in paths:
        pq.write_table(table, path)
    return paths
