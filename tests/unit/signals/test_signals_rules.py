"""The baseline: one step for streaming and for history, and what it says when."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.candle import Candle
from shared.domain.enums import Action, Interval
from shared.domain.ids import Symbol
from signals.core import rules
from signals.core.rule_history import rule_batch
from signals.core.rules import RulePolicy, RuleState, advance, generate_signal

START = datetime(2024, 1, 1, tzinfo=UTC)
prices = st.floats(1e-6, 1e7, allow_nan=False, allow_infinity=False)


def walk(count, seed=7, scale=0.01):
    rng = np.random.default_rng(seed)
    return 100.0 * np.exp(np.cumsum(rng.normal(0.0, scale, count)))


def stream(closes, is_filled=None, state=None):
    state = RuleState() if state is None else state
    flags = [False] * len(closes) if is_filled is None else is_filled
    codes, sigma = [], []
    for close, flag in zip(closes, flags, strict=True):
        state, code, width = advance(state, float(close), bool(flag))
        codes.append(code)
        sigma.append(width)
    return codes, sigma, state


def same(batch, streamed):
    codes, sigma, state = streamed
    assert batch.codes.tolist() == codes
    assert batch.sigma.tolist() == sigma
    assert batch.state == state


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(prices, st.booleans()), min_size=0, max_size=160))
def test_history_and_streaming_are_the_same_bits(candles):
    closes = np.array([close for close, _ in candles], dtype=np.float64)
    flags = np.array([flag for _, flag in candles], dtype=np.bool_)
    same(rule_batch(closes, flags), stream(closes, flags))


def test_a_long_walk_is_the_same_bits_and_crosses_both_ways():
    closes = walk(20_000)
    batch = rule_batch(closes)
    same(batch, stream(closes))
    assert {rules.BUY, rules.SELL, rules.OVERBOUGHT, rules.OVERSOLD} <= set(batch.codes.tolist())


def test_recorded_candles_are_the_same_bits(recorded):
    table = pq.read_table(recorded / "binance" / "BTC-USDT" / "1h.parquet")
    name = next(column for column in table.column_names if column.lower() == "close")
    closes = np.array([float(value) for value in table[name].to_pylist()[:5000]])
    same(rule_batch(closes), stream(closes))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.integers(0, 10))
def test_a_restart_anywhere_changes_nothing(cut, seed):
    closes = walk(300, seed)
    codes, sigma, state = stream(closes[:cut])
    carry = msgspec.json.decode(msgspec.json.encode(state))
    more_codes, more_sigma, after = stream(closes[cut:], state=RuleState(*carry))
    whole = stream(closes)
    assert (codes + more_codes, sigma + more_sigma, after) == whole
    continued = rule_batch(closes[cut:], state=state)
    assert continued.codes.tolist() == more_codes


def test_averages_and_rsi_agree_with_the_oracle():
    closes = walk(3000)
    *_, state = stream(closes)
    assert math.isclose(state.fast, talib.EMA(closes, 20)[-1], rel_tol=1e-12)
    assert math.isclose(state.slow, talib.EMA(closes, 50)[-1], rel_tol=1e-12)
    rsi = 100 * state.gain / (state.gain + state.loss)
    assert math.isclose(rsi, talib.RSI(closes, 14)[-1], rel_tol=1e-9)


def test_crosses_are_those_of_the_oracle():
    closes = walk(3000, seed=3)
    above = talib.EMA(closes, 20) > talib.EMA(closes, 50)
    rsi = talib.RSI(closes, 14)
    expected = [
        rules.BUY if above[row] and rsi[row] < 70 else rules.SELL
        for row in range(60, 3000)
        if above[row] != above[row - 1] and (rsi[row] < 70 if above[row] else rsi[row] > 30)
    ]
    said = [code for code in rule_batch(closes).codes[60:] if code in (rules.BUY, rules.SELL)]
    assert said == expected
    assert len(expected) > 20


def test_sigma_is_the_exponential_volatility_of_the_catalogue():
    closes = walk(400)
    squared = np.diff(np.log(closes)) ** 2
    variance = squared[:33].mean()
    for value in squared[33:]:
        variance = 0.94 * variance + 0.06 * value
    *_, state = stream(closes)
    assert math.isclose(state.variance, variance, rel_tol=1e-12)
    assert stream(closes[:33])[1][-1] == 0.0
    assert stream(closes[:34])[1][-1] > 0.0


def test_the_first_fifty_candles_only_warm_up():
    codes, *_ = stream(walk(120))
    assert codes[:50] == [rules.WARMING_UP] * 50
    assert rules.WARMING_UP not in codes[50:]


@pytest.mark.parametrize("price", [0.1, 1 / 3, 43250.17, 1e-5])
def test_a_flat_price_never_crosses_by_rounding(price):
    codes, *_ = stream([price] * 400)
    assert set(codes[50:]) == {rules.NO_CROSS}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1e-4, 3.7e-3, 1e4]), st.integers(0, 20))
def test_the_verdict_does_not_depend_on_the_unit_of_price(factor, seed):
    closes = walk(400, seed)
    assert stream(closes)[0] == stream(closes * factor)[0]


def crossing(direction):
    """Return closes whose last one makes the fast average cross, with a calm RSI."""
    closes = walk(2000, seed=11)
    wanted = rules.BUY if direction > 0 else rules.SELL
    row = next(row for row, code in enumerate(stream(closes)[0]) if code == wanted)
    return closes[: row + 1]


def candle(close, number, is_filled=False):
    price = Decimal(repr(float(close)))
    opened = START + number * timedelta(hours=1)
    return Candle(
        symbol=Symbol("BTC-USDT"),
        open_at=opened,
        closed_at=opened + timedelta(hours=1),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
        is_filled=is_filled,
    )


def last_signal(closes, policy=None, is_filled=False):
    policy = policy or RulePolicy()
    *_, state = stream(closes[:-1])
    bar = candle(closes[-1], len(closes), is_filled)
    return generate_signal(state, bar, Interval.H1, policy)[1]


def test_a_cross_upwards_is_a_buy_with_a_bracket_of_the_expected_move():
    closes = crossing(+1)
    signal = last_signal(closes, RulePolicy(stop_multiple=1.0, target_multiple=1.5))
    barrier = stream(closes)[1][-1] * math.sqrt(24)
    assert signal.action is Action.BUY
    assert signal.confidence == 1.0
    assert signal.edge is None
    assert signal.reasons == ()
    assert signal.bracket is not None
    assert signal.bracket.stop_ratio == barrier
    assert signal.bracket.target_ratio == barrier * 1.5
    assert signal.bracket.horizon_candles == 24
    assert signal.expires_at == signal.closed_at + timedelta(hours=1)


def test_a_cross_downwards_is_a_sell():
    assert last_signal(crossing(-1)).action is Action.SELL


def test_a_candle_that_bridges_a_gap_never_acts():
    signal = last_signal(crossing(+1), is_filled=True)
    assert signal.action is Action.HOLD
    assert signal.confidence == 0.0
    assert signal.reasons == ("gap_filled",)


def test_a_stop_wider_than_allowed_is_not_traded():
    signal = last_signal(crossing(+1), RulePolicy(max_barrier_ratio=0.002, min_barrier_ratio=0.001))
    assert signal.action is Action.HOLD
    assert signal.reasons == ("barrier_out_of_range",)
    assert signal.bracket is None


def test_the_streaming_service_does_not_load_the_compiler():
    import subprocess
    import sys

    code = "import sys, signals.handlers; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
