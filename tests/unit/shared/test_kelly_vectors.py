"""The vectors of the Kelly design, to the digits they were given with."""

from math import copysign, exp, inf, isnan, log, nan

import pytest
from scipy.stats import beta

from shared.domain.errors import BadInput
from shared.domain.kelly import (
    breakeven_probability,
    correlation_haircut,
    expected_return,
    fraction_from_cap,
    kelly_empirical,
    kelly_two_point,
    net_return_long,
    net_return_short,
    portfolio_sizes,
    position_size,
    probability_lower_bound,
)

# p, gross win, gross loss, fee, slippage, net win, net loss, break-even,
# expected return, full kelly, fraction used, cap, raw size, size
VECTORS = [
    (0.60, 1.0, 1.0, 0, 0, 1.0, 1.0, 0.5, 0.2, 0.2, 1.0, 1.0, 0.2, 0.2),
    (0.60, 1.0, 1.0, 0, 0, 1.0, 1.0, 0.5, 0.2, 0.2, 0.5, 1.0, 0.1, 0.1),
    (0.55, 1.0, 1.0, 0, 0, 1.0, 1.0, 0.5, 0.1, 0.1, 1.0, 1.0, 0.1, 0.1),
    (0.60, 2.0, 1.0, 0, 0, 2.0, 1.0, 0.333333, 0.8, 0.4, 1.0, 1.0, 0.4, 0.4),
    (0.50, 2.0, 1.0, 0, 0, 2.0, 1.0, 0.333333, 0.5, 0.25, 1.0, 1.0, 0.25, 0.25),
    (0.40, 1.0, 1.0, 0, 0, 1.0, 1.0, 0.5, -0.2, -0.2, 1.0, 1.0, 0, 0),
    (0.55, 0.02, 0.02, 0.001, 0.0005, 0.01694458, 0.02293560, 0.575113, -0.00100150, -2.576964,
     0.25, 0.05, 0, 0),
    (0.58, 0.02, 0.02, 0.001, 0.0005, 0.01694458, 0.02293560, 0.575113, 0.00019491, 0.501523,
     0.25, 0.05, 0.12538087, 0.05),
    (0.60, 0.02, 0.02, 0.001, 0.0005, 0.01694458, 0.02293560, 0.575113, 0.00099251, 2.553849,
     0.25, 0.05, 0.63846215, 0.05),
    (0.60, 0.02, 0.02, 0, 0, 0.02, 0.02, 0.5, 0.004, 10.0, 0.25, 0.05, 2.5, 0.05),
    (0.60, 0.02, 0.02, 0.001, 0.0005, 0.01694458, 0.02293560, 0.575113, 0.00099251, 2.553849,
     0.01, 0.05, 0.02553849, 0.02553849),
    (0.55, 0.03, 0.015, 0.001, 0.0005, 0.02691463, 0.01795057, 0.400100, 0.00672529, 13.920159,
     0.01, 0.05, 0.13920159, 0.05),
    (0.45, 0.03, 0.015, 0.001, 0.0005, 0.02691463, 0.01795057, 0.400100, 0.00223877, 4.633855,
     0.01, 0.05, 0.04633855, 0.04633855),
    (0.40, 0.03, 0.015, 0.001, 0.0005, 0.02691463, 0.01795057, 0.400100, -0.00000449, -0.009297,
     0.01, 0.05, 0, 0),
    (0.65, 0.01, 0.01, 0.001, 0.0005, 0.00697454, 0.01296555, 0.650225, -0.00000449, -0.049672,
     0.005, 0.05, 0, 0),
    (0.70, 0.004, 0.004, 0.001, 0.0005, 0.00099251, 0.00698352, 0.875563, -0.00140030, -202.027186,
     0.25, 0.05, 0, 0),
    (0.56, 0.05, 0.05, 0.0004, 0.0002, 0.04874076, 0.05113932, 0.512007, 0.00479352, 1.923126,
     0.02, 0.05, 0.03846252, 0.03846252),
    (0.53, 0.05, 0.05, 0.0004, 0.0002, 0.04874076, 0.05113932, 0.512007, 0.00179712, 0.720992,
     0.02, 0.05, 0.01441984, 0.01441984),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=range(1, len(VECTORS) + 1))
