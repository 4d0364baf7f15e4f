"""Labels of real brackets on simulated prices whose chances are known."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np

from models.labels import Cost, triple_barrier
from signal_generator.core.readings import Labels, Promise

HORIZON, STEP, VOLATILITY = 24, 3600, 0.008
COST = Cost(fee_ratio=0.0002, slippage_ratio=0.0001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """`state` moves the price of the next candle: it is what a model could know."""

    state: np.ndarray
    gross: np.ndarray
    net: np.ndarray
    y: np.ndarray
    end: np.ndarray
    barrier: float

    def seen_until(self, candle, probability, *, newest=224):
        """Return the labels whose horizon has passed when a candle closed."""
        rows = np.arange(max(candle - HORIZON + 1 - newest, 0), candle - HORIZON + 1)
        return Labels(
            closed_at=rows * STEP,
            ended_at=self.end[rows] * STEP,
            probability=probability[rows],
            gross=self.gross[rows],
            net=self.net[rows],
            barrier=np.full(len(rows), self.barrier),
            is_bet=probability[rows] > 0.53,
        )


def stream(seed, days=60):
    random = np.random.default_rng(seed)
    count = days * 24 + HORIZON + 1
    state, shocks = np.zeros(count), random.normal(size=count)
    for t in range(1, count):
        state[t] = 0.98 * state[t - 1] + 0.2 * shocks[t]
    moves = VOLATILITY * (0.03 * np.r_[0, state[:-1]] + random.standard_normal(count))
    close = 100 * np.exp(np.cumsum(moves))
    open_ = np.r_[100, close[:-1]]
    high = np.maximum(open_, close) * (1 + random.exponential(0.002, count))
    low = np.minimum(open_, close) * (1 - random.exponential(0.002, count))
    barrier = VOLATILITY * HORIZON**0.5
    candles = np.c_[open_, high, low, close, np.ones(count)]
    labels = triple_barrier(candles, np.full(count, barrier), HORIZON, 1.0, 1.0, cost=COST)
    kept = slice(0, count - HORIZON - 1)
    return Stream(
        state=state[kept],
        gross=labels.gross[kept],
        net=labels.net[kept],
        y=labels.y[kept],
        end=labels.end_index[kept],
        barrier=barrier,
    )


@cache
def truth():
    """Return intercept and slope of the log-odds of a win, and what the model may promise."""
    parts = [stream(10_000 + seed) for seed in range(40)]
    columns = np.c_[
        np.ones(sum(len(one.y) for one in parts)), np.concatenate([one.state for one in parts])
    ]
    y = np.concatenate([one.y for one in parts])
    line = np.zeros(2)
    for _ in range(20):
        p = 1 / (1 + np.exp(-columns @ line))
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns
        line = line + np.linalg.solve(curvature, columns.T @ (y - p))
    units = np.concatenate([one.gross / one.barrier for one in parts])
    promise = Promise(
        base_rate=float(y.mean()),
        average_win=float(units[y > 0].mean()),
        average_loss=float(-units[y == 0].mean()),
        fee_ratio=COST.fee_ratio,
        slippage_ratio=COST.slippage_ratio,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        retrain_days=3650.0,
    )
    return line, promise


def promised(one, *, shift=0.0, slope=1.0):
    """Return what a model says that sees the state; shift and slope 0 and 1 are the truth."""
    line, _ = truth()
    return 1 / (1 + np.exp(-((line[0] + line[1] * one.state) * slope + shift)))
