from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.dataset import CandleArrays
from models.labels import Cost, net_return
from models.strategy.baselines import buy_and_hold, flat, momentum, trend_of
from models.strategy.bets import prices_of
from tests.unit.models.made_bets import BTC, COST, ENTRY_COST, ETH, HOUR, aimless, at, market

NO_COST = Cost(fee_ratio=0.0, slippage_ratio=0.0)
CANDLES = 3_000


def net(gross):
    return float(net_return(np.array(gross), COST.fee_ratio, COST.slippage_ratio))


def test_whoever_holds_nothing_keeps_what_he_has():
    course = flat(market([100, 50, 200]))
    assert course.equity.tolist() == [1, 1, 1]
    assert (len(course.trades), course.turnover, course.exposure.sum()) == (0, 0, 0)


def test_buying_and_holding_is_four_fifths_of_the_mean_move_less_costs():
    opens = [[100, 10, np.nan], [100, 10, np.nan], [100, 10, 7], [100, 10, 7]]
    closes = [[100, 10, np.nan], [110, 10, np.nan], [120, 12, 8], [150, 9, 9]]
    course = buy_and_hold(market(opens, closes), COST)
    assert course.trades.instrument.tolist() == [0, 1]  # the third came too late
    assert course.trades.size.tolist() == [0.4, 0.4]
    marked = 0.2 + 0.4 * (1.1 + 1) / ENTRY_COST
    assert course.equity[1] == pytest.approx(marked, rel=1e-14)
    assert course.equity[-1] == pytest.approx(1 + 0.4 * (net(0.5) + net(-0.1)), rel=1e-14)
    assert buy_and_hold(market(opens, closes), NO_COST).equity[-1] == pytest.approx(1.16)


def test_what_stopped_trading_is_held_at_its_last_close():
    course = buy_and_hold(market([10, 10, np.nan, np.nan], [10, 20, np.nan, np.nan]), NO_COST)
    assert course.equity.tolist() == pytest.approx([1, 1.8, 1.8, 1.8])


def test_one_candle_is_no_time_to_hold_anything():
    assert buy_and_hold(market([10]), COST).equity.tolist() == [1]


def trend(*rows):
    """ppo and rsi of one instrument from rows (ppo, rsi)."""
    ppo, rsi = np.array(rows).T
    return ppo[:, np.newaxis], rsi[:, np.newaxis]


UP, HOT, OVERBOUGHT, DOWN, COLD = (0.01, 0.6), (0.01, 0.75), (0.01, 0.81), (-0.01, 0.6), (0.01, 0.4)


@pytest.mark.parametrize("way_out", [OVERBOUGHT, DOWN])
def test_momentum_fills_both_ways_at_the_next_open(way_out):
    prices = market([100, 100, 102, 105, 110, 120], [100, 101, 103, 106, 115, 125])
    course = momentum(prices, *trend(UP, UP, HOT, way_out, UP, UP), COST)
    assert course.trades.decided_at.tolist() == [at(0), at(4)]
    assert course.trades.end_at.tolist() == [at(4), at(5)]
    assert course.trades.net.tolist() == pytest.approx([net(0.1), net(125 / 120 - 1)])
    assert course.trades.size.tolist() == [0.05, 0.05]
    expected = (1 + 0.05 * net(0.1)) * (1 + 0.05 * net(125 / 120 - 1))
    assert course.equity[-1] == pytest.approx(expected, rel=1e-14)
    assert course.equity[2] == pytest.approx(0.95 + 0.05 * 103 / (100 * ENTRY_COST))


@pytest.mark.parametrize("row", [HOT, OVERBOUGHT, DOWN, COLD, (np.nan, 0.6), (0.01, np.nan)])
def test_momentum_enters_only_on_a_trend_that_is_neither_weak_nor_overbought(row):
    assert len(momentum(market([100] * 5), *trend(*[row] * 5), COST).trades) == 0


@pytest.mark.parametrize(
    ("rsi", "is_entry"), [(0.5, False), (0.501, True), (0.699, True), (0.7, False), (0.71, False)]
)
def test_momentum_enters_between_one_half_and_seven_tenths(rsi, is_entry):
    course = momentum(market([100] * 3), *trend((0.01, rsi), HOT, HOT), COST)
    assert len(course.trades) == is_entry


@pytest.mark.parametrize(("rsi", "ends"), [(0.79, 4), (0.8, 4), (0.801, 2)])
def test_momentum_leaves_above_eight_tenths(rsi, ends):
    course = momentum(market([100] * 5), *trend(UP, (0.01, rsi), HOT, HOT, HOT), COST)
    assert course.trades.end_at.tolist() == [at(ends)]


def test_a_trend_that_turns_while_nothing_trades_is_left_at_the_next_open_there_is():
    nan = np.nan
    prices = market([100, 100, 101, nan, 90, 90], [100, 101, 101, nan, 95, 90])
    course = momentum(prices, *trend(UP, UP, DOWN, (nan, nan), UP, UP), COST)
    assert course.trades.end_at.tolist()[0] == at(4)
    assert course.trades.net[0] == pytest.approx(net(-0.1))


def test_a_trend_that_never_turns_is_sold_at_the_last_close_known():
    nan = np.nan
    prices = market([100, 100, 101, nan], [100, 101, 103, nan])
    course = momentum(prices, *trend(UP, UP, UP, (nan, nan)), COST)
    assert course.trades.end_at.tolist() == [at(3)]
    assert course.equity[-1] == pytest.approx(1 + 0.05 * net(0.03), rel=1e-14)


