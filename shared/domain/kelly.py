"""How much of the equity a bet deserves, after costs and after doubt.

Ratios are shares: of the entry price for gross and net returns, of the equity for Kelly fractions.
A value that is not a number passes through as one; `position_size` refuses it.
"""

from collections.abc import Sequence
from math import exp, fsum, inf, isfinite, isnan, lgamma, log, log1p, nan, sqrt
from statistics import NormalDist

from shared.domain.errors import BadInput

FRACTION_CEILING = 0.25
LOWER_BOUND_QUANTILE = 0.20
PRIOR_WEIGHT = 100.0
MAX_POSITION_RATIO = 0.05
MAX_EXPOSURE_RATIO = 0.80

_TINY = 1e-300
_EPSILON = 3e-16
_CLOSE = 1e-14
_NEAR = 1e-3
_MAX_TERMS = 20_000
_MAX_STEPS = 200
_NORMAL = NormalDist()


def net_return_long(gross: float, fee_ratio: float, slippage_ratio: float) -> float:
    """Return what is left of a price change per unit of capital committed; costs are per side."""
    proceeds = (1 + gross) * (1 - slippage_ratio) * (1 - fee_ratio)
    return proceeds / ((1 + slippage_ratio) * (1 + fee_ratio)) - 1


def net_return_short(gross: float, fee_ratio: float, slippage_ratio: float) -> float:
    """Return the same for a sold linear contract per unit of notional, before funding."""
    proceeds = (1 - slippage_ratio) * (1 - fee_ratio)
    return proceeds - (1 + gross) * (1 + slippage_ratio) * (1 + fee_ratio)


def breakeven_probability(net_win: float, net_loss: float) -> float:
    """Return the probability of winning at which the bet is worth nothing (1 if it cannot win)."""
    if net_win <= 0:
        return 1.0
    if net_loss <= 0:
        return 0.0
    return net_loss / (net_win + net_loss)


def expected_return(p: float, net_win: float, net_loss: float) -> float:
    return p * net_win - (1 - p) * net_loss


def kelly_two_point(p: float, net_win: float, net_loss: float) -> float:
    """Return the position over equity that grows it fastest; negative when the bet should be left.

    A bet that cannot win answers -inf, one that cannot lose inf.
    """
    if isnan(p) or isnan(net_win) or isnan(net_loss):
        return nan
    if net_win <= 0:
        return -inf
    if net_loss <= 0:
        return inf
    return p / net_loss - (1 - p) / net_win


def kelly_empirical(returns: Sequence[float]) -> float:
    """Return the growth-optimal fraction of equally likely net returns, 0 where none helps."""
    if not all(isfinite(value) for value in returns):
        return nan
    if not returns or fsum(returns) <= 0:
        return 0.0
    worst = -min(returns)
    if worst <= 0:
        return inf
    low, high = 0.0, 1 / worst
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return low
        if fsum(value / (1 + middle * value) for value in returns) > 0:
            low = middle
        else:
            high = middle


def probability_lower_bound(
    p: float, n: float, quantile: float, p0: float, n0: float = PRIOR_WEIGHT
) -> float:
    """Return a cautious probability: `p`, seen in `n` labels, shrunk towards `p0`, low quantile."""
    alpha = p * n + p0 * n0
    beta = (1 - p) * n + (1 - p0) * n0
    return _beta_quantile(quantile, alpha, beta)


def correlation_haircut(n_active: int, correlation: float) -> float:
    """Return what is left of each bet when `n_active` are held together."""
    return 1 / (1 + max(n_active - 1, 0) * correlation)


def fraction_from_cap(
    cap: float, reference_kelly: float, ceiling: float = FRACTION_CEILING
) -> float:
    """Return the share of Kelly at which a bet as good as `reference_kelly` just reaches the cap.

    0 when the model never had a positive bet out of fold.
    """
    if isnan(cap) or isnan(reference_kelly):
        return nan
    if reference_kelly <= 0:
        return 0.0
    return min(ceiling, cap / reference_kelly)


def position_size(kelly: float, fraction: float, cap: float, confidence: float = 1.0) -> float:
    """Return the position over equity, 0 for a bet not worth taking, never above `cap`.

    Raises:
        BadInput: something is not a number.
    """
    if isnan(kelly) or isnan(fraction) or isnan(cap) or isnan(confidence):
        raise BadInput("kelly", "an input of the size is not a number", "send finite estimates")
    if min(kelly, fraction, confidence) <= 0:
        return 0.0
    return max(min(kelly * fraction * confidence, cap), 0.0)


