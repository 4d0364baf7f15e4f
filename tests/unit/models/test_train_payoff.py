import numpy as np
import pytest

from models.payoff import Payoff, measure_payoff, reference_kelly
from models.training.calibration import fit_platt
from shared.domain.kelly import kelly_two_point, net_return_long, probability_lower_bound

GROSS = np.array([0.04, 0.02, -0.03, -0.05])
BARRIER = np.array([0.04, 0.04, 0.05, 0.05])
Y = np.array([1, 1, 0, 0], dtype=np.int8)
WEIGHTS = np.array([3.0, 1.0, 1.0, 1.0])


def test_payoffs_are_weighted_means_in_units_of_the_barrier():
    payoff = measure_payoff(GROSS, BARRIER, Y, WEIGHTS)
    assert payoff.a_win == pytest.approx((3 * 1.0 + 0.5) / 4)
    assert payoff.a_loss == pytest.approx((0.6 + 1.0) / 2)
    assert (payoff.n_win, payoff.n_loss) == (4.0, 2.0)


def test_a_young_instrument_leans_on_the_pooled_payoff():
    pooled = Payoff(a_win=0.7, a_loss=0.6, n_win=900, n_loss=900)
    payoff = measure_payoff(GROSS, BARRIER, Y, WEIGHTS, pooled)
    assert payoff.a_win == pytest.approx((4 * 0.875 + 200 * 0.7) / 204)
    assert payoff.a_loss == pytest.approx((2 * 0.8 + 200 * 0.6) / 202)
    empty = np.empty(0)
    unseen = measure_payoff(empty, empty, empty.astype(np.int8), empty, pooled)
    assert (unseen.a_win, unseen.a_loss) == pytest.approx((0.7, 0.6))


def skilled(strength: float):
    draw = np.random.default_rng(5)
    margins = draw.normal(0, 1, 3_000)
    y = (draw.random(3_000) < 1 / (1 + np.exp(-strength * margins))).astype(np.int8)
    return margins, fit_platt(margins, y, np.full(3_000, 0.5))


def test_the_reference_bet_is_the_ninth_decile_of_the_bets_worth_taking():
    margins, calibrator = skilled(1.0)
    payoff = Payoff(a_win=1.0, a_loss=1.0, n_win=500, n_loss=500)
    fees = (0.001, 0.0005)
    barrier = np.full(3_000, 0.05)
    win, loss = net_return_long(0.05, *fees), -net_return_long(-0.05, *fees)
    breakeven = loss / (win + loss)
    bets = [
        kelly_two_point(
            probability_lower_bound(
                calibrator.probability(m), calibrator.neighbours(m), 0.2, breakeven
            ),
            win,
            loss,
        )
        for m in margins[:400].tolist()
    ]
    expected = np.quantile([bet for bet in bets if bet > 0], 0.9)
    found = reference_kelly(margins[:400], barrier[:400], calibrator, payoff, fees)
    assert found == pytest.approx(float(expected))
    thinned = reference_kelly(margins, barrier, calibrator, payoff, fees)
    assert thinned == pytest.approx(found, rel=0.15)


def test_a_model_without_a_positive_bet_has_no_reference():
    margins, calibrator = skilled(0.02)
    payoff = Payoff(a_win=0.7, a_loss=0.7, n_win=500, n_loss=500)
    dear = (0.004, 0.001)
    assert reference_kelly(margins, np.full(3_000, 0.03), calibrator, payoff, dear) == 0.0
    worthless = Payoff(a_win=0.01, a_loss=0.7, n_win=500, n_loss=500)
    assert reference_kelly(margins, np.full(3_000, 0.03), calibrator, worthless, dear) == 0.0
