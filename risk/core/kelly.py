"""From a belief to a share of the equity, every step written down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite

from risk.core.book import Book
from risk.core.company import Company
from risk.core.funds import ONE, valued
from risk.core.limits import Costs, RiskLimits
from shared.domain.enums import Purpose
from shared.domain.kelly import (
    breakeven_probability,
    correlation_haircut,
    expected_return,
    fraction_from_cap,
    kelly_two_point,
    net_return_long,
    portfolio_sizes,
    position_size,
    probability_lower_bound,
)
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Confidence, Edge
from shared.domain.values import ZERO
from shared.domain.verdict import TARGET_WEIGHT, Breach, Sizing

KELLY, FIXED, TARGET, EXIT = "kelly", "fixed", TARGET_WEIGHT, "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """`refusals`: why the belief deserves no position at all, whatever the limits say."""

    sizing: Sizing
    refusals: tuple[Breach, ...] = ()


def size(
    recommendation: Recommendation,
    equity: Decimal,
    limits: RiskLimits,
    costs: Costs,
    rate: Decimal = ONE,
) -> Sized:
    """Return the share of equity this one recommendation deserves, seen alone and before caps.

    `rate`: what one unit of its quote is worth in the currency of the equity.
    """
    if recommendation.purpose is Purpose.EXIT:
        return Sized(sizing=Sizing(kind=EXIT, equity=equity))
    if recommendation.edge is None and not recommendation.is_rebalance:
        ratio = limits.rule_based_ratio
        return Sized(sizing=Sizing(kind=FIXED, equity=equity, raw_ratio=ratio))
    try:
        if recommendation.edge is None or recommendation.is_rebalance:
            return _target(recommendation, equity, rate)
        return _kelly(recommendation.edge, equity, limits, costs)
    except (ArithmeticError, ValueError):  # estimates far outside anything a model can mean
        kind = TARGET if recommendation.is_rebalance else KELLY
        return Sized(sizing=Sizing(kind=kind, equity=equity), refusals=(_UNSOUND,))


def _target(recommendation: Recommendation, equity: Decimal, rate: Decimal) -> Sized:
    """Return the share that a person's target weight asks for; the caps may still cut it."""
    wanted = recommendation.quantity or ZERO
    if wanted <= ZERO:
        return Sized(sizing=Sizing(kind=TARGET, equity=equity), refusals=(_NO_QUANTITY,))
    price = valued(recommendation.price, rate)
    share = float(wanted * price / equity) if equity > ZERO else 0.0
    return Sized(sizing=Sizing(kind=TARGET, equity=equity, raw_ratio=share))


_NO_QUANTITY = Breach(
    check="quantity",
    limit="above 0",
    value="none",
    headroom="0",
    remedy="say how much brings the instrument to its target",
)


def _kelly(edge: Edge, equity: Decimal, limits: RiskLimits, costs: Costs) -> Sized:
    win = net_return_long(edge.gross_win, costs.fee_ratio, costs.slippage_ratio)
    loss = -net_return_long(-edge.gross_loss, costs.fee_ratio, costs.slippage_ratio)
    breakeven = breakeven_probability(win, loss)
    used = probability_lower_bound(
        edge.probability,
        edge.neighbours,
        limits.probability_quantile,
        breakeven,
        limits.prior_weight,
    )
    full = kelly_two_point(used, win, loss)
    fraction = fraction_from_cap(limits.entry_ratio, edge.reference_kelly, limits.kelly_fraction)
    sizing = Sizing(
        kind=KELLY,
        equity=equity,
        probability_raw=_finite(edge.probability_raw),
        probability=_finite(edge.probability),
        probability_used=_finite(used),
        breakeven_probability=_finite(breakeven),
        net_win=_finite(win),
        net_loss=_finite(loss),
        kelly_full=_finite(full),
        kelly_fraction=_finite(fraction),
        confidence=_finite(edge.confidence),
        factors=_finite_factors(edge.factors),
    )
    if not _is_sound(edge, (used, loss, fraction)):
        return Sized(sizing=sizing, refusals=(_UNSOUND,))
    refusals = _refusals(sizing, edge.barrier_ratio, limits, costs)
    if refusals:
        return Sized(sizing=sizing, refusals=refusals)
    raw = position_size(full, fraction, 1.0, edge.confidence)
    return Sized(sizing=replace(sizing, raw_ratio=raw))


