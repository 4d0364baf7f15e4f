"""Where a model might act: features and margins over a history, a chunk at a time."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtest.inputs import Speaker
from models.dataset import CandleArrays
from models.features import MIN_BARRIER_COSTS, FeatureEngine, barrier_ratios
from models.scorer import ServingModel
from shared.domain.kelly import net_return_long
from signal_generator.core.scoring import ScoringPolicy

SLACK = 1e-6
"""Floats compared over a whole history may differ from the exact answer by far less than this."""

_CHUNK = 16_384

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


class Evidence(NamedTuple):
    """What a model saw at one candle, and its answer before calibration."""

    vector: Floats
    margin: float
    unfamiliar_ratio: float


class _Found(NamedTuple):
    """The answers about one chunk, one per row; not a number where nobody asked."""

    codes: Codes
    margins: Floats
    unfamiliar_ratios: Floats


class _Suspects(NamedTuple):
    """The suspicious candles of one chunk: their rows in the history and what was found there."""

    rows: NDArray[np.intp]
    vectors: Floats
    margins: Floats
    unfamiliar_ratios: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspicion:
    """Per candle 1 where the model might buy, -1 where it might sell.

    `starts` are the rows in the history at which the `chunks` begin.
    """

    codes: Codes
    starts: tuple[int, ...]
    chunks: tuple[_Suspects, ...]

    def evidence(self, row: int) -> Evidence:
        """Return what made a candle suspicious."""
        chunk = self.chunks[bisect_right(self.starts, row) - 1]
        place = int(chunk.rows.searchsorted(row))
        return Evidence(
            vector=chunk.vectors[place],
            margin=float(chunk.margins[place]),
            unfamiliar_ratio=float(chunk.unfamiliar_ratios[place]),
        )


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
    starts: list[int] = []
    chunks: list[_Suspects] = []
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
            found.codes[candles.is_filled[part]] = 0
            codes[part] = found.codes
            starts.append(first)
            chunks.append(_suspects(rows, found, first))
    return Suspicion(codes=codes, starts=tuple(starts), chunks=tuple(chunks))


def _suspects(vectors: Floats, found: _Found, first: int) -> _Suspects:
    picked = np.flatnonzero(found.codes)
    return _Suspects(
        rows=picked + first,
        vectors=vectors[picked],
        margins=found.margins[picked],
        unfamiliar_ratios=found.unfamiliar_ratios[picked],
    )


def _runs(candles: CandleArrays, interval_seconds: int) -> Iterator[tuple[int, int]]:
    gaps = np.flatnonzero(np.diff(candles.closed_at) != interval_seconds) + 1
    edges = [0, *gaps.tolist(), len(candles.closed_at)]
    yield from pairwise(edges)


def _judge(vectors: Floats, model: ServingModel, policy: ScoringPolicy) -> _Found:
    barrier = barrier_ratios(vectors, model.label.horizon)
    round_trip = 2.0 * (policy.fee_ratio + policy.slippage_ratio)
    stop = barrier * model.label.k_stop
    usable = (stop > 0.0) & (stop < 1.0)
    usable &= barrier >= MIN_BARRIER_COSTS * round_trip * (1.0 - SLACK)
    rows = np.flatnonzero(usable)
    unfamiliar, margins = np.full(len(vectors), np.nan), np.full(len(vectors), np.nan)
    unfamiliar[rows] = model.unfamiliar_ratios(vectors[rows])
    rows = rows[unfamiliar[rows] <= policy.max_unfamiliar_ratio + SLACK]
    codes = np.zeros(len(vectors), dtype=np.int8)
    margins[rows] = model.margins(vectors[rows])
    probability = _probabilities(model, margins[rows])
    threshold = _breakeven(model, barrier[rows], policy) + policy.min_margin
    codes[rows[probability <= policy.exit_probability + SLACK]] = -1
    codes[rows[probability >= threshold - SLACK]] = 1
    return _Found(codes, margins, unfamiliar)


def _probabilities(model: ServingModel, margins: Floats) -> Floats:
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
