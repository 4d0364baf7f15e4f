import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

from models.evaluate import auc, ece
from models.statistics.calibration import (
    calibration_line,
    ece_null,
    reliability_bins,
    roc_points,
)
from models.statistics.effective import auc_error, labels_for_auc
from shared.domain.errors import BadInput

NONE = np.empty(0)


def promises(count, seed=0):
    """Probabilities, outcomes that keep them, and weights."""
    draw = np.random.default_rng(seed)
    p = draw.uniform(0.3, 0.7, count).round(3)  # rounding makes ties
    return p, (draw.random(count) < p).astype(np.int8), draw.uniform(0.05, 1, count)


@pytest.mark.parametrize(
    ("count", "mean", "high"), [(500, 0.056, 0.077), (1_000, 0.039, 0.054), (5_000, 0.018, 0.024)]
)
def test_perfect_promises_show_the_gaps_of_the_design(count, mean, high):
    found = ece_null(promises(count)[0], np.ones(count))
    assert found == pytest.approx((mean, high), rel=0.07)


def test_overlapping_rows_count_as_few_as_they_are():
    p = promises(5_000)[0]
    assert ece_null(p, np.full(5_000, 0.1)) == pytest.approx((0.056, 0.077), rel=0.07)
    assert ece_null(p, np.full(5_000, 0.1)) != ece_null(p, np.full(5_000, 0.1), seed=8)
    assert ece_null(p, np.full(5_000, 0.1)) == ece_null(p[::-1], np.full(5_000, 0.1))


def test_weight_decides_which_promises_are_drawn():
    p = np.repeat([0.5, 0.999], 1_000)
    sure = np.repeat([0.0, 0.5], 1_000)
    assert ece_null(p, sure)[1] < 0.01 < ece_null(p, sure[::-1])[0]


def test_true_promises_lie_within_their_null_and_bold_ones_beyond():
    inside = 0
    for seed in range(40):
        p, y, _ = promises(600, seed)
        inside += ece(p, y, np.ones(600)) <= ece_null(p, np.ones(600), draws=100)[1]
    assert inside >= 33  # 38 expected
    p, y, _ = promises(5_000)
    bold = 0.5 + 2 * (p - 0.5)
    assert ece(bold, y, np.ones(5_000)) > 2 * ece_null(bold, np.ones(5_000))[1]


@pytest.mark.parametrize(
    "measure", [ece_null, lambda p, w: calibration_line(p, p > 0, w)], ids=["null", "line"]
)
@pytest.mark.parametrize(
    "rows", [(NONE, NONE), (np.array([0.5]), np.array([0.0]))], ids=["empty", "weightless"]
)
def test_rows_without_weight_are_refused(measure, rows):
    with pytest.raises(BadInput, match="weights"):
        measure(*rows)


@pytest.mark.parametrize("stretch", [0.2, 1.0, 3.0, -0.5])
def test_the_line_agrees_with_scikit_learn(stretch):
    draw = np.random.default_rng(1)
    odds = draw.normal(0.2, 1, 4_000)
    y = (draw.random(4_000) < 1 / (1 + np.exp(-stretch * odds + 0.3))).astype(np.int8)
    weights = draw.uniform(0.05, 1, 4_000)
    slope, intercept = calibration_line(1 / (1 + np.exp(-odds)), y, weights)
    oracle = LogisticRegression(C=1e9, tol=1e-10, max_iter=1_000)
    oracle.fit(odds[:, np.newaxis], y, sample_weight=weights)
    assert slope == pytest.approx(oracle.coef_[0, 0], abs=1e-5)
    assert intercept == pytest.approx(oracle.intercept_[0], abs=1e-5)
    assert slope == pytest.approx(stretch, abs=0.2)


def test_kept_promises_have_slope_one_and_bold_ones_less():
    p, y, weights = promises(40_000)
    assert calibration_line(p, y, weights) == pytest.approx((1, 0), abs=0.1)
    odds = np.log(p / (1 - p))
    assert calibration_line(1 / (1 + np.exp(-2 * odds)), y, weights)[0] == pytest.approx(
        0.5, abs=0.05
    )


