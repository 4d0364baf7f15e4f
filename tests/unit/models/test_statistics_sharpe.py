import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.sharpe import (
    deflated_sharpe,
    expected_max_sharpe,
    probabilistic_sharpe,
    sharpe_ratio,
)

YEARLY = 2.5 / np.sqrt(250)
VARIANCE = 0.5 / 250


def returns(mean, count=1_000, seed=0):
    return np.random.default_rng(seed).normal(mean, 1.0, count) / 100


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "expected"),
    [(100, -3, 10, 0.900396834), (46, -3, 10, 0.950501702), (88, 0, 3, 0.950490817)],
)
def test_the_example_of_the_paper(trials, skew, kurtosis, expected):
    benchmark = expected_max_sharpe(VARIANCE, trials)
    found = probabilistic_sharpe(YEARLY, 1_250, skew, kurtosis, benchmark)
    assert found == pytest.approx(expected, abs=1e-8)


def test_the_benchmark_of_the_paper_and_no_benchmark():
    assert expected_max_sharpe(VARIANCE, 100) == pytest.approx(0.113172002, abs=1e-9)
    assert probabilistic_sharpe(YEARLY, 1_250, -3, 10) == pytest.approx(0.999996860, abs=1e-9)


@pytest.mark.parametrize(
    ("trials", "expected"), [(10, 1.574598), (100, 2.530603), (1_000, 3.255122)]
)
def test_the_best_of_many_without_skill(trials, expected):
    assert expected_max_sharpe(1.0, trials) == pytest.approx(expected, abs=1e-6)
    best = np.random.default_rng(1).normal(size=(2_000, trials)).max(axis=1)
    assert best.mean() == pytest.approx(expected, abs=0.06)


def test_nothing_to_choose_from_leaves_no_benchmark():
    assert expected_max_sharpe(1.0, 1) == 0.0
    assert expected_max_sharpe(1.0, 0) == 0.0
    assert expected_max_sharpe(0.0, 100) == 0.0


def test_a_sharpe_ratio_is_mean_over_deviation():
    assert sharpe_ratio(np.array([0.01, 0.02, 0.03])) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "flat",
    [[], [0.01], [0.0] * 9, [0.1] * 9, [np.nan, 1.0, 2.0]],
    ids=["none", "one", "zero", "even", "nan"],
)
def test_returns_that_say_nothing_have_no_sharpe_and_no_probability(flat):
    assert sharpe_ratio(np.array(flat)) == 0.0
    assert deflated_sharpe(np.array(flat), [0.1, 0.2, 0.05], 3)[0] == 0.0


@pytest.mark.parametrize(
    ("count", "skew", "kurtosis"), [(1, 0, 3), (0, 0, 3), (100, 4, 1), (100, np.nan, 3)]
)
def test_impossible_moments_or_no_periods_prove_nothing(count, skew, kurtosis):
    assert probabilistic_sharpe(0.5, count, skew, kurtosis) == 0.0


def test_one_try_is_judged_against_nothing_and_many_against_their_spread():
    chosen = returns(0.15)
    alone, benchmark = deflated_sharpe(chosen, [sharpe_ratio(chosen)], 1)
    assert benchmark == 0.0
    assert alone > 0.99
    tried = [sharpe_ratio(returns(0.0, seed=seed)) for seed in range(1, 24)] + [
        sharpe_ratio(chosen)
    ]
    among, benchmark = deflated_sharpe(chosen, tried, 24)
    assert benchmark == pytest.approx(expected_max_sharpe(np.var(tried, ddof=1), 24))
    assert among < alone
    assert deflated_sharpe(chosen, tried, 2)[1] == benchmark  # never fewer than are known


def test_tries_that_are_not_known_are_taken_to_spread_by_chance():
    chosen = returns(0.15)
    found, benchmark = deflated_sharpe(chosen, [], 24)
    assert benchmark == pytest.approx(expected_max_sharpe(1 / 999, 24), rel=0.05)
    assert 0 < found < deflated_sharpe(chosen, [], 1)[0]


def test_the_best_of_many_without_skill_is_not_believed():
    believed = 0
    for seed in range(60):
        tried = np.random.default_rng(seed).normal(0, 0.01, (20, 500))
        sharpes = [sharpe_ratio(one) for one in tried]
        believed += deflated_sharpe(tried[int(np.argmax(sharpes))], sharpes, 20)[0] >= 0.95
    assert believed <= 3


@settings(max_examples=60, deadline=None)
@given(
    sr=st.floats(-0.5, 0.5),
    count=st.integers(2, 5_000),
    skew=st.floats(-2, 2),
    extra=st.floats(0.1, 20),
    benchmark=st.floats(0, 0.4),
)
def test_a_probability_falls_with_its_benchmark(sr, count, skew, extra, benchmark):
    kurtosis = skew**2 + 1 + extra
    found = probabilistic_sharpe(sr, count, skew, kurtosis, benchmark)
    assert 0 <= found <= probabilistic_sharpe(sr, count, skew, kurtosis) <= 1
    assert (found >= 0.5) == (sr >= benchmark) or found == pytest.approx(0.5)
