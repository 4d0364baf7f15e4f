import msgspec
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models.calibrate import Calibrator, probabilities, sigmoid
from models.training.calibration import (
    cross_calibrated,
    fit_calibrator,
    fit_isotonic,
    fit_platt,
    with_own_intercept,
)


def overconfident(seed: int, count: int = 3_000):
    draw = np.random.default_rng(seed)
    margins = draw.normal(-0.2, 1.3, count)
    y = (draw.random(count) < 1 / (1 + np.exp(-(0.4 * margins - 0.3)))).astype(np.int8)
    return margins, y, draw.uniform(0.03, 0.2, count)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_platt_is_the_logistic_regression_of_scikit_learn(seed):
    margins, y, weights = overconfident(seed)
    ours = fit_platt(margins, y, weights)
    theirs = LogisticRegression(C=1e6, tol=1e-12, max_iter=10_000)
    theirs.fit(margins[:, np.newaxis], y, sample_weight=weights)
    assert pytest.approx(theirs.coef_[0, 0], abs=1e-5) == ours.A
    assert pytest.approx(theirs.intercept_[0], abs=1e-5) == ours.B
    assert 0.3 < ours.A < 0.5


def test_separable_margins_still_give_finite_numbers():
    margins = np.linspace(-1, 1, 200)
    fitted = fit_platt(margins, (margins > 0).astype(np.int8), np.ones(200))
    assert np.isfinite([fitted.A, fitted.B]).all()
    assert fitted.probability(1.0) > 0.99


def test_margins_that_point_the_wrong_way_say_the_base_rate():
    margins, y, weights = overconfident(4)
    fitted = fit_platt(-margins, y, weights)
    assert fitted.A == 0.0
    base_rate = float(np.average(y, weights=weights))
    assert fitted.probability(3.0) == pytest.approx(base_rate)
    assert fitted.probability(-3.0) == pytest.approx(base_rate)


def test_beyond_what_calibration_saw_confidence_does_not_grow():
    margins, y, weights = overconfident(5)
    fitted = fit_platt(margins, y, weights)
    low, high = np.quantile(margins, (0.001, 0.999))
    assert fitted.probability(99.0) == fitted.probability(float(high)) < 1
    assert fitted.probability(-99.0) == fitted.probability(float(low)) > 0
    inside = np.linspace(low, high, 50)
    assert (np.diff(probabilities(fitted, inside)) > 0).all()


def test_a_calibrator_survives_json_exactly():
    fitted = fit_platt(*overconfident(6))
    assert msgspec.json.decode(msgspec.json.encode(fitted), type=Calibrator) == fitted
    document = msgspec.json.decode(msgspec.json.encode(fitted))
    assert document["kind"] == "platt_margin"
    assert {"A", "B"} < document.keys()


def test_an_own_intercept_goes_as_far_as_its_labels_carry_it():
    pooled = fit_platt(*overconfident(7))
    margins, y, weights = overconfident(8)
    happier = np.where(np.random.default_rng(9).random(len(y)) < 0.3, 1, y).astype(np.int8)
    free = with_own_intercept(pooled, margins, happier, weights, prior_labels=0.0)
    shrunk = with_own_intercept(pooled, margins, happier, weights)
    count = weights.sum()
    assert free.B > pooled.B
    assert free.A == shrunk.A == pooled.A
    assert pytest.approx((free.B - pooled.B) * count / (count + 200)) == shrunk.B - pooled.B
    clamped = np.clip(margins, pooled.margin_low, pooled.margin_high)
    assert np.average(probabilities(free, clamped) - happier, weights=weights) == pytest.approx(
        0, abs=1e-9
    )
    nothing = np.empty(0)
    assert with_own_intercept(pooled, nothing, nothing.astype(np.int8), nothing) is pooled


def test_neighbours_are_the_labels_of_the_nearest_tenth():
    margins, y, weights = overconfident(10, 4_000)
    fitted = fit_platt(margins, y, weights)
    for margin in (-9.0, -1.5, -0.2, 0.0, 0.7, 2.0, 9.0):
        nearest = np.argsort(np.abs(margins - margin))[:400]
        assert fitted.neighbours(margin) == pytest.approx(weights[nearest].sum(), rel=0.06)


def test_neighbours_are_never_more_than_a_thousand():
    margins, y, _ = overconfident(11, 20_000)
    assert fit_platt(margins, y, np.ones(20_000)).neighbours(0.0) == 1_000.0


def test_sigmoid_does_not_overflow():
    assert sigmoid(-1_000.0) == 0.0
    assert sigmoid(1_000.0) == 1.0
    assert sigmoid(0.0) == 0.5


def folds_of(count: int, folds: int = 4):
    return np.repeat(np.arange(folds), -(-count // folds))[:count]


def bent(seed: int, count: int):
    """Outcomes that no straight line in the margin can tell: a step."""
    draw = np.random.default_rng(seed)
    margins = draw.normal(0, 1, count)
    y = (draw.random(count) < np.where(margins > 0.8, 0.75, 0.45)).astype(np.int8)
    return margins, y


def test_a_rising_step_function_is_chosen_only_where_it_earns_its_place():
    margins, y = bent(1, 24_000)
    folds = folds_of(len(y))
    assert fit_calibrator(margins, y, np.ones(24_000), folds).kind == "isotonic"
    assert fit_calibrator(margins, y, np.full(24_000, 0.4), folds).kind == "platt_margin"
    straight, won, _ = overconfident(2, 24_000)
    assert fit_calibrator(straight, won, np.ones(24_000), folds).kind == "platt_margin"


def test_an_isotonic_calibrator_is_scikit_learns_within_its_guards_and_survives_json():
    margins, y = bent(3, 2_000)
    ours = fit_isotonic(margins, y, np.ones(2_000))
    theirs = IsotonicRegression(y_min=0.01, y_max=0.99, out_of_bounds="clip").fit(margins, y)
    inside = np.linspace(ours.margin_low, ours.margin_high, 200)
    np.testing.assert_allclose(probabilities(ours, inside), theirs.predict(inside), atol=1e-6)
    assert ours.probability(99.0) == ours.probability(ours.margin_high)
    assert msgspec.json.decode(msgspec.json.encode(ours), type=Calibrator) == ours
    assert with_own_intercept(ours, margins, y, np.ones(2_000)) == ours


def test_each_fold_is_calibrated_by_the_others():
    margins, y, weights = overconfident(4)
    folds = folds_of(len(y))
    p = cross_calibrated(margins, y, weights, folds)
    mine = folds == 2
    alone = fit_platt(margins[~mine], y[~mine], weights[~mine])
    np.testing.assert_array_equal(p[mine], probabilities(alone, margins[mine]))
