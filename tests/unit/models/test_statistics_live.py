import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, norm

from models.statistics.live import (
    brier_worse_than_base,
    calibration_z,
    cusum,
    drift_factor,
    live_factor,
)

NONE = np.empty(0)
NO_OUTCOMES = np.empty(0, dtype=np.int8)


def matured(count, seed=0, excess=0.0):
    draw = np.random.default_rng(seed)
    p = draw.uniform(0.35, 0.65, count)
    return p, (draw.random(count) < p + excess).astype(np.int8)


def test_the_z_of_calibration_is_the_formula():
    p, y = np.array([0.5, 0.6, 0.4, 0.5]), np.array([1, 1, 1, 0], dtype=np.int8)
    found = calibration_z(p, y, np.full(4, 0.25))
    assert found == pytest.approx((3 - 2.0) / np.sqrt(0.25 + 0.24 + 0.24 + 0.25) * 0.5)


def test_the_z_of_kept_promises_is_standard_normal():
    found = [calibration_z(*matured(400, seed), np.ones(400)) for seed in range(400)]
    assert np.std(found) == pytest.approx(1, abs=0.12)
    assert kstest(found, "norm").pvalue > 0.01


def test_labels_that_overlap_give_no_more_z_than_those_they_repeat():
    p, y = matured(100, excess=0.1)
    once = calibration_z(p, y, np.ones(100))
    many = calibration_z(np.repeat(p, 24), np.repeat(y, 24), np.full(2_400, 1 / 24))
    assert many == pytest.approx(once)
    assert once > 0


def test_no_labels_say_nothing_and_a_broken_certainty_everything():
    assert calibration_z(NONE, NO_OUTCOMES, NONE) == 0.0
    zero, one = np.zeros(1), np.ones(1, dtype=np.int8)
    assert calibration_z(zero, one, np.ones(1)) == np.inf
    assert calibration_z(np.ones(1), 0 * one, np.ones(1)) == -np.inf
    assert calibration_z(np.ones(1), one, np.ones(1)) == 0.0


def test_losses_add_up_until_a_gain_and_alarm_beyond_five_deviations():
    nets = np.array([-1.0, -1.0, 3.0, -2.0, -2.0, 1.0])
    assert cusum(nets, 1.0) == (4.0, False)
    assert cusum(nets, 0.5) == (8.0, True)
    assert cusum(np.full(5, -1.0), 1.0) == (5.0, False)
    assert cusum(np.full(6, -1.0), 1.0) == (6.0, True)
    assert cusum(np.full(6, -1.0), 1.0, reference=0.25, limit=4.0) == (4.5, True)
    assert cusum(NONE, 1.0) == (0.0, False)


def test_an_alarm_is_not_taken_back():
    assert cusum(np.array([-6.0, 100.0, 0.0]), 1.0) == (6.0, True)


@pytest.mark.parametrize("spread", [0.0, -1.0, np.nan])
def test_losses_without_a_spread_alarm_at_once(spread):
    assert cusum(np.array([0.0, 1.0]), spread) == (0.0, False)
    assert cusum(np.array([0.0, -1e-9, 1.0]), spread) == (np.inf, True)


def test_trades_that_pay_nothing_alarm_after_about_forty():
    draw = np.random.default_rng(0)
    lengths = []
    for _ in range(200):
        losses = np.cumsum(-draw.normal(size=400))
        running = losses - np.minimum.accumulate(np.minimum(losses, 0))
        first = int(np.argmax(running > 5))
        assert cusum(-np.diff(losses[: first + 1], prepend=0), 1.0)[1]
        assert not cusum(-np.diff(losses[:first], prepend=0), 1.0)[1]
        lengths.append(first + 1)
    assert 30 < np.mean(lengths) < 46


@given(st.lists(st.floats(-10, 10), max_size=40), st.floats(0.1, 10))
def test_losses_in_deviations_have_no_unit(nets, scale):
    found = cusum(np.array(nets) * scale, scale)[0]
    assert found == pytest.approx(cusum(np.array(nets), 1.0)[0], abs=1e-9)
    assert 0 <= found <= sum(-net for net in nets if net < 0) + 1e-9


def test_a_model_worse_than_the_base_rate_is_seen():
    _, y = matured(200)
    wrong = np.where(y > 0, 0.4, 0.6)
    assert brier_worse_than_base(wrong, y, 0.5, np.ones(200)) < 1e-6
    assert brier_worse_than_base(1 - wrong, y, 0.5, np.ones(200)) > 1 - 1e-6


def test_the_p_value_is_that_of_a_paired_z():
    p, y = np.array([0.4, 0.6, 0.7]), np.array([0, 1, 0], dtype=np.int8)
    excess = np.array([0.16, 0.16, 0.49]) - 0.25
    z = excess.mean() / excess.std(ddof=1) * np.sqrt(1.5)
    assert brier_worse_than_base(p, y, 0.5, np.full(3, 0.5)) == pytest.approx(norm.sf(z))


def test_a_model_no_better_than_the_base_rate_is_blamed_as_often_as_promised():
    draw = np.random.default_rng(1)
    blamed = 0
    for _ in range(600):
        # outcomes are even: 0.45, 0.55 and a base rate of 0.55 are all wrong by as much
        y = (draw.random(200) < 0.5).astype(np.int8)
        p = np.where(draw.random(200) < 0.5, 0.45, 0.55)
        blamed += brier_worse_than_base(p, y, 0.55, np.ones(200)) < 0.05
    assert blamed / 600 == pytest.approx(0.05, abs=0.025)


def test_labels_that_overlap_prove_no_more_than_those_they_repeat():
    p, y = matured(100, seed=3)
    once = brier_worse_than_base(p, y, 0.45, np.ones(100))
    many = brier_worse_than_base(np.repeat(p, 24), np.repeat(y, 24), 0.45, np.full(2_400, 1 / 24))
    assert many == pytest.approx(once, abs=0.01)


def test_too_few_labels_or_the_base_rate_itself_are_never_worse():
    p, y = matured(50)
    assert brier_worse_than_base(p[:1], y[:1], 0.5, np.ones(1)) == 1.0
    assert brier_worse_than_base(NONE, NO_OUTCOMES, 0.5, NONE) == 1.0
    assert brier_worse_than_base(np.full(50, 0.5), y, 0.5, np.ones(50)) == 1.0
    assert brier_worse_than_base(np.full(5, 0.9), np.zeros(5, np.int8), 0.5, np.ones(5)) == 0.0


@pytest.mark.parametrize(
    ("psi", "factor"),
    [
        (0, 1),
        (0.1, 1),
        (0.175, 0.75),
        (0.25, 0.5),
        (0.375, 0.25),
        (0.5, 0),
        (9, 0),
        (np.nan, 0),
        (np.inf, 0),
    ],
)
def test_confidence_falls_with_drift(psi, factor):
    assert drift_factor(psi) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("z", "count", "factor"),
    [
        (9, 49, 1),
        (9, 50, 0),
        (0, 50, 1),
        (2, 50, 1),
        (-3, 50, 0.75),
        (4, 50, 0.5),
        (6, 50, 0),
        (np.nan, 50, 0),
        (np.inf, 50, 0),
    ],
)
def test_confidence_falls_with_broken_promises(z, count, factor):
    assert live_factor(z, count) == pytest.approx(factor)


def test_a_service_may_import_it_without_scipy_or_xgboost():
    told = "import sys, models.statistics.live; print({'scipy', 'xgboost', 'sklearn'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", told], text=True).strip() == "set()"
