import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from models.evaluate import auc, brier, ece, evaluate, gain, log_loss

P = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
Y = np.array([0, 0, 1, 0, 1, 0, 1, 1, 1, 1], dtype=np.int8)
EVEN = np.ones(10)


def test_the_design_vectors():
    assert brier(P, Y, EVEN) == pytest.approx(0.14525)
    assert log_loss(P, Y, EVEN) == pytest.approx(0.438921271, abs=1e-9)
    assert ece(P, Y, EVEN, bins=5) == pytest.approx(0.135)


def test_weighted_metrics_agree_with_scikit_learn():
    draw = np.random.default_rng(1)
    p = draw.uniform(0.01, 0.99, 2_000).round(2)  # rounding makes ties
    y = (draw.random(2_000) < p).astype(np.int8)
    weights = draw.uniform(0.01, 1, 2_000)
    assert auc(p, y, weights) == pytest.approx(roc_auc_score(y, p, sample_weight=weights))
    assert log_loss(p, y, weights) == pytest.approx(sklearn_log_loss(y, p, sample_weight=weights))
    assert brier(p, y, weights) == pytest.approx(brier_score_loss(y, p, sample_weight=weights))
    assert ece(p, y, weights) < 0.06


def test_the_base_rate_is_what_a_model_must_beat():
    metrics = evaluate(P, Y, EVEN, base_rate=0.6)
    assert metrics is not None
    assert metrics.beats_base_rate
    assert metrics.base_log_loss == pytest.approx(-0.6 * np.log(0.6) - 0.4 * np.log(0.4))
    assert metrics.base_brier == pytest.approx(0.24)
    assert (metrics.rows, metrics.n_effective, metrics.base_rate) == (10, 10.0, 0.6)
    constant = evaluate(np.full(10, 0.6), Y, EVEN, base_rate=0.6)
    assert constant is not None
    assert not constant.beats_base_rate
    assert constant.auc == 0.5


def test_without_rows_there_is_no_verdict():
    nothing = np.empty(0)
    assert evaluate(nothing, nothing.astype(np.int8), nothing, 0.5) is None


def test_one_kind_of_outcome_has_no_ranking_and_certainty_has_a_price():
    wins = np.ones(3, dtype=np.int8)
    assert auc(np.array([0.1, 0.2, 0.3]), wins, np.ones(3)) == 0.5
    assert np.isfinite(log_loss(np.zeros(3), wins, np.ones(3)))


def test_a_gain_is_the_difference_of_log_losses_and_overlap_widens_its_error():
    p, rival = np.array([0.7, 0.4, 0.6, 0.2]), np.array([0.5, 0.5, 0.5, 0.5])
    y = np.array([1, 0, 0, 0], dtype=np.int8)
    alone, shared = np.ones(4), np.full(4, 0.25)
    won, error = gain(p, rival, y, alone)
    assert won == pytest.approx(log_loss(rival, y, alone) - log_loss(p, y, alone))
    assert error > 0
    assert gain(p, rival, y, shared) == pytest.approx((won, 2 * error))
    assert gain(rival, rival, y, alone) == (0.0, 0.0)
