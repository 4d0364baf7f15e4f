import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from models.evaluate import auc, log_loss
from models.statistics.bootstrap import BlockBootstrap, estimate, p_value
from shared.domain.errors import BadInput

HOUR = 3600
DAY = 24 * HOUR


def hours(count):
    return np.arange(count, dtype=np.int64) * HOUR


def rows(count, instruments=4, seed=0):
    """Times in the order of instruments, as a data set has them."""
    draw = np.random.default_rng(seed)
    decided_at = np.tile(hours(count), instruments)
    y = (draw.random(len(decided_at)) < 0.4).astype(np.int8)
    margin = (draw.normal(size=len(y)) + 0.3 * y).round(1)  # rounding makes ties
    return decided_at, margin, y, draw.uniform(0.05, 1, len(y))


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    at, values, _, weights = rows(300)
    draws = BlockBootstrap(at, 2 * DAY, 50, 1).means(values, weights)
    assert np.array_equal(draws, BlockBootstrap(at, 2 * DAY, 50, 1).means(values, weights))
    assert not np.array_equal(draws, BlockBootstrap(at, 2 * DAY, 50, 2).means(values, weights))


def test_the_fast_paths_agree_with_the_plain_ones():
    at, margin, y, weights = rows(300)
    bootstrap = BlockBootstrap(at, 2 * DAY, draws=60)
    plain = bootstrap.statistic(lambda drawn: float(margin @ drawn / drawn.sum()), weights)
    assert bootstrap.means(margin, weights) == pytest.approx(plain, abs=1e-12)
    plain = bootstrap.statistic(lambda drawn: auc(margin, y, drawn), weights)
    assert bootstrap.auc(margin, y, weights) == pytest.approx(plain, abs=1e-12)


def test_all_rows_of_an_instant_are_drawn_as_often():
    at, *_ = rows(300)
    seen = []
    BlockBootstrap(at, 2 * DAY, draws=20).statistic(
        lambda drawn: seen.append(drawn) or 0.0, np.ones(len(at))
    )
    for drawn in seen:
        assert np.ptp(drawn.reshape(4, -1), axis=0).max() == 0
        assert drawn.sum() == len(at)


def test_every_instant_is_drawn_equally_often_and_in_runs_of_a_block():
    at = hours(250)
    seen = []
    BlockBootstrap(at, DAY, draws=4_000).statistic(
        lambda drawn: seen.append(drawn) or 0.0, np.ones(250)
    )
    often = np.mean(seen, axis=0)
    assert often.mean() == pytest.approx(1)
    assert np.abs(often - 1).max() < 0.1
    jumps = np.count_nonzero(np.diff(np.array(seen), axis=1), axis=1)
    assert jumps.max() <= 2 * 11  # eleven blocks begin and end


def test_instruments_that_move_together_count_once():
    draw = np.random.default_rng(2)
    common = draw.normal(size=600)
    lone = BlockBootstrap(hours(600), DAY).means(common, np.ones(600))
    at, values = np.tile(hours(600), 5), np.tile(common, 5)
    assert BlockBootstrap(at, DAY).means(values, np.ones(3_000)) == pytest.approx(lone)


def test_blocks_hold_the_truth_where_single_rows_do_not():
    draw = np.random.default_rng(3)
    held = {1: 0, 48: 0}
    for _ in range(150):
        series = lfilter([1], [1, -0.8], draw.normal(size=1_200))[200:]
        for length in held:
            draws = BlockBootstrap(hours(1_000), length * HOUR, draws=300).means(
                series, np.ones(1_000)
            )
            found = estimate(float(series.mean()), draws)
            held[length] += found.low <= 0 <= found.high
    assert held[48] / 150 > 0.8  # 0.85 of a promised 0.90
    assert held[1] / 150 < 0.6


