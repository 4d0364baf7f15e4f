"""What must hold of every size, whatever the estimates."""

from math import fsum, isnan, log, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.errors import BadInput
from shared.domain.kelly import (
    breakeven_probability,
    fraction_from_cap,
    kelly_empirical,
    kelly_two_point,
    net_return_long,
    portfolio_sizes,
    position_size,
    probability_lower_bound,
)

probabilities = st.floats(0.01, 0.99)
gross = st.floats(0.001, 0.5)
costs = st.floats(0, 0.01)
sizes = st.floats(0, 5)


def sized(p, win, loss, fee=0.001, slip=0.0005):
    net_win = net_return_long(win, fee, slip)
    net_loss = -net_return_long(-loss, fee, slip)
    return position_size(kelly_two_point(p, net_win, net_loss), 0.25, 0.05)


@given(p=probabilities, more=probabilities, win=gross, loss=gross)
def test_a_likelier_win_is_never_a_smaller_position(p, more, win, loss):
    low, high = sorted((p, more))
    assert sized(low, win, loss) <= sized(high, win, loss)


@given(p=probabilities, win=gross, more=gross, loss=gross)
def test_a_larger_win_is_never_a_smaller_position(p, win, more, loss):
    low, high = sorted((win, more))
    assert sized(p, low, loss) <= sized(p, high, loss)


@given(p=probabilities, win=gross, loss=gross, more=gross)
def test_a_larger_loss_is_never_a_larger_position(p, win, loss, more):
    low, high = sorted((loss, more))
    assert sized(p, win, high) <= sized(p, win, low)


@given(p=probabilities, win=gross, loss=gross, fee=costs, more=costs)
def test_a_higher_fee_is_never_a_larger_position(p, win, loss, fee, more):
    low, high = sorted((fee, more))
    assert sized(p, win, loss, fee=high) <= sized(p, win, loss, fee=low)


@given(p=probabilities, win=gross, loss=gross, slip=costs, more=costs)
def test_more_slippage_is_never_a_larger_position(p, win, loss, slip, more):
    low, high = sorted((slip, more))
    assert sized(p, win, loss, slip=high) <= sized(p, win, loss, slip=low)


@given(
    kelly=st.floats(allow_nan=False),
    fraction=st.floats(allow_nan=False),
    cap=st.floats(0, 1),
    confidence=st.floats(0, 1),
)
def test_a_size_stays_between_nothing_and_its_cap(kelly, fraction, cap, confidence):
    assert 0 <= position_size(kelly, fraction, cap, confidence) <= cap


@given(
    wanted=st.lists(sizes, max_size=30),
    haircut=st.floats(0, 1),
    held=st.floats(0, 1.2),
    cost=st.floats(1, 1.3),
)
def test_sizes_taken_together_stay_within_every_cap(wanted, haircut, held, cost):
    found = portfolio_sizes(wanted, [haircut] * len(wanted), held, cost=cost)
    assert all(0 <= one <= 0.05 for one in found)
    assert fsum(found) * cost <= max(0.80 - held, 0) + 1e-12


@given(place=st.integers(0, 2))
def test_no_number_in_means_no_size_out(place):
    arguments = [0.6, 0.02, 0.02]
    arguments[place] = nan
    with pytest.raises(BadInput):
        sized(*arguments)


@given(p=probabilities, win=gross, loss=gross)
def test_a_bet_is_taken_only_above_its_break_even(p, win, loss):
    breakeven = breakeven_probability(win, loss)
    assume(abs(p - breakeven) > 1e-9)
    assert (kelly_two_point(p, win, loss) > 0) == (p > breakeven)


@given(p=probabilities, win=gross, loss=gross, other=st.floats(0, 0.999))
def test_no_other_fraction_grows_faster(p, win, loss, other):
    full = max(kelly_two_point(p, win, loss), 0.0)

    def growth(fraction):
        return p * log(1 + fraction * win) + (1 - p) * log(1 - fraction * loss)

    assume(full * loss < 1)
    assert growth(full) >= growth(other / loss) - 1e-12


@given(
    returns=st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=20),
    other=st.floats(0, 0.999),
)
def test_no_other_fraction_of_these_returns_grows_faster(returns, other):
    fraction = kelly_empirical(returns)
    worst = -min(returns)
    assume(fraction > 0)
    assume(worst > 1e-6)

    def growth(share):
        return fsum(log(1 + share * one) for one in returns)

    assert fraction < 1 / worst
    assert growth(fraction) >= growth(other / worst) - 1e-9


@given(p=st.floats(0, 1), n=st.floats(0, 1e5), p0=st.floats(0.05, 0.95))
def test_doubt_lies_between_certainty_and_never_above_the_mean(p, n, p0):
    bound = probability_lower_bound(p, n, 0.2, p0, 100)
    assert 0 <= bound <= 1
    assert bound <= (p * n + p0 * 100) / (n + 100) + 1e-3


@given(p=probabilities, more=probabilities, n=st.floats(1, 1e5), p0=st.floats(0.05, 0.95))
def test_the_lower_bound_rises_with_the_probability(p, more, n, p0):
    low, high = sorted((p, more))
    lower = probability_lower_bound(low, n, 0.2, p0, 100)
    assert lower <= probability_lower_bound(high, n, 0.2, p0, 100) + 1e-12


@given(cap=st.floats(0.001, 1), reference=st.floats(-10, 1e6))
def test_the_fraction_used_never_exceeds_a_quarter(cap, reference):
    found = fraction_from_cap(cap, reference)
    assert not isnan(found)
    assert 0 <= found <= 0.25
