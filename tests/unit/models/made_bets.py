"""Small markets and bets on them."""

from dataclasses import replace

import numpy as np

from models.dataset import CandleArrays
from models.labels import Cost, net_return, triple_barrier
from models.strategy.bets import Bets, Caps, Prices, Sizing
from shared.domain.ids import Symbol

HOUR = 3600
START = 1_704_067_200  # 2024-01-01
BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
COST = Cost(fee_ratio=0.001, slippage_ratio=0.0005)
ENTRY_COST = 1.0005 * 1.001
FREE = Caps(cap=0.05, exposure=0.80, correlation=0.0, entry_cost=1.0)


def at(candle):
    return START + HOUR * (np.asarray(candle) + 1)


def market(open_, close=None):
    """Prices of (T,) or (T, n) opens and closes; closes equal the opens where not given."""
    opens = np.array(open_, dtype=np.float64)
    opens = opens[:, np.newaxis] if opens.ndim == 1 else opens
    closes = opens if close is None else np.array(close, dtype=np.float64).reshape(opens.shape)
    return Prices(instants=at(np.arange(len(opens))), open=opens, close=closes)


def bets(rows, **columns):
    """Certain bets from rows (instrument, decided, ends, net); `columns` replace what they say."""
    instrument, decided, ends, net = (np.array(column) for column in zip(*rows, strict=True))
    count = len(rows)
    net = net.astype(np.float64)
    made = Bets(
        instrument=instrument.astype(np.int64),
        decided_at=at(decided),
        end_at=at(ends),
        gross=(1 + net) * ENTRY_COST / (0.9995 * 0.999) - 1,
        net=net,
        barrier=np.full(count, 0.04),
        probability=np.full(count, 0.9),
        neighbours=np.full(count, 1_000.0),
        confidence=np.ones(count),
    )
    return replace(made, **{name: np.array(column) for name, column in columns.items()})


def no_bets():
    return taken(bets([(0, 0, 1, 0.0)]), np.zeros(1, dtype=bool))


def taken(made, rows):
    return replace(made, **{name: getattr(made, name)[rows] for name in Bets.__slots__})


def sizing(instruments=1, **changes):
    """Sizing by which a certain bet reaches the cap."""
    made = Sizing(
        a_win=np.full(instruments, 0.8),
        a_loss=np.full(instruments, 0.8),
        reference_kelly=np.full(instruments, 4.0),
        fee_ratio=COST.fee_ratio,
        slippage_ratio=COST.slippage_ratio,
    )
    return replace(made, **changes)


def aimless(instruments=3, candles=1_500, seed=3, cost=COST):
    """Prices without memory or drift, and a bet of every label they have; `probability` is y."""
    draw = np.random.default_rng(seed)
    steps = 0.008 * draw.standard_normal((candles, instruments))
    close = 100 * np.exp(np.cumsum(steps - 0.000032, axis=0))
    open_ = np.vstack((np.full(instruments, 100.0), close[:-1]))
    prices = Prices(instants=at(np.arange(candles)), open=open_, close=close)
    parts = [_labelled(prices, column, cost) for column in range(instruments)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return prices, Bets(**columns)


def _labelled(prices, column, cost):
    open_, close = prices.open[:, column], prices.close[:, column]
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    candles = np.stack((open_, high, low, close, np.ones_like(close)), axis=1)
    barrier = np.full(len(candles), 0.04)
    labels = triple_barrier(candles, barrier, 24, 1.0, 1.0, cost=cost)
    rows = np.flatnonzero(labels.is_labelled)
    return {
        "instrument": np.full(len(rows), column),
        "decided_at": prices.instants[rows],
        "end_at": prices.instants[labels.end_index[rows]],
        "gross": labels.gross[rows],
        "net": net_return(labels.gross[rows], cost.fee_ratio, cost.slippage_ratio),
        "barrier": barrier[rows],
        "probability": labels.y[rows].astype(np.float64),
        "neighbours": np.full(len(rows), 1_000.0),
        "confidence": np.ones(len(rows)),
    }


def candles_of(symbol, count, seed):
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(0.01 * draw.standard_normal(count)))
    open_ = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    return CandleArrays(
        symbol=symbol,
        closed_at=at(np.arange(count)),
        ohlcv=np.stack((open_, high, low, close, np.ones(count)), axis=1),
        is_filled=np.zeros(count, dtype=bool),
    )