def test_a_single_bet_is_sized_as_designed(vector):
    (
        p,
        gross_win,
        gross_loss,
        fee,
        slip,
        win,
        loss,
        breakeven,
        edge,
        kelly,
        share,
        cap,
        raw,
        size,
    ) = vector
    net_win = net_return_long(gross_win, fee, slip)
    net_loss = -net_return_long(-gross_loss, fee, slip)
    assert net_win == pytest.approx(win, abs=5e-9)
    assert net_loss == pytest.approx(loss, abs=5e-9)
    assert breakeven_probability(net_win, net_loss) == pytest.approx(breakeven, abs=5e-7)
    assert expected_return(p, net_win, net_loss) == pytest.approx(edge, abs=5e-9)
    full = kelly_two_point(p, net_win, net_loss)
    assert full == pytest.approx(kelly, abs=5e-7)
    assert position_size(full, share, inf) == pytest.approx(raw, abs=5e-9)
    assert position_size(full, share, cap) == pytest.approx(size, abs=5e-9)


def test_all_eighteen_vectors_are_here():
    assert len(VECTORS) == 18


@pytest.mark.parametrize(
    ("p", "used", "kelly"),
    [
        (0.46, 0.433247, -2.167744),
        (0.50, 0.465181, 0.411155),
        (0.54, 0.497194, 2.996313),
        (0.58, 0.529284, 5.587730),
    ],
)
def test_a_shrunk_probability_gives_the_designed_fraction(p, used, kelly):
    win = net_return_long(0.03, 0.001, 0.0005)
    loss = -net_return_long(-0.02, 0.001, 0.0005)
    assert breakeven_probability(win, loss) == pytest.approx(0.460090, abs=5e-7)
    cautious = probability_lower_bound(p, 400, 0.2, 0.42, 100)
    assert cautious == pytest.approx(used, abs=5e-7)
    assert kelly_two_point(cautious, win, loss) == pytest.approx(kelly, abs=5e-6)


def test_the_raw_probability_would_bet_eight_times_as_much():
    win = net_return_long(0.03, 0.001, 0.0005)
    loss = -net_return_long(-0.02, 0.001, 0.0005)
    assert kelly_two_point(0.50, win, loss) == pytest.approx(3.222918, abs=5e-7)


