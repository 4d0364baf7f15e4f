import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import barrier_ratio, barrier_ratios, batch
from models.labels import (
    Cost,
    concurrency,
    label_uniqueness,
    net_return,
    sample_weights,
    triple_barrier,
    uniqueness,
)
from shared.domain.bracket import touch_code

COST = Cost(fee_ratio=0.001, slippage_ratio=0.0005)
FREE = Cost(fee_ratio=0.0, slippage_ratio=0.0)

TOY = np.array(
    [
        [100, 101, 99, 100, 1],
        [100, 101.5, 99.5, 101, 1],
        [101, 103, 100.5, 102, 1],
        [102, 104, 101, 103, 1],
        [103, 103.5, 98, 99, 1],
        [99, 100, 97, 98, 1],
        [98, 99, 97, 98, 1],
    ],
    dtype=float,
)
TWO_PERCENT = np.full(7, 0.02)


def test_the_toy_history_is_labelled_by_first_touch():
    labels = triple_barrier(TOY, TWO_PERCENT, 3, 1.0, 1.0, cost=COST)
    assert labels.hit[:5].tolist() == [1, 1, -1, -1, -1]
    assert labels.end_index.tolist() == [2, 3, 4, 4, 5, -1, -1]
    assert labels.gross[:5] == pytest.approx([0.02, 0.02, -0.02, -0.02, -0.02])
    win, loss = 0.01694458, -0.02293560
    assert labels.net[:5] == pytest.approx([win, win, loss, loss, loss], abs=1e-8)
    assert labels.y[:5].tolist() == [1, 1, 0, 0, 0]
    assert labels.is_labelled.tolist() == [True] * 5 + [False] * 2


def test_a_further_target_turns_a_win_into_a_stop():
    labels = triple_barrier(TOY, TWO_PERCENT, 3, 1.5, 1.0, cost=COST)
    assert labels.hit[:5].tolist() == [1, -1, -1, -1, -1]
    assert labels.end_index[:5].tolist() == [2, 4, 4, 4, 5]
    assert labels.gross[:2] == pytest.approx([0.03, -0.02])


def test_a_gap_through_the_stop_leaves_at_the_open():
    candles = np.array([[100, 100, 100, 100, 1], [100, 101, 99.5, 100, 1], [90, 91, 89, 90, 1.0]])
    labels = triple_barrier(candles, np.full(3, 0.02), 2, 1.0, 1.0, cost=FREE)
    assert labels.gross[0] == pytest.approx(-0.1)
    assert labels.hit[0] == -1


def test_both_barriers_in_one_candle_count_as_the_stop():
    candles = np.array([[100, 100, 100, 100, 1], [100, 110, 90, 100, 1.0]])
    labels = triple_barrier(candles, np.full(2, 0.02), 1, 1.0, 1.0, cost=FREE)
    assert labels.gross[0] == pytest.approx(-0.02)


def test_time_ends_a_trade_at_the_close():
    candles = np.array(
        [[100, 100, 100, 100, 1], [100, 101, 99.5, 100, 1], [100, 101, 99.5, 100.5, 1]]
    )
    labels = triple_barrier(candles, np.full(3, 0.02), 2, 1.0, 1.0, cost=FREE)
    assert labels.gross[0] == pytest.approx(0.005)
    assert (labels.hit[0], labels.end_index[0], labels.y[0]) == (0, 2, 1)


def test_an_unknown_barrier_has_no_label():
    labels = triple_barrier(TOY, np.array([np.nan, *TWO_PERCENT[1:]]), 3, 1.0, 1.0, cost=COST)
    assert not labels.is_labelled[0]
    assert np.isnan(labels.gross[0])
    assert not labels.is_tradeable[0]


def test_a_barrier_below_ten_round_trips_is_untradeable():
    barrier = np.full(7, 10 * COST.round_trip)
    barrier[1] *= 0.999
    labels = triple_barrier(TOY, barrier, 3, 1.0, 1.0, cost=COST)
    assert labels.is_tradeable.tolist() == [True, False, True, True, True, True, True]
    assert COST.round_trip == pytest.approx(0.003)


def test_net_is_exact():
    assert net_return(np.array([0.02, -0.02]), 0.001, 0.0005) == pytest.approx(
        [0.016944582, -0.022935598], abs=1e-8
    )


def test_overlapping_labels_share_their_candles():
    first, last = np.array([0, 1, 4]), np.array([2, 3, 5])
    assert concurrency(first, last, 6).tolist() == [1, 2, 2, 1, 1, 1]
    assert uniqueness(first, last, 6) == pytest.approx([2 / 3, 2 / 3, 1])


def test_a_label_is_unique_from_its_entry_to_its_exit():
    labels = triple_barrier(TOY, TWO_PERCENT, 3, 1.0, 1.0, cost=COST)
    values = label_uniqueness(labels)
    spans = [(row + 1, end) for row, end in enumerate([2, 3, 4, 4, 5])]
    shared = [sum(a <= candle <= b for a, b in spans) for candle in range(7)]
    expected = [np.mean([1 / shared[c] for c in range(a, b + 1)]) for a, b in spans]
    assert values[:5] == pytest.approx(expected)
    assert np.isnan(values[5:]).all()


def test_weights_halve_every_half_life_and_average_one():
    closed_at = np.array([0, 180 * 86_400, 360 * 86_400])
    weights = sample_weights(np.array([1.0, 1.0, 0.5]), closed_at)
    assert weights.mean() == pytest.approx(1.0)
    assert weights / weights[0] == pytest.approx([1, 2, 2])


def test_the_barrier_is_the_volatility_of_the_horizon(golden_series):
    vectors = batch(*golden_series)
    expected = 0.006038239630940384 * 24**0.5
    assert barrier_ratios(vectors, 24)[-1] == pytest.approx(expected)
    assert barrier_ratio(vectors[-1], 24) == barrier_ratios(vectors, 24)[-1]


@given(seed=st.integers(0, 10_000), horizon=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_every_label_is_what_the_shared_rule_says(seed, horizon):
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 60)))
    open_ = close * np.exp(random.normal(0, 0.004, 60))
    high = np.maximum(open_, close) * 1.003
    low = np.minimum(open_, close) * 0.997
    candles = np.c_[open_, high, low, close, np.ones(60)]
    barrier = random.uniform(0.005, 0.03, 60)
    labels = triple_barrier(candles, barrier, horizon, 1.5, 1.0, cost=COST)
    for row in range(60):
        expected = walked(candles, row, barrier[row], horizon)
        if expected is None:
            assert not labels.is_labelled[row]
        else:
            assert (labels.gross[row], labels.end_index[row]) == (
                pytest.approx(expected[0], abs=1e-14),
                expected[1],
            )


def walked(candles, row, barrier, horizon):
    if row + 1 >= len(candles):
        return None
    entry = candles[row + 1][0]
    stop, target = entry * (1 - barrier), entry * (1 + 1.5 * barrier)
    for at in range(row + 1, min(row + horizon, len(candles) - 1) + 1):
        open_, high, low, close, _ = candles[at]
        price = {1: open_, 2: open_, 3: stop, 4: target}.get(
            touch_code(stop, target, low, high, open_), close if at == row + horizon else None
        )
        if price is not None:
            return price / entry - 1, at
    return None
