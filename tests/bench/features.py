"""The 86 features: a candle as it closes, and a year of them at once."""

import time

import numpy as np

from models.features import FeatureEngine, batch, load_compiled
from shared.domain.enums import Interval
from tests.bench.figures import Figure, latency, timed
from tests.bench.markets import BTC, ETH, YEAR_OF_MINUTES, synthetic

_STREAMED = 20_000
_FLOOR_WINDOW = 300


def measure() -> list[Figure]:
    load_compiled()
    data = synthetic(YEAR_OF_MINUTES, Interval.M1)
    candles, reference = data[BTC].ohlcv, data[ETH].ohlcv
    closed_at, is_filled = data[BTC].closed_at, data[BTC].is_filled
    warm = _STREAMED
    engine = FeatureEngine()
    engine.extend(candles[:warm], reference[:warm], closed_at[:warm], is_filled[:warm])
    seconds: list[float] = []
    times = closed_at.tolist()
    for row in range(warm, warm + _STREAMED):
        start = time.perf_counter()
        engine.step(candles[row], reference[row], times[row], False)
        seconds.append(time.perf_counter() - start)
    floor = timed(lambda: _window_floor(candles[warm - _FLOOR_WINDOW : warm]), 2_000)
    history = timed(lambda: batch(candles, reference, closed_at, is_filled), 3, warm=1)
    whole = min(history)  # the run that the other tenants of the machine disturbed least
    start = time.perf_counter()
    _columns_floor(candles)
    columns = time.perf_counter() - start
    return [
        latency(
            "86 features, one new candle",
            seconds,
            "µs",
            target=10.0,
            beside=f"numpy, 4 window means over {_FLOOR_WINDOW}: {np.median(floor) * 1e6:.0f} µs",
        ),
        Figure(
            what="86 features over 525,600 candles",
            value=YEAR_OF_MINUTES / whole,
            unit="candles/s",
            target=250_000,
            beside=f"best of 3: {whole:.2f} s; plain numpy, 4 columns alone: "
            f"{YEAR_OF_MINUTES / columns:,.0f} candles/s",
        ),
    ]


def _window_floor(window: np.ndarray) -> list[float]:
    """Four of the simplest indicators as numpy would find them anew at each candle."""
    return [float(window[-span:, 3].mean()) for span in (20, 50, 100, 200)]


def _columns_floor(candles: np.ndarray) -> list[np.ndarray]:
    sums = np.cumsum(candles[:, 3])
    return [(sums[span:] - sums[:-span]) / span for span in (20, 50, 100, 200)]
