"""What probabilities are worth before any money: skill, and whether promises are kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluate import auc, brier, ece, log_loss, losses
from models.evaluation.sheet import Reliability, Skill, Top
from models.statistics.bootstrap import BlockBootstrap, estimate, p_value
from models.statistics.calibration import (
    calibration_line,
    ece_null,
    reliability_bins,
    roc_points,
)

Floats = NDArray[np.float64]
_TOPS = (0.05, 0.10, 0.20)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Rows (k,) that fitted nothing. `rival`: the logistic regression's probability.

    `base`: the base rate that was known when the row was still to come. `margins` rank the rows:
    `p` would not do, for where each fold is calibrated by the others, one with few wins is promised
    more than one with many.
    """

    decided_at: NDArray[np.int64]
    y: NDArray[np.int8]
    net: Floats
    weights: Floats
    margins: Floats
    p: Floats
    rival: Floats
    base: Floats

    @property
    def is_telling(self) -> bool:
        """Return whether there are outcomes of both kinds."""
        return len(np.unique(self.y)) == 2


def skill_of(judged: Judged, draw: BlockBootstrap) -> Skill:
    y, weights, p, margins = judged.y, judged.weights, judged.p, judged.margins
    gaps = losses(judged.base, y) - losses(p, y)
    gains = draw.means(gaps, weights)
    return Skill(
        rows=len(y),
        n_effective=float(weights.sum()),
        base_rate=_mean(y, weights),
        log_loss=log_loss(p, y, weights),
        base_log_loss=log_loss(judged.base, y, weights),
        logit_log_loss=log_loss(judged.rival, y, weights),
        gain=estimate(_mean(gaps, weights), gains),
        p_value=p_value(gains),
        auc=estimate(auc(margins, y, weights), draw.auc(margins, y, weights)),
        brier=brier(p, y, weights),
        base_brier=brier(judged.base, y, weights),
        tops=tuple(_top(judged, share) for share in _TOPS),
        roc=roc_points(margins, y, weights),
    )


def reliability_of(judged: Judged, kind: str) -> Reliability:
    y, weights, p = judged.y, judged.weights, judged.p
    null_mean, null_high = ece_null(p, weights)
    slope, intercept = calibration_line(p, y, weights)
    return Reliability(
        kind=kind,
        ece=ece(p, y, weights),
        ece_null_mean=null_mean,
        ece_null_high=null_high,
        slope=slope,
        intercept=intercept,
        mean_probability=_mean(p, weights),
        base_rate=_mean(y, weights),
        bins=reliability_bins(p, y, weights),
    )


def _top(judged: Judged, share: float) -> Top:
    best = judged.margins >= np.quantile(judged.margins, 1 - share)
    return Top(
        share=share,
        precision=_mean(judged.y[best], judged.weights[best]),
        mean_net=_mean(judged.net[best], judged.weights[best]),
    )


def _mean(values: NDArray[np.generic], weights: Floats) -> float:
    return float(np.average(values.astype(np.float64), weights=weights))