def test_twenty_trends_at_once_share_four_fifths_of_the_equity():
    prices = market(np.full((4, 20), 100.0))
    ppo, rsi = np.full((4, 20), 0.01), np.full((4, 20), 0.6)
    course = momentum(prices, ppo, rsi, NO_COST)
    assert course.trades.size.tolist() == pytest.approx([0.04] * 20)


def test_the_more_trading_costs_the_less_the_baselines_keep():
    prices, _ = aimless()
    draw = np.random.default_rng(4)
    ppo = draw.normal(size=prices.close.shape)
    rsi = draw.uniform(0.4, 0.9, prices.close.shape)
    costs = [Cost(fee_ratio=fee, slippage_ratio=0.0005) for fee in (0.0, 0.001, 0.002)]
    for courses in (
        [momentum(prices, ppo, rsi, cost) for cost in costs],
        [buy_and_hold(prices, cost) for cost in costs],
    ):
        left = [course.equity[-1] for course in courses]
        assert left[0] > left[1] > left[2]


@pytest.fixture(scope="module")
def recorded_candles(recorded):
    """The last hours of ETH and BTC, some of them marked as bridges."""
    data = {}
    for symbol in (BTC, ETH):
        file = recorded / "binance" / symbol / "1h.parquet"
        if not file.exists():
            pytest.skip("no recorded candles here")
        table = pq.read_table(file)
        columns = [table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")]
        opened = table["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
        whole = CandleArrays(
            symbol=symbol,
            closed_at=opened + HOUR,
            ohlcv=np.stack(columns, axis=1).astype(np.float64),
            is_filled=np.zeros(len(opened), dtype=bool),
        )
        tail = np.arange(len(opened) - CANDLES, len(opened))
        data[symbol] = whole.taken(tail)
    is_filled = np.zeros(CANDLES, dtype=bool)
    is_filled[[1_200, 1_201, 2_000]] = True
    bridged = data[ETH].ohlcv.copy()
    bridged[is_filled] = bridged[np.flatnonzero(is_filled) - 1, 3][:, np.newaxis]
    bridged[1_201] = bridged[1_200]
    bridged[is_filled, 4] = 0.0
    data[ETH] = replace(data[ETH], ohlcv=bridged, is_filled=is_filled)
    return data


def plain_average(values, periods, weight):
    """The mean of the first values, then exponential steps of that weight."""
    found = [np.nan] * (periods - 1) + [sum(values[:periods]) / periods]
    for value in values[periods:]:
        found.append(value * weight + found[-1] * (1 - weight))
    return np.array(found)


def plain_trend(closes):
    """EMA(12)/EMA(26) - 1 and Wilder's RSI(14) as a textbook writes them, seeded with means."""
    ppo = plain_average(closes, 12, 2 / 13) / plain_average(closes, 26, 2 / 27) - 1
    changes = [after - before for before, after in pairwise(closes)]
    gain = plain_average([max(one, 0) for one in changes], 14, 1 / 14)
    loss = plain_average([max(-one, 0) for one in changes], 14, 1 / 14)
    return ppo, np.append(np.nan, gain / (gain + loss))


def plain_momentum(opens, closes, ppo, rsi):
    """Trades (decided, ends, gross) of one instrument, by walking along its candles."""
    trades, entered, decided, leaving = [], None, None, False
    for here in range(len(closes)):
        if entered is not None and leaving and np.isfinite(opens[here]):
            trades.append((decided, here, opens[here] / entered - 1))
            entered, leaving = None, False
        if entered is None and decided is not None and decided == here - 1:
            entered = opens[here]
        if entered is not None and (ppo[here] < 0 or rsi[here] > 0.8):
            leaving = True
        can_enter = here + 1 < len(opens) and np.isfinite(opens[here + 1])
        if entered is None and can_enter and ppo[here] > 0 and 0.5 < rsi[here] < 0.7:
            decided = here
    if entered is not None:
        known = np.flatnonzero(np.isfinite(closes))[-1]
        trades.append((decided, len(closes) - 1, closes[known] / entered - 1))
    return trades


def test_trend_and_momentum_on_recorded_candles_are_those_of_a_plain_loop(recorded_candles):
    closed_at = recorded_candles[ETH].closed_at
    first, last = int(closed_at[600]), int(closed_at[-1])
    prices = prices_of(recorded_candles, (BTC, ETH), HOUR, first, last)
    ppo, rsi = trend_of(recorded_candles, (BTC, ETH), prices, HOUR)
    course = momentum(prices, ppo, rsi, COST)
    for column, symbol in enumerate((BTC, ETH)):
        candles = recorded_candles[symbol]
        is_there = ~candles.is_filled[600:]
        plain = [part[600:] for part in plain_trend(candles.ohlcv[:, 3].tolist())]
        np.testing.assert_allclose(ppo[is_there, column], plain[0][is_there], atol=1e-12)
        np.testing.assert_allclose(rsi[is_there, column], plain[1][is_there], atol=1e-10)
        assert np.isnan(ppo[~is_there, column]).all()
        opens, closes = (part[:, column] for part in (prices.open, prices.close))
        expected = plain_momentum(opens, closes, ppo[:, column], rsi[:, column])
        own = course.trades.instrument == column
        assert len(expected) > 20
        assert course.trades.decided_at[own].tolist() == [
            int(prices.instants[one[0]]) for one in expected
        ]
        assert course.trades.end_at[own].tolist() == [
            int(prices.instants[one[1]]) for one in expected
        ]
        assert course.trades.net[own].tolist() == pytest.approx([net(one[2]) for one in expected])
