from datetime import UTC, datetime
from functools import cache

import numpy as np

from models.booster import BoosterParams
from models.dataset import CandleArrays
from models.manifest import TradedMarket
from models.train import TrainingConfig, train_models
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from tests.swiftly import SWIFTLY

HOUR = 3600
START = 1_704_067_200  # 2024-01-01, a Monday
NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")


MARKET = TradedMarket.of("made", Interval.H1, (BTC, ETH))


def weak_market(symbol: Symbol, seed: int, count: int = 3_000, strength: float = 0.35):
    """A market whose next return leans with the last six: learnable, as real ones hardly are."""
    draw = np.random.default_rng(seed)
    noise = 0.015 * draw.standard_t(5, size=count) * np.sqrt(3 / 5)
    returns = np.zeros(count)
    for t in range(6, count):
        lean = np.tanh(returns[t - 6 : t].sum() / 0.03)
        returns[t] = noise[t] + strength * 0.015 * lean
    close = 100 * np.exp(np.cumsum(returns))
    open_ = np.concatenate(([100.0], close[:-1]))
    wick = 0.004 * np.abs(draw.normal(size=(2, count)))
    high = np.maximum(open_, close) * (1 + wick[0])
    low = np.minimum(open_, close) * (1 - wick[1])
    volume = 1_000 * np.exp(draw.normal(size=count))
    return CandleArrays(
        symbol=symbol,
        closed_at=START + HOUR * np.arange(1, count + 1),
        ohlcv=np.stack((open_, high, low, close, volume), axis=1),
        is_filled=np.zeros(count, dtype=bool),
    )


def quick(**changes) -> TrainingConfig:
    booster = BoosterParams(max_rounds=60, eta=0.1, min_child_weight=10.0, threads=1)
    settings = {**SWIFTLY, "market": MARKET, "booster": booster, "min_effective_labels": 50.0}
    return TrainingConfig(**{**settings, **changes})


@cache
def weak_markets():
    return {BTC: weak_market(BTC, 1), ETH: weak_market(ETH, 2)}


@cache
def opposed_markets():
    """One market follows its last hours, the other turns against them: pooled, they cancel out."""
    return {
        BTC: weak_market(BTC, 5, count=20_000, strength=0.3),
        ETH: weak_market(ETH, 6, count=20_000, strength=-1.0),
    }


def train_into(root):
    """Leave GLOBAL and two instruments in a registry folder."""
    return train_models(weak_markets(), quick(), root, NOW, lambda _text, _share: None)
