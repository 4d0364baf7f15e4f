"""The figures of a curve equal those of known libraries on the same series."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio import Portfolio
from skfolio.measures import cvar, get_drawdowns, max_drawdown, value_at_risk, worst_realization

from portfolio.core.performance import (
    Activity,
    EquityCurve,
    expected_shortfall,
    longest_drawdown,
    measure,
    returns_of,
    without_contributions,
)
from portfolio.core.performance import max_drawdown as our_drawdown
from portfolio.core.performance import value_at_risk as our_value_at_risk
from tests.conftest import RECORDED

DAY, HOUR = 86_400, 3600
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
NOTHING = Activity(trips=(), traded_notional=Decimal(0), fees=Decimal(0))
GOLDEN = json.loads((Path(__file__).parent / "bitcoin_2022.json").read_text())


def curve_of(equity, step=DAY):
    equity = np.asarray(equity, dtype=float)
    return EquityCurve(seconds=START + step * np.arange(len(equity)), equity=equity)


def figures_of(equity, step=DAY):
    curve = curve_of(equity, step)
    return measure(curve, np.zeros(len(curve.equity)), NOTHING, 365 * DAY / step)


@pytest.mark.parametrize("name", GOLDEN["figures"])
def test_a_year_of_bitcoin_is_what_empyrical_says(name):
    ours = getattr(figures_of(GOLDEN["closes"]), name)
    assert ours == pytest.approx(GOLDEN["figures"][name], rel=1e-12)


def series():
    """Yield real and invented curves by name: (values, seconds between them)."""
    draw = np.random.default_rng(7)
    yield "bitcoin by day", np.array(GOLDEN["closes"]), DAY
    walk = np.cumprod(1 + 0.01 * draw.standard_normal(5001))
    yield "a walk by hour", 1000 * walk, HOUR
    file = RECORDED / "binance" / "ETH-USDT" / "1h.parquet"
    if file.exists():
        yield "recorded hours", pq.read_table(file)["close"].to_numpy(), HOUR


@pytest.mark.parametrize(("values", "step"), [pytest.param(*r[1:], id=r[0]) for r in series()])
def test_the_figures_are_those_of_skfolio(values, step):
    ours = figures_of(values, step)
    returns = returns_of(values)
    theirs = Portfolio(
        X=returns[:, None], weights=[1.0], annualization_factor=365 * DAY / step, compounded=True
    )
    assert ours.sharpe == pytest.approx(theirs.annualized_sharpe_ratio)
    assert ours.volatility == pytest.approx(theirs.annualized_standard_deviation)
    theirs.min_acceptable_return = 0.0
    bessel = np.sqrt(len(returns) / (len(returns) - 1))  # skfolio's deviation is the sample's
    assert ours.sortino == pytest.approx(theirs.annualized_sortino_ratio * bessel)
    assert ours.max_drawdown_ratio == pytest.approx(
        max_drawdown(get_drawdowns(returns, compounded=True))
    )
    closing = np.concatenate((values[:1], values[1:][DAY // step - 1 :: DAY // step]))
    if (len(values) - 1) % (DAY // step):
        closing = np.append(closing, values[-1])
    days = returns_of(closing)
    assert ours.value_at_risk_ratio == pytest.approx(value_at_risk(days))
    assert ours.expected_shortfall_ratio == pytest.approx(cvar(days))
    assert ours.worst_day_ratio == pytest.approx(-worst_realization(days))
    assert ours.best_day_ratio == pytest.approx(days.max())
    assert ours.calmar == pytest.approx(ours.cagr / ours.max_drawdown_ratio)


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=200))
def test_the_tail_is_that_of_skfolio_for_any_returns(returns):
    returns = np.array(returns)
    assert our_value_at_risk(returns) == pytest.approx(value_at_risk(returns), abs=1e-12)
    assert expected_shortfall(returns) == pytest.approx(cvar(returns), abs=1e-12)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_the_longest_drawdown_is_that_of_a_plain_loop(values):
    longest, peak, since, below = 0, 0, 0, False
    for at, value in enumerate(values):
        if value >= peak:
            longest = max(longest, at - since if below else 0)
            peak, since, below = value, at, False
        else:
            below = True
            longest = max(longest, at - since)
    assert longest_drawdown(curve_of(values)) == longest * DAY


@given(
    st.lists(
        st.tuples(st.floats(-0.3, 0.3), st.sampled_from([0.0, 0.0, 500.0, -200.0])),
        min_size=1,
        max_size=30,
    )
)
def test_what_is_paid_in_or_out_is_neither_gain_nor_loss(steps):
    """The account that also takes deposits grows as the one that was left alone."""
    alone, equity, contributed = [1000.0], [1000.0], [1000.0]
    for growth, wanted in steps:
        paid = max(wanted, 100.0 - equity[-1] * (1 + growth))  # never emptied
        alone.append(alone[-1] * (1 + growth))
        equity.append(equity[-1] * (1 + growth) + paid)
        contributed.append(contributed[-1] + paid)
    seen = without_contributions(np.array(equity), np.array(contributed))
    assert seen == pytest.approx(np.array(alone))
    assert our_drawdown(seen) == pytest.approx(our_drawdown(np.array(alone)))


def test_days_end_at_midnight_whatever_the_candles():
    """Three candles of eight hours are a day; the last day is not over yet."""
    equity = [100, 101, 102, 110, 109, 108, 99, 100]
    figures = figures_of(equity, 8 * HOUR)
    assert figures.best_day_ratio == pytest.approx(0.1)
    assert figures.worst_day_ratio == pytest.approx(99 / 110 - 1)
    assert figures.longest_drawdown_seconds == 4 * 8 * HOUR


def test_without_time_there_is_no_day():
    for equity in ([], [100.0]):
        figures = figures_of(equity)
        assert figures.value_at_risk_ratio is figures.best_day_ratio is None
        assert (figures.longest_drawdown_seconds, figures.calmar) == (0, None)
