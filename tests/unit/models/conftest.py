import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.conftest import RECORDED

HOUR = 3600
LENGTH = 1500


@pytest.fixture(scope="session")
def golden_series():
    """The 600 hourly candles that the golden values belong to, and their reference."""
    t = np.arange(600)
    close = 100 * np.exp(
        0.08 * np.sin(t / 37) + 0.03 * np.sin(t / 11 + 0.7) + 0.004 * np.sin(2.3 * t) + 0.0002 * t
    )
    open_ = np.concatenate((close[:1], close[:-1])) * (1 + 0.0005 * np.sin(1.7 * t))
    spread = 0.002 + 0.0015 * np.sin(t / 5) ** 2
    high = np.maximum(open_, close) * (1 + spread)
    low = np.minimum(open_, close) * (1 - 0.8 * spread)
    volume = 1000 * (1.5 + np.sin(2 * np.pi * t / 24) + 0.3 * np.sin(0.9 * t) ** 2)
    ref_close = 40_000 * np.exp(
        0.06 * np.sin(t / 41 + 0.2) + 0.02 * np.sin(t / 13) + 0.003 * np.sin(1.9 * t)
    )
    ref_open = np.concatenate((ref_close[:1], ref_close[:-1]))
    ref_high = np.maximum(ref_open, ref_close) * 1.002
    ref_low = np.minimum(ref_open, ref_close) * 0.998
    return (
        np.stack((open_, high, low, close, volume), axis=1),
        np.stack((ref_open, ref_high, ref_low, ref_close, 2 * volume), axis=1),
        1_704_067_200 + HOUR * (t + 1),
        np.zeros(600, dtype=bool),
    )


@pytest.fixture(scope="session")
def real_series():
    """1500 recorded hours of ETH against BTC without a gap."""
    tables = [RECORDED / "binance" / symbol / "1h.parquet" for symbol in ("ETH-USDT", "BTC-USDT")]
    if not all(path.exists() for path in tables):
        pytest.skip("no recorded candles here")
    (own, own_at), (reference, reference_at) = (_read(path) for path in tables)
    np.testing.assert_array_equal(own_at, reference_at)
    ends = np.flatnonzero(np.append(np.diff(own_at) != HOUR, True))
    starts = np.concatenate(([0], ends[:-1] + 1))
    start = int(starts[np.argmax(ends - starts)])
    part = slice(start, start + LENGTH)
    assert len(own[part]) == LENGTH
    return own[part], reference[part], own_at[part] + HOUR, np.zeros(LENGTH, dtype=bool)


def _read(path):
    table = pq.read_table(path)
    columns = [table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
    opened = table["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
    return np.stack(columns, axis=1).astype(np.float64), opened
