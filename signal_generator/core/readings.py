"""What the monitors read: matured labels and recent vectors of one release and instrument."""

from dataclasses import dataclass
from datetime import datetime
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from models.evaluate import evaluate
from models.labels import net_return, uniqueness
from models.statistics.drift import DriftReading, DriftReference
from models.statistics.live import brier_worse_than_base, calibration_z, cusum

WINDOW = 200
"""Newest matured labels that the live monitors look at."""
MIN_VECTORS = 500
"""Fewer vectors than this say nothing about drift: the noise alone would alarm."""
_MODERATE_PSI = 0.25

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a release said about itself; ratios per side are the costs its labels were made with.

    `base_rate`: the share of wins in training, what a model without skill would always say.
    """

    base_rate: float
    average_win: float
    average_loss: float
    fee_ratio: float
    slippage_ratio: float
    created_at: datetime
    retrain_days: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """Matured labels of one release and instrument, oldest first; all columns (n,), instants in s.

    `net` is after the costs of the day, `barrier` the width of the bracket.
    """

    closed_at: Instants
    ended_at: Instants
    probability: Floats
    gross: Floats
    net: Floats
    barrier: Floats
    is_bet: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.closed_at)

    def newest(self, count: int) -> "Labels":
        names = self.__slots__
        return Labels(**{name: getattr(self, name)[max(len(self) - count, 0) :] for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """PSI of the newest `vectors`; `worst` names the features that moved most.

    `psi_usual`: what only one window in a hundred of the training itself exceeded. Probabilities
    follow the market slowly, and a pooled model has a place of its own for every instrument, so
    where that is more than 0.25, `psi_adjusted` takes it for 0.25. The limits are for this one.
    """

    vectors: int
    psi_probability: float
    psi_usual: float
    psi_adjusted: float
    drifted_ratio: float
    is_feature_alarm: bool
    worst: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The newest matured labels; scores are weighted by uniqueness.

    `calibration_z`: standard errors by which wins exceed what was promised. `brier_p_value`: that
    the Brier score is no worse than that of the base rate. `bets`: trades that would have been
    made one after the other, what they paid on average, and their worst run of losses in
    deviations of a trade. `average_win` and `average_loss` are gross, in barriers, None where
    there was none.
    """

    matured: int
    n_effective: float
    mean_probability: float
    won_ratio: float
    calibration_z: float
    brier: float
    base_brier: float
    brier_p_value: float
    log_loss: float
    base_log_loss: float
    auc: float
    mean_net: float
    bets: int
    bets_mean_net: float | None
    cusum: float
    average_win: float | None
    average_loss: float | None


def drift_figures(reading: DriftReading, reference: DriftReference, vectors: int) -> Drift:
    usual = reference.probability.threshold
    return Drift(
        vectors=vectors,
        psi_probability=reading.psi_probability,
        psi_usual=usual,
        psi_adjusted=reading.psi_probability * min(1.0, _MODERATE_PSI / usual),
        drifted_ratio=reading.drifted_ratio,
        is_feature_alarm=reading.is_feature_alarm,
        worst=reading.worst,
    )


def live_figures(labels: Labels, promise: Promise, step_seconds: int) -> Live | None:
    """Return the figures of the newest labels; older ones given only tell what those share.

    A win is judged by the costs the release was trained with, what was earned by those of the day.
    """
    shares = label_shares(labels, step_seconds)
    newest, weights = labels.newest(WINDOW), shares[max(len(labels) - WINDOW, 0) :]
    p, gross = newest.probability, newest.gross
    y = (net_return(gross, promise.fee_ratio, promise.slippage_ratio) > 0.0).astype(np.int8)
    scores = evaluate(p, y, weights, promise.base_rate)
    if scores is None:
        return None
    bets = newest.net[bets_in_turn(newest)]
    deviation = sqrt(float((newest.net**2).mean()))  # about 0, the reference of the sum
    units = gross / newest.barrier
    return Live(
        matured=len(newest),
        n_effective=scores.n_effective,
        mean_probability=float(p.mean()),
        won_ratio=float(y.mean()),
        calibration_z=calibration_z(p, y, weights),
        brier=scores.brier,
        base_brier=scores.base_brier,
        brier_p_value=brier_worse_than_base(p, y, promise.base_rate, weights),
        log_loss=scores.log_loss,
        base_log_loss=scores.base_log_loss,
        auc=scores.auc,
        mean_net=float(newest.net.mean()),
        bets=len(bets),
        bets_mean_net=float(bets.mean()) if len(bets) else None,
        cusum=cusum(bets, deviation)[0] if len(bets) else 0.0,
        average_win=_mean_where(units, weights, y > 0),
        average_loss=_mean_where(-units, weights, y <= 0),
    )


def label_shares(labels: Labels, step_seconds: int) -> Floats:
    """Return the uniqueness of each label.

    The newest share candles with labels that are still open; they count like the mean of the rest.
    """
    if not len(labels):
        return np.empty(0)
    origin = int(labels.closed_at[0])
    first = (labels.closed_at - origin) // step_seconds + 1
    last = (labels.ended_at - origin) // step_seconds
    shares = uniqueness(first, last, int(last.max()) + 1)
    is_settled = labels.ended_at <= labels.closed_at[-1]
    if is_settled.any():
        shares[~is_settled] = shares[is_settled].mean()
    return shares


def bets_in_turn(labels: Labels) -> Instants:
    """Return which bets would have been made by somebody who holds one at a time."""
    taken: list[int] = []
    free_from = np.iinfo(np.int64).min
    for row in np.flatnonzero(labels.is_bet).tolist():
        if labels.closed_at[row] >= free_from:
            taken.append(row)
            free_from = labels.ended_at[row]
    return np.array(taken, dtype=np.int64)


def _mean_where(values: Floats, weights: Floats, rows: NDArray[np.bool_]) -> float | None:
    total = float(weights[rows].sum())
    return float(values[rows] @ weights[rows]) / total if total > 0 else None