@pytest.mark.parametrize(
    ("p", "n", "expected"), [(0.58, 300, 0.539137), (0.58, 1000, 0.560186), (0.62, 300, 0.569344)]
)
def test_the_lower_bound_is_as_designed(p, n, expected):
    assert probability_lower_bound(p, n, 0.2, 0.5, 100) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize("quantile", [0.001, 0.05, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("n", [0, 1, 30, 400, 3_000, 100_000])
@pytest.mark.parametrize("p", [0.0, 0.01, 0.3, 0.58, 0.97, 1.0])
def test_the_lower_bound_agrees_with_scipy(p, n, quantile):
    expected = beta.ppf(quantile, p * n + 0.45 * 100, (1 - p) * n + 0.55 * 100)
    found = probability_lower_bound(p, n, quantile, 0.45, 100)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("p", "n", "p0"), [(nan, 300, 0.5), (0.5, nan, 0.5), (0.5, 300, nan), (0.5, inf, 0.5)]
)
def test_a_lower_bound_of_no_numbers_is_no_number(p, n, p0):
    assert isnan(probability_lower_bound(p, n, 0.2, p0, 100))


def test_the_empirical_fraction_is_as_designed():
    returns = [0.03, 0.03, -0.02, 0.01, -0.02, 0.03, -0.02, -0.005, 0.03, -0.02]
    assert kelly_empirical(returns) == pytest.approx(9.183300, abs=5e-7)
    wins = [one for one in returns if one > 0]
    losses = [-one for one in returns if one < 0]
    p = len(wins) / len(returns)
    two_point = kelly_two_point(p, sum(wins) / len(wins), sum(losses) / len(losses))
    assert two_point == pytest.approx(10.180995, abs=5e-7)


def test_the_empirical_fraction_knows_its_edges():
    assert kelly_empirical([]) == 0.0
    assert kelly_empirical([0.01, -0.02]) == 0.0
    assert kelly_empirical([0.01, 0.02]) == inf
    assert isnan(kelly_empirical([0.01, nan]))
    assert kelly_empirical([0.02, -0.01]) == pytest.approx(kelly_two_point(0.5, 0.02, 0.01))


def test_a_short_pays_as_designed():
    assert net_return_short(-0.02, 0.001, 0.0005) == pytest.approx(0.01703001, abs=5e-9)
    assert net_return_short(0.02, 0.001, 0.0005) == pytest.approx(-0.02303001, abs=5e-9)


def test_a_long_pays_as_designed():
    assert net_return_long(0.02, 0.001, 0.0005) == pytest.approx(0.016945, abs=5e-7)
    assert net_return_long(-0.02, 0.001, 0.0005) == pytest.approx(-0.022936, abs=5e-7)


def together(sizes, correlation, held=0.0):
    haircut = correlation_haircut(len(sizes), correlation)
    return portfolio_sizes(sizes, [haircut] * len(sizes), held)


def test_bets_taken_together_are_sized_as_designed():
    expected = [0.035294, 0.023529, 0.017647, 0.008824, 0.005882]
    found = together([0.12, 0.08, 0.06, 0.03, 0.02], 0.6)
    assert found == pytest.approx(expected, abs=5e-7)
    many = together([0.9] * 20, 0.0)
    assert many == pytest.approx([0.04] * 20)
    assert sum(many) == pytest.approx(0.80)
    beside = together([0.05] * 3, 0.0, held=0.70)
    assert beside == pytest.approx([0.033333] * 3, abs=5e-7)
    assert together([0.05], 0.0, held=0.9) == (0.0,)
    assert together([], 0.3) == ()


def test_a_bet_alone_keeps_its_size():
    assert correlation_haircut(1, 0.6) == 1.0
    assert correlation_haircut(0, 0.6) == 1.0
    assert correlation_haircut(9, 0.0) == 1.0


def test_the_haircut_solves_equal_correlated_bets_exactly():
    n, rho, mean, variance = 4, 0.35, 0.01, 0.0004
    each = mean / variance * correlation_haircut(n, rho)
    assert variance * (each + (n - 1) * rho * each) == pytest.approx(mean)


@pytest.mark.parametrize(
    ("multiple", "share"), [(0.25, 0.437), (0.5, 0.749), (1.0, 1.0), (1.5, 0.744), (2.0, -0.04)]
)
def test_growth_falls_off_on_both_sides_of_the_full_fraction(multiple, share):
    p, win, loss = 0.56, 1.0, 1.0
    full = kelly_two_point(p, win, loss)

    def growth(fraction):
        return p * log(1 + fraction * win) + (1 - p) * log(1 - fraction * loss)

    assert growth(multiple * full) / growth(full) == pytest.approx(share, abs=1e-3)
    assert exp(growth(full)) > 1


def test_the_fraction_lets_the_reference_bet_reach_the_cap():
    assert fraction_from_cap(0.05, 6.0) == pytest.approx(0.05 / 6)
    assert position_size(3.0, fraction_from_cap(0.05, 6.0), 0.05) == pytest.approx(0.025)
    assert fraction_from_cap(0.05, 0.1) == 0.25
    assert fraction_from_cap(0.05, 0.0) == 0.0
    assert fraction_from_cap(0.05, -1.0) == 0.0
    assert isnan(fraction_from_cap(0.05, nan))


def test_bets_that_cannot_win_or_cannot_lose_are_told_apart():
    assert kelly_two_point(0.9, 0.0, 0.02) == -inf
    assert kelly_two_point(0.9, -0.01, 0.02) == -inf
    assert kelly_two_point(0.1, 0.01, 0.0) == inf
    assert breakeven_probability(-0.01, 0.02) == 1.0
    assert breakeven_probability(0.01, -0.02) == 0.0
    assert position_size(-inf, 0.25, 0.05) == 0.0


@pytest.mark.parametrize("place", range(4))
def test_what_is_not_a_number_is_refused_not_zero(place):
    arguments = [1.0, 0.25, 0.05, 1.0]
    arguments[place] = nan
    with pytest.raises(BadInput):
        position_size(*arguments)
    assert isnan(kelly_two_point(nan, 0.02, 0.02))
    assert isnan(kelly_two_point(0.6, nan, 0.02))
    assert isnan(kelly_two_point(0.6, 0.02, copysign(nan, -1)))