_UNSOUND = Breach(
    check="estimates",
    limit="finite numbers, probabilities and confidence within 0..1, a loss after costs",
    value="outside",
    headroom="0",
    remedy="look at the model that spoke: its payoffs or its calibration are broken",
)


def _is_sound(edge: Edge, derived: Sequence[float]) -> bool:
    given = (
        edge.probability_raw,
        edge.gross_win,
        edge.gross_loss,
        edge.barrier_ratio,
        edge.reference_kelly,
    )
    used, loss, _fraction = derived
    return (
        all(map(isfinite, (*given, *derived)))
        and 0 <= edge.probability <= 1
        and 0 <= edge.confidence <= 1
        and all(0 <= factor <= 1 for factor in _each(edge.factors))
        and 0 <= used <= 1
        and loss > 0
    )


def _finite(value: float) -> float:
    return value if isfinite(value) else 0.0


def _each(factors: Confidence) -> tuple[float, ...]:
    return (factors.coverage, factors.drift, factors.age, factors.live, factors.standing)


def _finite_factors(factors: Confidence) -> Confidence:
    coverage, drift, age, live, standing = map(_finite, _each(factors))
    return Confidence(coverage=coverage, drift=drift, age=age, live=live, standing=standing)


def _refusals(
    sizing: Sizing, barrier_ratio: float, limits: RiskLimits, costs: Costs
) -> tuple[Breach, ...]:
    """Return a breach for each need that is not met: (check, value, least, is met, remedy)."""
    edge = expected_return(sizing.probability_used, sizing.net_win, sizing.net_loss)
    margin = sizing.probability_used - sizing.breakeven_probability
    barrier = limits.min_barrier_costs * costs.round_trip
    least_margin = limits.min_probability_margin
    fraction = sizing.kelly_fraction
    needs = (
        ("edge", edge, 0.0, edge > 0, "wait for a signal that pays after costs"),
        (
            "probability_margin",
            margin,
            least_margin,
            margin > least_margin,
            "wait for a signal farther from break-even",
        ),
        (
            "cost_barrier",
            barrier_ratio,
            barrier,
            barrier_ratio >= barrier,
            "wait for more volatility, or trade where it costs less",
        ),
        ("confidence", sizing.confidence, 0.0, sizing.confidence > 0, "retrain the model"),
        ("reference_kelly", fraction, 0.0, fraction > 0, "use a model that pays out of sample"),
    )
    return tuple(
        _short_of(check, value, least, remedy)
        for check, value, least, is_met, remedy in needs
        if not is_met
    )


def _short_of(check: str, value: float, least: float, remedy: str) -> Breach:
    return Breach(
        check=check,
        limit=f"{least:.8g}",
        value=f"{value:.8g}",
        headroom=f"{value - least:.8g}",
        remedy=remedy,
    )


def share_out(
    sized: Sequence[Sizing], company: Company, book: Book, limits: RiskLimits, costs: Costs
) -> list[Sizing]:
    """Return the sizes of entries taken together: haircut, capped each, scaled into the room left.

    `company`: what would be held together with them. The room is measured at the worst price and
    with the fee, as reservations are.
    """
    if not sized:
        return []
    haircut = correlation_haircut(company.count, company.mean_correlation)
    factors = [haircut if sizing.kind == KELLY else 1.0 for sizing in sized]
    ratios = portfolio_sizes(
        [sizing.raw_ratio for sizing in sized],
        factors,
        held=float(book.exposure / book.equity) if book.equity > ZERO else 1.0,
        cap=limits.entry_ratio,
        total=limits.max_exposure_ratio,
        cost=worst_case_factor(limits, costs),
    )
    return [
        replace(
            sizing,
            active_count=company.count,
            mean_correlation=company.mean_correlation,
            correlation_haircut=factor,
            capped_ratio=ratio,
        )
        for sizing, factor, ratio in zip(sized, factors, ratios, strict=True)
    ]


def worst_case_factor(limits: RiskLimits, costs: Costs) -> float:
    """Return what one unit of notional may cost at the limit price, fee included."""
    return float((1 + limits.entry_collar) * costs.fee_factor)
