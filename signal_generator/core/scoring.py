"""From a vector and a model's prediction to a signal, with every reason it has for holding back."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.features import MIN_BARRIER_COSTS, Coverage, barrier_ratio, coverage_of
from shared.domain.bracket import BracketPlan
from shared.domain.candle import Candle
from shared.domain.enums import Action, Interval
from shared.domain.kelly import breakeven_probability, net_return_long
from shared.domain.signal import Confidence, Edge, Signal, signal_id
from signal_generator.core.belief import Belief
from signal_generator.core.refusal import Refusal

ML = "ml"
SHADOW = "shadow"
FALLBACK_CONFIDENCE = 0.5
NEW_HOLE_CONFIDENCE = 0.9
_SECONDS_PER_DAY = 86_400.0
_EXPIRED_AFTER_INTERVALS = 3.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPolicy:
    """Ratios are per side; `retrain_days` is the age at which confidence in a model begins to fall.

    `max_unfamiliar_ratio`: the share of features outside the range the model was trained on, above
    which it is not believed. `stale_after_intervals`: how many candles' time after its close a
    candle may be scored and still be acted on.
    """

    fee_ratio: float
    slippage_ratio: float
    min_margin: float = 0.01
    exit_probability: float = 0.35
    retrain_days: float = 7.0
    max_unfamiliar_ratio: float = 0.10
    stale_after_intervals: float = 1.0


def age_factor(age_days: float, retrain_days: float) -> float:
    """Return 1 up to the retrain interval, then a straight line to 0 at three times that age."""
    over = (age_days - retrain_days) / ((_EXPIRED_AFTER_INTERVALS - 1.0) * retrain_days)
    return min(max(1.0 - over, 0.0), 1.0)


def breakeven(belief: Belief, barrier: float, policy: ScoringPolicy) -> float:
    """Return the probability at which the trade is worth nothing at today's costs."""
    win = net_return_long(belief.average_win * barrier, policy.fee_ratio, policy.slippage_ratio)
    loss = net_return_long(-belief.average_loss * barrier, policy.fee_ratio, policy.slippage_ratio)
    return breakeven_probability(win, -loss)


def generate_signal(
    candle: Candle,
    interval: Interval,
    vector: Floats,
    belief: Belief | None,
    policy: ScoringPolicy,
    now: datetime | None = None,
) -> Signal:
    """Return what the model says about one closed candle.

    `now`: when it is said; without it, at once when the candle closed.
    """
    coverage = coverage_of(vector)
    edge = None if belief is None else _edge(candle, vector, belief, coverage, policy)
    reasons = _of_candle(candle, interval, coverage, policy, now) + _of_model(belief, edge, policy)
    action = Action.HOLD
    if not reasons and belief is not None and edge is not None:
        action, reasons = _decide(belief, edge, policy)
    return Signal(
        signal_id=signal_id(ML, candle.symbol, interval, candle.closed_at),
        source=ML,
        symbol=candle.symbol,
        interval=interval,
        closed_at=candle.closed_at,
        expires_at=candle.closed_at + interval.delta,
        action=action,
        confidence=0.0 if edge is None or action is Action.HOLD else edge.confidence,
        price=candle.close,
        bracket=None if belief is None or edge is None else _bracket(belief, edge),
        edge=edge,
        coverage=coverage.ratio,
        reasons=reasons,
    )


def whisper(signal: Signal, release_id: str) -> Signal:
    """Return a signal as its shadow: an id of its own, so that nobody takes it for one said."""
    source = f"{SHADOW}:{release_id}"
    identity = signal_id(source, signal.symbol, signal.interval, signal.closed_at)
    return replace(signal, signal_id=identity, source=SHADOW)


def _edge(
    candle: Candle, vector: Floats, belief: Belief, coverage: Coverage, policy: ScoringPolicy
) -> Edge | None:
    """Return what sizing needs, None where the bracket cannot be drawn."""
    barrier = barrier_ratio(vector, belief.horizon_candles)
    if not 0.0 < barrier * belief.stop_multiple < 1.0:
        return None
    factors = _factors(candle, belief, coverage, policy)
    return Edge(
        probability=belief.probability,
        probability_raw=belief.probability_raw,
        neighbours=belief.neighbours,
        gross_win=belief.average_win * barrier,
        gross_loss=belief.average_loss * barrier,
        barrier_ratio=barrier,
        reference_kelly=belief.reference_kelly,
        factors=factors,
        confidence=factors.product,
        release_id=belief.release_id,
    )


def _factors(
    candle: Candle, belief: Belief, coverage: Coverage, policy: ScoringPolicy
) -> Confidence:
    age_days = (candle.closed_at - belief.created_at).total_seconds() / _SECONDS_PER_DAY
    return Confidence(
        coverage=coverage.confidence * NEW_HOLE_CONFIDENCE**belief.new_holes,
        drift=_share(belief.drift_factor),
        age=age_factor(age_days, policy.retrain_days),
        live=_share(belief.live_factor),
        standing=FALLBACK_CONFIDENCE if belief.is_fallback else 1.0,
    )


def _share(factor: float) -> float:
    """Return a monitor's factor; what is none leaves nothing."""
    return factor if 0.0 <= factor <= 1.0 else 0.0


def _of_candle(
    candle: Candle,
    interval: Interval,
    coverage: Coverage,
    policy: ScoringPolicy,
    now: datetime | None,
) -> tuple[str, ...]:
    reasons: list[str] = [Refusal(reason) for reason in coverage.refusals]
    if candle.is_filled:
        reasons.append(Refusal.GAP_FILLED)
    patience = policy.stale_after_intervals * interval.delta
    if now is not None and now - candle.closed_at > patience:
        reasons.append(Refusal.STALE)
    return tuple(reasons)


def _of_model(belief: Belief | None, edge: Edge | None, policy: ScoringPolicy) -> tuple[str, ...]:
    if belief is None:
        return (Refusal.NO_MODEL,)
    found = {
        Refusal.MODEL_UNHEALTHY: belief.is_unhealthy,
        Refusal.OUT_OF_DISTRIBUTION: belief.unfamiliar_ratio > policy.max_unfamiliar_ratio,
        Refusal.NO_BARRIER: edge is None,
    }
    if edge is not None:
        round_trip = 2.0 * (policy.fee_ratio + policy.slippage_ratio)
        found |= {
            Refusal.COST_BARRIER: edge.barrier_ratio < MIN_BARRIER_COSTS * round_trip,
            Refusal.MODEL_EXPIRED: edge.factors.age <= 0.0,
            Refusal.DRIFTED: edge.factors.drift <= 0.0,
            Refusal.MISCALIBRATED: edge.factors.live <= 0.0,
        }
    return tuple(reason for reason, is_so in found.items() if is_so)


def _decide(belief: Belief, edge: Edge, policy: ScoringPolicy) -> tuple[Action, tuple[str, ...]]:
    threshold = breakeven(belief, edge.barrier_ratio, policy) + policy.min_margin
    if belief.probability >= threshold:
        return Action.BUY, ()
    if belief.probability <= policy.exit_probability:
        return Action.SELL, ()
    return Action.HOLD, (Refusal.BELOW_BREAKEVEN,)


def _bracket(belief: Belief, edge: Edge) -> BracketPlan:
    return BracketPlan(
        stop_ratio=belief.stop_multiple * edge.barrier_ratio,
        target_ratio=belief.target_multiple * edge.barrier_ratio,
        horizon_candles=belief.horizon_candles,
    )
