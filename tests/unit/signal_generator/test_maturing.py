"""A live signal's label is the one training would have given it, or none."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.labels import Cost, triple_barrier
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action
from shared.domain.ids import SignalId, Symbol
from shared.domain.kelly import net_return_long
from shared.domain.signal import Confidence, Edge
from signal_generator.core.maturing import Bar, Pending, Role, ending_of, has_passed, mature
from signal_generator.core.scoring import ScoringPolicy

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
COST = Cost(fee_ratio=0.001, slippage_ratio=0.0005)
POLICY = ScoringPolicy(fee_ratio=0.001, slippage_ratio=0.0005)


def at(number):
    return START + number * HOUR


def random_walk(seed, count=80):
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    jump = np.where(random.random(count) < 0.1, random.normal(0, 0.03, count), 0.0)
    open_ = np.r_[100.0, close[:-1]] * (1 + jump)  # gaps through a barrier happen
    high = np.maximum(open_, close) * (1 + random.exponential(0.004, count))
    low = np.minimum(open_, close) * (1 - random.exponential(0.004, count))
    return np.c_[open_, high, low, close, np.ones(count)]


def bars_of(candles, missing=(), filled=()):
    return {
        at(number): Bar(*row[:4].tolist(), number in filled)
        for number, row in enumerate(candles)
        if number not in missing
    }


def plan(horizon=3, stop=0.02, target=0.02):
    return BracketPlan(stop_ratio=stop, target_ratio=target, horizon_candles=horizon)


def signal(number=0, reasons=(), action=Action.HOLD, probability=0.6, horizon=3):
    edge = Edge(
        probability=probability,
        probability_raw=probability,
        neighbours=300.0,
        gross_win=0.02,
        gross_loss=0.02,
        barrier_ratio=0.02,
        reference_kelly=3.0,
        factors=Confidence(),
        confidence=1.0,
        release_id="R",
    )
    return Pending(
        signal_id=SignalId("s"),
        role=Role.CHAMPION,
        symbol=Symbol("BTC-USDT"),
        closed_at=at(number),
        action=action,
        reasons=reasons,
        edge=edge,
        bracket=plan(horizon),
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    horizon=st.integers(1, 24),
    k_target=st.sampled_from([0.5, 1.0, 1.5]),
    k_stop=st.sampled_from([0.5, 1.0]),
)
def test_every_label_is_bit_for_bit_that_of_training(seed, horizon, k_target, k_stop):
    candles = random_walk(seed)
    width = np.random.default_rng(seed + 1).uniform(0.005, 0.06, len(candles))
    labels = triple_barrier(candles, width, horizon, k_target, k_stop, cost=COST)
    bars = bars_of(candles)
    for row in range(len(candles) - horizon):
        bracket = plan(horizon, k_stop * width[row], k_target * width[row])
        ending = ending_of(bracket, at(row), HOUR, bars)
        assert ending.ended_at == at(int(labels.end_index[row]))
        assert (ending.hit, ending.gross) == (labels.hit[row], labels.gross[row])
        net = net_return_long(ending.gross, COST.fee_ratio, COST.slippage_ratio)
        assert net == labels.net[row]


def test_the_toy_history_of_the_label():
    columns = {
        "open": [100, 100, 101, 102, 103, 99, 98],
        "high": [101, 101.5, 103, 104, 103.5, 100, 99],
        "low": [99, 99.5, 100.5, 101, 98, 97, 97],
        "close": [100, 101, 102, 103, 99, 98, 98],
    }
    candles = np.array(list(zip(*columns.values(), [1] * 7, strict=True)), dtype=float)
    bars = bars_of(candles)
    endings = [ending_of(plan(), at(row), HOUR, bars) for row in range(5)]
    assert [one.hit for one in endings] == [1, 1, -1, -1, -1]
    assert [one.ended_at for one in endings] == [at(number) for number in (2, 3, 4, 4, 5)]
    wider = plan(target=0.03)
    assert [ending_of(wider, at(row), HOUR, bars).hit for row in range(5)] == [1, -1, -1, -1, -1]


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_candle_on_the_way_leaves_no_label(missing):
    flat = np.full((6, 5), 100.0)
    assert ending_of(plan(), at(0), HOUR, bars_of(flat, missing={missing})) is None
    outcome = mature(signal(), HOUR, bars_of(flat, missing={missing}), POLICY)
    assert (outcome.ending, outcome.net) == (None, None)


def test_a_candle_missing_after_the_exit_or_before_the_entry_does_not_matter():
    candles = np.full((6, 5), 100.0)
    candles[2, 1] = 103.0  # the high reaches the target
    ending = ending_of(plan(), at(0), HOUR, bars_of(candles, missing={0, 3, 4}))
    assert (ending.ended_at, ending.hit) == (at(2), 1)


def test_nobody_enters_on_a_candle_that_bridges_a_gap():
    flat = np.full((6, 5), 100.0)
    assert ending_of(plan(), at(0), HOUR, bars_of(flat, filled={1})) is None
    assert ending_of(plan(), at(0), HOUR, bars_of(flat, filled={2})).hit == 0


def test_a_label_waits_for_its_whole_horizon_however_early_it_ends():
    assert not has_passed(signal(horizon=3), HOUR, at(2))
    assert has_passed(signal(horizon=3), HOUR, at(3))


@pytest.mark.parametrize(
    ("reasons", "is_counted"),
    [
        ((), True),
        (("below_breakeven",), True),
        (("model_unhealthy",), True),
        (("out_of_distribution",), True),
        (("stale",), True),
        (("cost_barrier",), False),
        (("model_expired", "coverage"), False),
        (("gap_filled",), False),
    ],
)
def test_refused_signals_count_unless_training_would_have_left_them_out(reasons, is_counted):
    assert signal(reasons=reasons).is_counted == is_counted


@pytest.mark.parametrize(
    ("changes", "is_bet"),
    [
        ({"action": Action.BUY}, True),
        ({"reasons": ("model_unhealthy",), "probability": 0.7}, True),
        ({"reasons": ("model_unhealthy", "miscalibrated"), "probability": 0.7}, True),
        ({"reasons": ("model_unhealthy",), "probability": 0.5}, False),
        ({"reasons": ("model_unhealthy", "cost_barrier"), "probability": 0.7}, False),
        ({"reasons": ("below_breakeven",), "probability": 0.5}, False),
        ({"action": Action.SELL, "probability": 0.2}, False),
    ],
)
def test_a_bet_that_only_a_monitor_forbids_goes_on_being_followed(changes, is_bet):
    outcome = mature(signal(**changes), HOUR, bars_of(np.full((6, 5), 100.0)), POLICY)
    assert outcome.is_bet == is_bet