def portfolio_sizes(
    sizes: Sequence[float],
    haircuts: Sequence[float],
    held: float = 0.0,
    cap: float = MAX_POSITION_RATIO,
    total: float = MAX_EXPOSURE_RATIO,
    cost: float = 1.0,
) -> tuple[float, ...]:
    """Return simultaneous sizes: each cut for correlation and capped, all scaled into the room.

    `cost`: what one unit of a new position takes of the room at worst.
    """
    capped = [
        position_size(size, haircut, cap) for size, haircut in zip(sizes, haircuts, strict=True)
    ]
    wanted, room = fsum(capped) * cost, max(0.0, total - held)
    scale = 1.0 if wanted <= room else room / wanted
    return tuple(size * scale for size in capped)


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """Return x with P(X <= x) = `probability` for X ~ Beta(a, b), not a number where there is none.

    Newton's method from the Cornish-Fisher approximation, kept within a bracket that only shrinks;
    once near, the Taylor series of the inverse, whose error is the fifth power of its step.
    """
    if not (0 < probability < 1 and 0 < a < inf and 0 < b < inf):
        return nan
    scale = lgamma(a + b) - lgamma(a) - lgamma(b)
    deviation = sqrt(a * b / (a + b + 1)) / (a + b)
    x = _beta_guess(probability, a, b, deviation)
    low, high = 0.0, 1.0
    for _ in range(_MAX_STEPS):
        front = exp(scale + a * log(x) + b * log1p(-x))
        excess = _beta_distribution(x, a, b, front) - probability
        newton = -excess * x * (1 - x) / front if front > _TINY else nan
        if abs(newton) <= _NEAR * min(deviation, x, 1 - x):
            return x + _beta_series(x, a, b, newton)
        low, high = (low, x) if excess > 0 else (x, high)
        following = x + newton
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - x) <= _CLOSE * x:
            return following
        x = following
    return x


def _beta_guess(probability: float, a: float, b: float, deviation: float) -> float:
    """Return the normal quantile corrected for skewness and kurtosis, the mean where it is none."""
    total = a + b
    skewness = 2 * (b - a) / (deviation * total * (total + 2))
    kurtosis = 6 * ((a - b) ** 2 * (total + 1) / (a * b * (total + 2)) - 1) / (total + 3)
    z = _NORMAL.inv_cdf(probability)
    corrected = (
        z
        + skewness * (z**2 - 1) / 6
        + kurtosis * (z**3 - 3 * z) / 24
        - skewness**2 * (2 * z**3 - 5 * z) / 36
    )
    guess = a / total + deviation * corrected
    return guess if 0 < guess < 1 else a / total


def _beta_series(x: float, a: float, b: float, newton: float) -> float:
    """Return four terms of the quantile's Taylor series, the first of which is Newton's step.

    `slope` is the derivative of the density's logarithm, `bend` and `twist` those of the slope.
    """
    left, right = (a - 1) / x, (b - 1) / (1 - x)
    slope = left - right
    bend = -left / x - right / (1 - x)
    twist = 2 * (left / x**2 - right / (1 - x) ** 2)
    second = -slope / 2
    third = (2 * slope**2 - bend) / 6
    fourth = (7 * slope * bend - 6 * slope**3 - twist) / 24
    return newton * (1 + newton * (second + newton * (third + newton * fourth)))


def _beta_distribution(x: float, a: float, b: float, front: float) -> float:
    """Return the regularised incomplete beta function; `front` is x^a (1-x)^b / B(a, b)."""
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction by Lentz's method.

    It converges fast for x < (a + 1) / (a + b + 2), where no partial denominator vanishes.
    """
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MAX_TERMS):
        n = a + 2 * m
        even = m * (b - m) * x / ((n - 1) * n)
        odd = -(a + m) * (a + b + m) * x / (n * (n + 1))
        d = 1 / (1 + even * d)
        c = 1 + even / c
        value *= c * d
        d = 1 / (1 + odd * d)
        c = 1 + odd / c
        change = c * d
        value *= change
        if abs(change - 1) < _EPSILON:
            return value
    return value
