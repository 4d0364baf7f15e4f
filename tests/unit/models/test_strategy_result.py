from decimal import Decimal

import numpy as np
import pytest

from models.strategy.result import daily_returns, max_drawdown, mean_net, sharpe, summarise
from models.strategy.simulate import Course, Trades
from portfolio.core.performance import Activity, EquityCurve, measure
from tests.unit.models.made_bets import HOUR, START, at

HOURS_A_YEAR = 8_760.0


def course_of(equity, nets=(), exposure=0.5):
    levels = np.array(equity, dtype=np.float64)
    count, trades = len(levels), len(nets)
    return Course(
        instants=at(np.arange(count)),
        equity=levels,
        returns=np.concatenate(([0.0], levels[1:] / levels[:-1] - 1)),
        exposure=np.full(count, exposure),
        trades=Trades(
            decided_at=at(np.arange(trades)),
            end_at=at(np.arange(trades) + 1),
            instrument=np.zeros(trades, dtype=np.int64),
            size=np.full(trades, 0.05),
            net=np.array(nets, dtype=np.float64),
        ),
        turnover=3.0,
    )


def test_the_figures_of_a_small_course():
    result = summarise("model", course_of([1, 1.1, 0.88, 0.99], [0.02, -0.01, 0.0, 0.03]), 4.0)
    assert result.name == "model"
    assert result.net_return == pytest.approx(-0.01)
    assert result.max_drawdown == pytest.approx(0.2)
    returns = np.array([0.1, -0.2, 0.125])
    assert result.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * 2)
    assert (result.trades, result.hit_rate) == (4, 0.5)
    assert (result.turnover, result.exposure_ratio) == (3.0, 0.5)
    assert result.mean_net.value == pytest.approx(0.01)
    assert result.mean_net.low < 0.01 < result.mean_net.high
    assert result.curve == tuple(zip(at(np.arange(4)).tolist(), [1, 1.1, 0.88, 0.99], strict=True))


def test_the_figures_are_those_of_the_portfolio():
    draw = np.random.default_rng(1)
    equity = np.cumprod(np.concatenate(([1.0], 1 + 0.01 * draw.standard_normal(500))))
    activity = Activity(trips=(), traded_notional=Decimal(0), fees=Decimal(0))
    drawn = EquityCurve(seconds=3600 * np.arange(501), equity=equity)
    theirs = measure(drawn, np.zeros(501), activity, HOURS_A_YEAR)
    ours = summarise("model", course_of(equity), HOURS_A_YEAR)
    assert ours.sharpe == pytest.approx(theirs.sharpe)
    assert ours.max_drawdown == pytest.approx(theirs.max_drawdown_ratio)
    assert ours.net_return == pytest.approx(theirs.return_ratio)


def test_who_did_nothing_has_figures_too():
    result = summarise("flat", course_of([1, 1, 1], exposure=0), HOURS_A_YEAR)
    assert (result.sharpe, result.max_drawdown, result.net_return) == (0, 0, 0)
    assert (result.trades, result.hit_rate, result.mean_net) == (0, 0, None)
    assert sharpe(np.empty(0), 1.0) == sharpe(np.ones(1), 1.0) == 0.0
    assert max_drawdown(np.ones(1)) == 0.0


@pytest.mark.parametrize("count", [1, 2, 399, 400, 401, 10_000])
def test_a_curve_is_thinned_and_keeps_its_ends(count):
    equity = np.linspace(1, 2, count)
    curve = summarise("model", course_of(equity), HOURS_A_YEAR).curve
    assert len(curve) == min(count, 400)
    assert curve[0] == (START + HOUR, 1.0)
    assert curve[-1] == (START + HOUR * count, equity[-1])
    instants = [instant for instant, _ in curve]
    assert instants == sorted(set(instants))


def test_the_interval_of_trades_that_know_nothing_of_each_other_is_the_normal_one():
    net = np.random.default_rng(3).normal(0.01, 0.02, 900)
    found = mean_net(net, 4_000, 7)
    reach = 1.2816 * net.std() / 30
    assert found.value == pytest.approx(net.mean())
    assert found.low == pytest.approx(net.mean() - reach, abs=0.12 * reach)
    assert found.high == pytest.approx(net.mean() + reach, abs=0.12 * reach)


def test_trades_that_share_their_luck_widen_the_interval():
    draw = np.random.default_rng(4)
    alone = draw.normal(0.01, 0.02, 900)
    shared = np.repeat(draw.normal(0.01, 0.02, 90), 10)
    near, far = (mean_net(net, 1_000, 7) for net in (alone, shared))
    assert far.high - far.low > 2 * (near.high - near.low)


def test_the_interval_repeats_itself_and_one_trade_is_its_own():
    net = np.random.default_rng(5).normal(size=50)
    assert mean_net(net, 100, 1) == mean_net(net, 100, 1)
    assert mean_net(net, 100, 1) != mean_net(net, 100, 2)
    one = mean_net(np.array([0.25]), 100, 7)
    assert (one.value, one.low, one.high) == (0.25, 0.25, 0.25)


def test_days_end_with_the_candle_that_closes_at_midnight():
    equity = np.array([1.0] * 10 + [1.1] * 13 + [1.2] + [1.3] * 23 + [1.5] + [1.2] * 6)
    daily = daily_returns(course_of(equity))
    assert daily.tolist() == pytest.approx([0.2, 0.25, -0.2])


def test_daily_returns_compound_to_the_whole():
    draw = np.random.default_rng(6)
    equity = np.cumprod(np.concatenate(([1.0], 1 + 0.01 * draw.standard_normal(99))))
    assert np.prod(1 + daily_returns(course_of(equity))) == pytest.approx(equity[-1])
    assert len(daily_returns(course_of(equity))) == 5
    assert daily_returns(course_of([1.0])).tolist() == [0.0]
