"""The champion, asked about the same rows as the one that wants its place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.calibrate import probabilities
from models.candidate import Fitted, Study
from models.dataset import CandleArrays
from models.evaluate import losses
from models.evaluation.money import course_of, floor_of
from models.evaluation.sheet import Against, Estimate
from models.manifest import TradedMarket
from models.scorer import ServingModel
from models.statistics.bootstrap import estimate, p_value
from models.strategy.result import max_drawdown
from models.validation import Indices
from shared.domain.ids import Symbol

_DRAWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Challenger:
    """What the new model says about the holdout's rows, and the market they are traded on."""

    rows: Indices
    margins: NDArray[np.float64]
    fitted: Fitted
    market: TradedMarket


def against(
    champion: ServingModel,
    challenger: Challenger,
    study: Study,
    data: Mapping[Symbol, CandleArrays],
    now: datetime,
) -> Against:
    """Compare log losses on the holdout's rows that the champion had not learned from either.

    Where there are too few of them the challenger has shown nothing: the gain is 0, p is 1. How
    deep the champion falls needs no such number of rows.
    """
    rows = challenger.rows
    held_out = champion.manifest.windows.get("holdout")
    unseen = champion.trained_until if held_out is None else held_out.first_at
    fair = study.rows.closed_at[rows] >= int(unseen.timestamp())
    part = rows[fair]
    expires_at = champion.manifest.expires_at
    nothing = Against(
        release_id=champion.release_id,
        gain=Estimate(value=0.0, low=0.0, high=0.0),
        p_value=1.0,
        max_drawdown=0.0,
        is_expired=expires_at is not None and expires_at <= now,
    )
    if not len(part):
        return nothing
    margins = champion.margins(study.rows.vectors[part].astype(np.float64))
    p = probabilities(champion.calibrator, margins)
    floor = floor_of(data, challenger.market, study, part)
    sized = Fitted(calibrator=champion.calibrator, payoff=champion.payoff)
    course = course_of(study, floor, part, (margins, p), sized)
    measured = replace(nothing, max_drawdown=max_drawdown(course.equity))
    draw = study.bootstrap_or_none(part, _DRAWS)
    if draw is None:
        return measured
    y, weights = study.rows.y[part], study.rows.uniqueness[part]
    rival = probabilities(challenger.fitted.calibrator, challenger.margins[fair])
    gaps = losses(p, y) - losses(rival, y)
    gains = draw.means(gaps, weights)
    value = float(np.average(gaps, weights=weights))
    return replace(measured, gain=estimate(value, gains), p_value=p_value(gains))
