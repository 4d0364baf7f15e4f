"""Why an instrument was or was not traded, as a short story: facts in, lines out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.kelly import expected_return
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Signal
from shared.domain.values import MONEY, ZERO, to_text
from shared.domain.verdict import Approved, Denied, Sizing

_KELLY, _FIXED, _TARGET, _EXIT = "kelly", "fixed", "target", "exit"
_LARGE, _CENTS, _FINE = 100, 2, 6
_COUNTS = frozenset({"orders_per_minute", "trades_per_day"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One limit of how much may be held, and what is left of it now."""

    scope: str
    key: str
    cap: Decimal
    used: Decimal

    @property
    def headroom(self) -> Decimal:
        return max(MONEY.subtract(self.cap, self.used), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of the order; `average_price` None where nothing was filled."""

    client_order_id: str
    venue: str
    status: str
    filled: Decimal
    average_price: Decimal | None
    fees: Sequence[tuple[Decimal, str]] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds for the instrument now, whatever was decided: each None where it does not."""

    state: str | None = None
    lock: str | None = None
    freeze: str | None = None
    held: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that is known about one instrument lately; `signals` are the newest of each.

    `looked_at` is what time it is on the platform: `caps` and `standing` are of then, whatever was
    decided before.
    """

    symbol: Symbol
    standing: Standing
    signals: Sequence[Signal] = ()
    verdict: Approved | Denied | None = None
    recommendation: Recommendation | None = None
    caps: Sequence[Cap] = ()
    fate: Fate | None = None
    looked_at: datetime | None = None


def story(known: Known) -> list[str]:
    """Return why the instrument was last traded or not, and how things stand now."""
    if known.verdict is None:
        return [
            f"Nothing was ever decided about {known.symbol}.",
            *_seen(known.signals, None),
            *_now(known),
        ]
    return [
        _headline(known.verdict),
        *_belief(known.recommendation),
        *_sizing(known.verdict.sizing, known.symbol),
        *_outcome(known),
        *_caps(known),
        *_seen(known.signals, known.verdict.decided_at),
        *_now(known),
    ]


def _headline(verdict: Approved | Denied) -> str:
    outcome = "approved" if isinstance(verdict, Approved) else "denied"
    what = f"{verdict.purpose} ({verdict.side})"
    judged = f"by version {verdict.limits_version} of the limits"
    at = _minute(verdict.decided_at)
    return f"{verdict.symbol}: an {what} was {outcome} at {at}, {judged}."


def _belief(one: Recommendation | None) -> list[str]:
    if one is None:
        return []
    if one.exit_reason is not None:
        return [f"It was to leave, because of: {one.exit_reason}."]
    if one.edge is None:
        return [f"{one.source} proposed it at {to_text(one.price)}, without a model's probability."]
    edge = one.edge
    believed = f"gave it {edge.probability:.2%} (calibrated from {edge.probability_raw:.2%})"
    return [f"The model {edge.release_id} {believed} at {to_text(one.price)}."]


def _sizing(one: Sizing, symbol: Symbol) -> list[str]:
    if one.kind == _EXIT:
        return []
    base, quote = split_symbol(symbol)
    size = f"{_short(one.notional)} {quote}, {to_text(one.quantity)} {base}"
    share = f"{one.capped_ratio:.2%} of {_short(one.equity)} {quote}"
    if one.kind != _KELLY:
        names = {_FIXED: "a rule's fixed share", _TARGET: "a person's target weight"}
        asked = f"Sized as {names.get(one.kind, one.kind)}: asks for {one.raw_ratio:.2%}"
        return [f"{asked}, the caps leave {share}: {size}."]
    return [*_odds(one), *_kelly(one), f"That leaves {share} after the caps: {size}."]


def _odds(one: Sizing) -> list[str]:
    margin = one.probability_used - one.breakeven_probability
    side = "above" if margin > 0 else "below"
    cautious = f"With caution it is {one.probability_used:.2%} (the lower bound)"
    even = f"break-even is {one.breakeven_probability:.2%}, so it is {abs(margin):.2%} {side}"
    expected = expected_return(one.probability_used, one.net_win, one.net_loss)
    odds = f"Net of costs a win earns {one.net_win:.2%}, a loss costs {one.net_loss:.2%}"
    return [f"{cautious}; {even}.", f"{odds}: {expected:+.3%} expected of a trade."]


def _kelly(one: Sizing) -> list[str]:
    lines: list[str] = []
    made = one.factors
    if made is not None:
        lines.append(
            f"Confidence {one.confidence:.3f}: coverage {made.coverage:.3f}, drift "
            f"{made.drift:.3f}, age {made.age:.3f}, live {made.live:.3f}, standing "
            f"{made.standing:.3f}."
        )
    together = "alone"
    if one.active_count > 1:
        together = f"{one.active_count} together, mean correlation {one.mean_correlation:.2f}"
    lines.append(
        f"Kelly in full {one.kelly_full:.2%}, the fraction of it {one.kelly_fraction:.4f}, with "
        f"confidence {one.raw_ratio:.2%}; correlation leaves {one.correlation_haircut:.3f} of "
        f"that ({together})."
    )
    return lines


def _outcome(known: Known) -> list[str]:
    verdict = known.verdict
    if isinstance(verdict, Denied):
        return [
            f"Denied by {one.check}: {one.value} against {one.limit}, headroom {one.headroom} "
            f"then; {one.remedy}."
            for one in verdict.breaches
        ]
    if not isinstance(verdict, Approved):
        return []
    base, _quote = split_symbol(verdict.symbol)
    bound = f"no worse than {to_text(verdict.limit_price)}"
    lines = [f"Ordered: {verdict.side} {to_text(verdict.quantity)} {base}, {bound}."]
    return [*lines, _fate(known.fate, base)]


def _fate(fate: Fate | None, base: str) -> str:
    if fate is None:
        return "No order came of it: it has lapsed, or has not been taken in yet."
    done = "nothing filled"
    if fate.average_price is not None:
        fees = ", ".join(f"{_short(amount)} {asset}" for amount, asset in fate.fees) or "no fee"
        done = f"{to_text(fate.filled)} {base} at {_short(fate.average_price)} ({fees})"
    why = f" ({fate.detail})" if fate.detail else ""
    return f"At {fate.venue} it is {fate.status}{why}: {done}; {fate.client_order_id}."


def _caps(known: Known) -> list[str]:
    if not known.caps or (known.verdict is not None and known.verdict.sizing.kind == _EXIT):
        return []
    now = "now" if known.looked_at is None else f"now, at {_minute(known.looked_at)}"
    return [f"Room {now}, not when it was decided: {'; '.join(map(_cap, known.caps))}."]


def _cap(one: Cap) -> str:
    name = one.scope.replace("_", " ")
    where = f" {one.key}" if one.key and one.scope not in _COUNTS else ""
    return f"{name}{where} {_short(one.headroom)} of {_short(one.cap)}"


def _seen(signals: Sequence[Signal], since: datetime | None) -> list[str]:
    """Tell the newest signals, unless they are what the decision went by."""
    newer = [one for one in signals if since is None or one.closed_at > since]
    if not newer:
        return [] if since is not None else ["No signal about it is known."]
    return [_signal(one) for one in newer]


def _signal(one: Signal) -> str:
    reasons = f", because {', '.join(one.reasons)}" if one.reasons else ""
    said = f"{one.source} says {one.action} with confidence {one.confidence:.3f}"
    return f"Seen at {_minute(one.closed_at)}: {said}{reasons}."


def _now(known: Known) -> list[str]:
    standing = known.standing
    lines = [one for one in (standing.state, standing.lock, standing.freeze) if one is not None]
    if standing.held:
        lines.append(f"Held now: {to_text(standing.held)} {split_symbol(known.symbol)[0]}.")
    return lines


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _short(amount: Decimal) -> str:
    """Return an amount as a person reads it: a story is no ledger."""
    digits = _CENTS if abs(amount) >= _LARGE else _FINE
    return to_text(amount if amount == amount.to_integral_value() else round(amount, digits))
