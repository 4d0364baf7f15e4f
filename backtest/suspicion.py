"""Where a model might act: features and margins over a history, a chunk at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backtest.inputs import Speaker
from models.dataset import CandleArrays
from models.features import (
    FEATURES,
    MIN_BARRIER_COSTS,
    FeatureEngine,
    barrier_ratios,
)
from models.scorer import ServingModel
from shared.domain.kelly import net_return_long
from signal_generator.core.scoring import ScoringPolicy

SLACK = 1e-6
"""Floats compared over a whole history may differ from the exact answer by far less than this."""

_CHUNK = 16_384

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspicion:
    """Per candle 1 where the model might buy, -1 where it might sell; those candles' vectors."""

    codes: Codes
    suspects: NDArray[np.intp]
    vectors: Floats

    def vector(self, row: int) -> Floats:
        return self.vectors[int(np.searchsorted(self.suspects, row))]


def suspect(
    candles: CandleArrays,
    reference: Floats,
    speaker: Speaker,
    policy: ScoringPolicy,
    interval_seconds: int,
) -> Suspicion:
    """Return every candle at which the model's signal may be to buy or to sell.

    `reference` are the prices (n, 5) of the instrument it is measured against, NaN where it has no
    candle. A gap in time starts the warm-up anew, as it does in the service.
    """
    codes = np.zeros(len(candles.closed_at), dtype=np.int8)
    suspects: list[NDArray[np.intp]] = []
    vectors: list[Floats] = []
    for start, stop in _runs(candles, interval_seconds):
        engine = FeatureEngine()
        for first in range(start, stop, _CHUNK):
            part = slice(first, min(first + _CHUNK, stop))
            rows = engine.extend(
                candles.ohlcv[part],
                reference[part],
                candles.closed_at[part],
                candles.is_filled[part],
            )
            found = _judge(rows, speaker.model, policy)
            found[candles.is_filled[part]] = 0
            codes[part] = found
            picked = np.flatnonzero(found)
            suspects.append(picked + first)
            vectors.append(rows[picked])
    return Suspicion(
        codes=codes,
        suspects=np.concatenate(suspects) if suspects else np.empty(0, dtype=np.intp),
        vectors=np.concatenate(vectors) if vectors else np.empty((0, FEATURES)),
    )


def _runs(candles: CandleArrays, interval_seconds: int) -> Iterator[tuple[int, int]]:
    gaps = np.flatnonzero(np.diff(candles.closed_at) != interval_seconds) + 1
    edges = [0, *gaps.tolist(), len(candles.closed_at)]
    yield from pairwise(edges)


def _judge(vectors: Floats, model: ServingModel, policy: ScoringPolicy) -> Codes:
    barrier = barrier_ratios(vectors, model.label.horizon)
    round_trip = 2.0 * (policy.fee_ratio + policy.slippage_ratio)
    stop = barrier * model.label.k_stop
    usable = (stop > 0.0) & (stop < 1.0)
    usable &= barrier >= MIN_BARRIER_COSTS * round_trip * (1.0 - SLACK)
    rows = np.flatnonzero(usable)
    codes = np.zeros(len(vectors), dtype=np.int8)
    rows = rows[_is_familiar(vectors[rows], model, policy)]
    if len(rows):
        probability = _probabilities(model, vectors[rows])
        threshold = _breakeven(model, barrier[rows], policy) + policy.min_margin
        codes[rows[probability <= policy.exit_probability + SLACK]] = -1
        codes[rows[probability >= threshold - SLACK]] = 1
    return codes


def _is_familiar(vectors: Floats, model: ServingModel, policy: ScoringPolicy) -> NDArray[np.bool_]:
    strange = ((vectors < model.low) | (vectors > model.high)).mean(axis=1)
    return strange <= policy.max_unfamiliar_ratio + SLACK


def _probabilities(model: ServingModel, vectors: Floats) -> Floats:
    margins = model.forest.margins(np.where(np.isfinite(vectors), vectors, np.nan))
    calibrator = model.calibrator
    clamped = np.clip(margins, calibrator.margin_low, calibrator.margin_high)
    return 1.0 / (1.0 + np.exp(-(calibrator.A * clamped + calibrator.B)))


def _breakeven(model: ServingModel, barrier: Floats, policy: ScoringPolicy) -> Floats:
    """`breakeven_probability` of every row."""
    gross = (model.payoff.a_win * barrier, -model.payoff.a_loss * barrier)
    win, lost = (_net(one, policy) for one in gross)
    share = np.divide(-lost, win - lost, out=np.ones_like(win), where=win > 0.0)
    return np.where((win > 0.0) & (lost >= 0.0), 0.0, share)


def _net(gross: Floats, policy: ScoringPolicy) -> Floats:
    return net_return_long(gross, policy.fee_ratio, policy.slippage_ratio)  # pyright: ignore[reportArgumentType, reportReturnType]
