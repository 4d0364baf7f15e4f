"""The share of equity each bet deserves, seen alone: the steps of risk's sizing, in its order.

Source of steps and numbers: Kelly 1956; the cautious probability and the refusals as in risk.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from models.labels import net_return
from models.strategy.bets import Bets, Sizing
from shared.domain.kelly import (
    breakeven_probability,
    expected_return,
    fraction_from_cap,
    kelly_two_point,
    net_return_long,
    position_size,
    probability_lower_bound,
)

Floats = NDArray[np.float64]

_SLACK = 1e-6  # far beyond the error of either way to the beta distribution


def wanted_ratio(bets: Bets, row: int, sizing: Sizing) -> float:
    """Return what one bet deserves before caps and company, 0 where it is refused."""
    instrument = int(bets.instrument[row])
    barrier, confidence = float(bets.barrier[row]), float(bets.confidence[row])
    costs = (sizing.fee_ratio, sizing.slippage_ratio)
    win = net_return_long(float(sizing.a_win[instrument]) * barrier, *costs)
    loss = -net_return_long(-float(sizing.a_loss[instrument]) * barrier, *costs)
    breakeven = breakeven_probability(win, loss)
    used = probability_lower_bound(
        float(bets.probability[row]),
        float(bets.neighbours[row]),
        sizing.quantile,
        breakeven,
        sizing.prior,
    )
    fraction = fraction_from_cap(
        sizing.cap, float(sizing.reference_kelly[instrument]), sizing.ceiling
    )
    is_taken = (
        loss > 0
        and expected_return(used, win, loss) > 0
        and used - breakeven > sizing.min_margin
        and barrier >= sizing.min_barrier_costs * sizing.round_trip
    )
    if not is_taken:
        return 0.0
    return position_size(kelly_two_point(used, win, loss), fraction, 1.0, confidence)


def may_pay(bets: Bets, sizing: Sizing) -> NDArray[np.bool_]:
    """Return which bets may clear every refusal; those left out certainly do not.

    The cautious probability lies above a threshold exactly where the beta distribution has less
    than its quantile below it, and a distribution function is quick to ask.
    """
    costs = (sizing.fee_ratio, sizing.slippage_ratio)
    win = net_return(sizing.a_win[bets.instrument] * bets.barrier, *costs)
    loss = -net_return(-sizing.a_loss[bets.instrument] * bets.barrier, *costs)
    is_open = (win > 0) & (loss > 0) & (bets.confidence > 0)
    is_open &= bets.barrier >= sizing.min_barrier_costs * sizing.round_trip
    breakeven = loss / np.where(is_open, win + loss, 1.0)
    least = breakeven + sizing.min_margin
    is_open &= least < 1
    alpha = bets.probability * bets.neighbours + breakeven * sizing.prior
    beta = (1 - bets.probability) * bets.neighbours + (1 - breakeven) * sizing.prior
    is_open &= (alpha > 0) & (beta > 0)
    below = betainc(alpha[is_open], beta[is_open], least[is_open])
    is_open[is_open] = below < sizing.quantile + _SLACK
    return is_open