def test_trades_far_apart_are_resampled_by_time_not_by_count():
    draw = np.random.default_rng(4)
    spread = []
    for _ in range(40):
        at = draw.choice(1_080, 40, replace=False).astype(np.int64) * HOUR
        draws = BlockBootstrap(at, 2 * DAY, draws=200).means(draw.normal(size=40), np.ones(40))
        spread.append(draws.std())
    assert np.mean(spread) == pytest.approx(1 / np.sqrt(40), rel=0.15)


def test_rows_without_weight_do_not_count():
    at, values, _, weights = rows(300, instruments=1)
    weights[100:200] = 0
    poisoned = values.copy()
    poisoned[100:200] = 1e6
    bootstrap = BlockBootstrap(at, DAY, draws=40)
    assert np.array_equal(bootstrap.means(values, weights), bootstrap.means(poisoned, weights))


def test_a_draw_without_any_weight_is_no_number_and_speaks_against_the_model():
    weights = np.zeros(240)
    weights[7] = 1.0
    bootstrap = BlockBootstrap(hours(240), DAY, draws=200)
    draws = bootstrap.means(np.ones(240), weights)
    empty = int(np.isnan(draws).sum())
    assert 0 < empty < 200
    assert p_value(draws) == pytest.approx((empty + 1) / 201)
    assert estimate(1.0, draws).low == 1.0
    assert np.array_equal(
        np.isnan(bootstrap.statistic(lambda drawn: 1.0, weights)), np.isnan(draws)
    )
    assert np.array_equal(
        np.isnan(bootstrap.auc(np.ones(240), np.ones(240, np.int8), weights)), np.isnan(draws)
    )


def test_draws_that_say_nothing_make_no_interval():
    with pytest.raises(BadInput, match="none of them is a number"):
        estimate(0.0, np.full(3, np.nan))


@pytest.mark.parametrize(("count", "block"), [(1, HOUR), (100, DAY), (200, 2 * DAY)])
def test_too_short_a_span_is_refused(count, block):
    with pytest.raises(BadInput, match="decided_at"):
        BlockBootstrap(hours(count), block)


def test_a_p_value_is_small_for_skill_and_even_without():
    at, _, y, weights = rows(2_000, instruments=2, seed=5)
    base = np.full(len(y), 0.4)
    better = np.where(y > 0, 0.45, 0.38)
    bootstrap = BlockBootstrap(at, 2 * DAY)
    gains = -np.log(np.where(y > 0, base, 1 - base)) + np.log(np.where(y > 0, better, 1 - better))
    draws = bootstrap.means(gains, weights)
    assert p_value(draws) == pytest.approx(1 / 1_001)
    assert log_loss(base, y, weights) - log_loss(better, y, weights) == pytest.approx(
        draws.mean(), rel=0.05
    )
    noise = np.random.default_rng(6).normal(size=len(y))
    assert 0.05 < p_value(bootstrap.means(noise - noise @ weights / weights.sum(), weights)) < 0.95


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=10, max_size=60),
    block=st.integers(1, 2),
    shift=st.floats(-10, 10),
)
def test_means_stay_within_the_values_and_move_with_them(values, block, shift):
    given_values = np.array(values)
    bootstrap = BlockBootstrap(hours(len(values)), block * HOUR, draws=20)
    draws = bootstrap.means(given_values, np.ones(len(values)))
    assert draws.min() >= given_values.min() - 1e-6
    assert draws.max() <= given_values.max() + 1e-6
    assert bootstrap.means(given_values + shift, np.ones(len(values))) == pytest.approx(
        draws + shift, abs=1e-6
    )


def test_a_gap_takes_as_much_room_as_it_lasts():
    at = np.concatenate((hours(100), hours(100) + 1_000 * HOUR))
    assert BlockBootstrap(at, DAY).blocks == 46  # of 1,100 hours
    uneven = np.array([0, 2, 5, 50, 240, 479], dtype=np.int64) * HOUR
    assert BlockBootstrap(uneven, DAY).blocks == 20
    split = np.array([0, 1, 500_000, 864_000], dtype=np.int64)
    assert BlockBootstrap(split, DAY).blocks == 11  # a second apart, yet no slot for every second
