"""Trees of another house become a release here: calibrated and looked at on the newest candles.

Nobody saw them being made. They have no out-of-fold record and may know the very candles they are
looked at with, so their gate stays shut; the shadow is where they can show something.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from launcher.model_extraction import Extracted
from models.calibrate import Calibrator, probabilities
from models.dataset import CandleArrays, TrainingSet, training_set
from models.evaluate import Metrics, evaluate
from models.forest import read_forest
from models.manifest import GLOBAL, LabelRule, TradedMarket, scope_of
from models.payoff import Payoff, measure_payoff, reference_kelly
from models.training.calibration import fit_platt
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

DAYS = 180
_FITTED_SHARE = 2 / 3
_MIN_ROWS = 200
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adoption:
    """`fitted` rows gave calibration and payoff, `judged` ones come after their last outcome."""

    scope: str
    market: TradedMarket
    label: LabelRule
    rows: TrainingSet
    fitted: Rows
    judged: Rows
    margins: Floats
    calibrator: Calibrator
    payoff: Payoff
    figures: Metrics


def adopt(
    extracted: Extracted,
    data: Mapping[Symbol, CandleArrays],
    market: TradedMarket,
    label: LabelRule,
) -> Adoption:
    """Calibrate the trees on the older two thirds of the last 180 days and look at the rest.

    Raises:
        BadInput: too few candles that could be traded, or outcomes all alike.
    """
    rows = training_set(data, label, market)
    fitted, judged = _parts(rows)
    margins = read_forest(extracted.ubj).margins(rows.vectors)
    y, weights = rows.y, rows.uniqueness
    calibrator = fit_platt(margins[fitted], y[fitted], weights[fitted])
    payoff = measure_payoff(rows.gross[fitted], rows.barrier[fitted], y[fitted], weights[fitted])
    costs = (label.fee_ratio, label.slippage_ratio)
    kelly = reference_kelly(margins[fitted], rows.barrier[fitted], calibrator, payoff, costs)
    base_rate = float(np.average(y[fitted], weights=weights[fitted]))
    promised = probabilities(calibrator, margins[judged])
    figures = evaluate(promised, y[judged], weights[judged], base_rate)
    assert figures is not None
    symbols = tuple(market.references)
    return Adoption(
        scope=scope_of(symbols[0]) if len(symbols) == 1 else GLOBAL,
        market=market,
        label=label,
        rows=rows,
        fitted=fitted,
        judged=judged,
        margins=margins,
        calibrator=calibrator,
        payoff=replace(payoff, reference_kelly=kelly),
        figures=figures,
    )


def _parts(rows: TrainingSet) -> tuple[Rows, Rows]:
    if len(rows):
        newest = int(rows.closed_at.max())
        first = max(newest - DAYS * _SECONDS_PER_DAY, int(rows.closed_at.min()))
        cut = first + int(_FITTED_SHARE * (newest - first))
        is_recent = rows.closed_at >= first
        fitted = np.flatnonzero(is_recent & (rows.label_end_at <= cut))
        judged = np.flatnonzero(rows.closed_at > cut)
        if all(_is_telling(rows, part) for part in (fitted, judged)):
            return fitted, judged
    raise BadInput(
        "candles",
        f"the last {DAYS} days hold too few trades to calibrate it with and to look at it",
        f"import a longer history; each part needs {_MIN_ROWS} rows, won and lost ones",
    )


def _is_telling(rows: TrainingSet, part: Rows) -> bool:
    return len(part) >= _MIN_ROWS and len(np.unique(rows.y[part])) == 2
