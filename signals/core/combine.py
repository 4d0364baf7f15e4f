"""Several opinions about one instrument become the one that may be acted on."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.enums import Action
from shared.domain.signal import Signal, signal_id
from signals.core.rules import RULE

ML = "ml"
COMBINED = "combined"
PIPELINE = (ML, RULE)

_ROUNDING = (
    1e-9  # shares such as 0.1 and 0.2 that add up to the threshold on paper reach it here too
)
_DIRECTION = {Action.BUY: 1.0, Action.SELL: -1.0, Action.HOLD: 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Weights (>= 0) of the enabled sources, and the share of them that must agree (0..1]."""

    weights: Mapping[str, float]
    threshold: float

    @property
    def waits_for_ml(self) -> bool:
        return self.weights.get(ML, 0.0) > 0.0

    @property
    def externals(self) -> tuple[str, ...]:
        return tuple(
            sorted(name for name, weight in self.weights.items() if weight and name not in PIPELINE)
        )


def strength(signal: Signal) -> float:
    """Return direction times confidence, in -1..1.

    A model's confidence sets the size of its trade (risk multiplies it in), so it does not also
    decide whether there is one.
    """
    certainty = 1.0 if signal.source == ML else signal.confidence
    return _DIRECTION[signal.action] * certainty


def score(parts: Mapping[str, Signal], weights: Mapping[str, float]) -> float:
    """Return the weighted strength in -1..1; a source that is absent or refuses still weighs."""
    names = sorted(weights)
    total = sum([weights[name] for name in names])
    if total <= 0.0:
        return 0.0
    return sum([weights[name] * strength(parts[name]) for name in names if name in parts]) / total


def combine(parts: Mapping[str, Signal], mixture: Mixture) -> Signal:
    """Return the combined signal of one instrument at one candle.

    `parts` are keyed by source and hold at least one of the pipeline's own; instant and price are
    theirs. The model's edge and bracket travel with an action the model agrees with; otherwise the
    baseline's bracket does. An entry without any bracket is not made.
    """
    base = parts[RULE] if RULE in parts else parts[ML]
    total = score(parts, mixture.weights)
    action = _action(total, mixture.threshold)
    model = parts.get(ML) if mixture.waits_for_ml else None  # never one that nobody asked
    agrees = model is not None and model.action is action and action is not Action.HOLD
    source = model if agrees and model is not None else parts.get(RULE)
    bracket = source.bracket if source is not None else None
    reasons: tuple[str, ...] = ()
    if action is Action.HOLD:
        reasons = _reasons(parts, mixture.weights, total)
    elif action is Action.BUY and bracket is None:
        action, agrees, reasons = Action.HOLD, False, ("no_bracket",)
    return Signal(
        signal_id=signal_id(COMBINED, base.symbol, base.interval, base.closed_at),
        source=COMBINED,
        symbol=base.symbol,
        interval=base.interval,
        closed_at=base.closed_at,
        expires_at=base.expires_at,
        action=action,
        confidence=min(abs(total), 1.0),
        price=base.price,
        bracket=None if action is Action.HOLD else bracket,
        edge=model.edge if agrees and model is not None else None,
        coverage=1.0 if model is None else model.coverage,
        reasons=reasons,
    )


def _action(total: float, threshold: float) -> Action:
    if total >= threshold - _ROUNDING:
        return Action.BUY
    if total <= _ROUNDING - threshold:
        return Action.SELL
    return Action.HOLD


def _reasons(
    parts: Mapping[str, Signal], weights: Mapping[str, float], total: float
) -> tuple[str, ...]:
    found: list[str] = []
    for name in sorted(name for name, weight in weights.items() if weight > 0.0):
        part = parts.get(name)
        if part is None:
            found.append(f"{name}:absent")
        else:
            found.extend(f"{name}:{reason}" for reason in part.reasons)
    if total != 0.0:
        found.append("below_threshold")
    return tuple(found) or ("no_opinion",)
