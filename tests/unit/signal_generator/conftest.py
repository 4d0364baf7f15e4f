from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from models.booster import BoosterParams
from models.dataset import CandleArrays
from models.manifest import TradedMarket
from models.train import TrainingConfig, train_models
from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from tests.swiftly import SWIFTLY

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SYMBOLS = (Symbol("BTC-USDT"), Symbol("ETH-USDT"), Symbol("SOL-USDT"))
TRAINED = 3000
TRADED = TradedMarket.of("synthetic", Interval.H1, SYMBOLS)


def walk(symbol, count=TRAINED + 700):
    """Candles with a weak pull back to their average, so that there is something to learn."""
    random = np.random.default_rng(sum(symbol.encode()))
    logs, anchor = np.zeros(count), 0.0
    for t in range(1, count):
        anchor += 0.02 * (logs[t - 1] - anchor)
        logs[t] = logs[t - 1] - 0.08 * (logs[t - 1] - anchor) + random.normal(0, 0.012)
    close = np.round(100 * np.exp(logs), 4)
    open_ = np.r_[close[0], close[:-1]]
    high = (
        np.round(np.maximum(open_, close) * (1 + np.abs(random.normal(0, 0.003, count))), 4) + 1e-4
    )
    low = (
        np.round(np.minimum(open_, close) * (1 - np.abs(random.normal(0, 0.003, count))), 4) - 1e-4
    )
    volume = np.round(random.lognormal(3, 0.6, count), 3)
    return np.round(np.c_[open_, high, low, close, volume], 4)


MARKET = {symbol: walk(symbol) for symbol in SYMBOLS}


def closed_at(number):
    return START + (number + 1) * HOUR


def candle(symbol, number, **changes):
    values = [Decimal(repr(value)) for value in MARKET[symbol][number].tolist()]
    fields = dict(zip(("open", "high", "low", "close", "volume"), values, strict=True))
    return Candle(
        symbol=symbol,
        open_at=START + number * HOUR,
        closed_at=closed_at(number),
        **(fields | changes),
    )


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory):
    """A GLOBAL and three instruments' releases, really trained on the first candles."""
    root = tmp_path_factory.mktemp("models")
    seconds = np.array([int(closed_at(number).timestamp()) for number in range(TRAINED)])
    data = {
        symbol: CandleArrays(
            symbol=symbol,
            closed_at=seconds,
            ohlcv=MARKET[symbol][:TRAINED],
            is_filled=np.zeros(TRAINED, dtype=bool),
        )
        for symbol in SYMBOLS
    }
    config = TrainingConfig(
        market=TRADED,
        booster=BoosterParams(max_rounds=40, min_child_weight=5.0, threads=1),
        **SWIFTLY,
    )
    train_models(data, config, root, closed_at(TRAINED), lambda _what, _share: None)
    return root