def test_nothing_to_fit_has_slope_zero():
    y = np.array([1, 0, 0, 0], dtype=np.int8)
    assert calibration_line(np.full(4, 0.7), y, np.ones(4)) == pytest.approx((0.0, np.log(1 / 3)))
    slope, intercept = calibration_line(np.array([0.1, 0.9]), np.ones(2, np.int8), np.ones(2))
    assert slope == 0.0
    assert np.isfinite(intercept)


def test_separated_outcomes_and_certain_promises_stay_finite():
    p = np.array([0.0, 0.1, 0.9, 1.0])
    found = calibration_line(p, np.array([0, 0, 1, 1], dtype=np.int8), np.ones(4))
    assert np.isfinite(found).all()
    assert found[0] > 1


def test_the_bins_add_up_to_the_calibration_error():
    p, y, weights = promises(3_000)
    bins = reliability_bins(p, y, weights)
    total = sum(one.n_effective for one in bins)
    assert len(bins) == 10
    assert total == pytest.approx(weights.sum())
    assert [one.promised for one in bins] == sorted(one.promised for one in bins)
    assert all(one.n_effective == pytest.approx(total / 10, rel=0.02) for one in bins)
    gaps = sum(one.n_effective * abs(one.promised - one.observed) for one in bins) / total
    assert gaps == pytest.approx(ece(p, y, weights))


def test_few_rows_make_few_bins_and_none_make_none():
    bins = reliability_bins(np.array([0.2, 0.6]), np.array([0, 1], dtype=np.int8), np.ones(2))
    assert [(one.promised, one.observed, one.n_effective) for one in bins] == [
        (0.2, 0.0, 1.0),
        (0.6, 1.0, 1.0),
    ]
    assert reliability_bins(NONE, NONE.astype(np.int8), NONE) == ()


def test_the_curve_agrees_with_scikit_learn():
    p, y, weights = promises(300)
    false, true, _ = roc_curve(y, p, sample_weight=weights, drop_intermediate=False)
    found = roc_points(p, y, weights, points=100_000)
    assert np.array(found) == pytest.approx(np.stack((false, true), axis=1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1_000), count=st.integers(2, 400), points=st.integers(2, 120))
def test_a_thinned_curve_rises_from_corner_to_corner(seed, count, points):
    p, y, weights = promises(count, seed)
    found = np.array(roc_points(p, y, weights, points))
    assert 2 <= len(found) <= points
    assert (found[0].tolist(), found[-1].tolist()) == ([0, 0], pytest.approx([1, 1]))
    assert (np.diff(found, axis=0) >= 0).all()


def test_a_thinned_curve_keeps_its_area():
    p, y, weights = promises(20_000)
    false, true = np.array(roc_points(p, y, weights)).T
    assert np.trapezoid(true, false) == pytest.approx(auc(p, y, weights), abs=1e-3)


def test_one_outcome_only_draws_the_diagonal():
    ones = np.ones(5, dtype=np.int8)
    assert roc_points(np.linspace(0.1, 0.9, 5), ones, np.ones(5)) == ((0.0, 0.0), (1.0, 1.0))


def test_the_error_of_an_auc_without_skill():
    assert auc_error(3_000, 3_000) == pytest.approx(0.00746, abs=1e-5)
    draw = np.random.default_rng(2)
    p = draw.random(600)
    won = np.repeat([0, 1], 300).astype(np.int8)
    by_chance = [auc(p, draw.permutation(won), np.ones(600)) for _ in range(1_000)]
    assert np.std(by_chance) == pytest.approx(auc_error(300, 300), rel=0.07)
    assert auc_error(0, 5) == np.inf


@pytest.mark.parametrize(("skill", "labels"), [(0.52, 3_333), (0.53, 1_481), (0.55, 533)])
def test_how_many_labels_it_takes_to_see_an_auc(skill, labels):
    assert labels_for_auc(skill) == labels
    assert labels_for_auc(1 - skill) == labels


def test_chance_is_never_told_from_chance():
    with pytest.raises(BadInput, match="auc"):
        labels_for_auc(0.5)
