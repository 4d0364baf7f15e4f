"""What became of a signal's trade, by the rule of the training label, once its candles closed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from shared.domain.bracket import (
    NO_TOUCH,
    STOP,
    STOP_AT_OPEN,
    TARGET_AT_OPEN,
    BracketPlan,
    touch_code,
)
from shared.domain.candle import Candle
from shared.domain.enums import Action
from shared.domain.ids import SignalId, Symbol
from shared.domain.kelly import breakeven_probability, net_return_long
from shared.domain.signal import Edge
from signal_generator.core.refusal import Refusal
from signal_generator.core.scoring import ScoringPolicy

_NOT_LEARNED = frozenset(
    {
        Refusal.COVERAGE,
        Refusal.REQUIRED_MISSING,
        Refusal.GROUP_MISSING,
        Refusal.GAP_FILLED,
        Refusal.COST_BARRIER,
    }
)
_MONITORS = frozenset({Refusal.MODEL_UNHEALTHY, Refusal.DRIFTED, Refusal.MISCALIBRATED})


class Role(StrEnum):
    """What a release was asked for: to be acted on, or only to be watched."""

    CHAMPION = "champion"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A stored signal that has a bracket and no outcome yet."""

    signal_id: SignalId
    role: Role
    symbol: Symbol
    closed_at: datetime
    action: Action
    reasons: tuple[str, ...]
    edge: Edge
    bracket: BracketPlan

    @property
    def is_counted(self) -> bool:
        """Whether training would have learned from it: only then its probability was a promise."""
        return _NOT_LEARNED.isdisjoint(self.reasons)


class Bar(NamedTuple):
    """The prices of one candle, as the labels of training see them."""

    open: float
    high: float
    low: float
    close: float
    is_filled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a trade ended; `hit`: 1 the target, -1 the stop, 0 time; `gross`: exit over entry - 1."""

    ended_at: datetime
    hit: int
    gross: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A signal and what became of it; without an `ending` candles were missing: never guessed.

    `net`: after today's costs. `is_bet`: it would have been bought, were it not for the monitors.
    """

    signal: Pending
    ending: Ending | None
    net: float | None
    is_bet: bool


def has_passed(signal: Pending, step: timedelta, now: datetime) -> bool:
    """Tell whether its whole horizon is over; counting early ends at once would prefer them."""
    return signal.closed_at + signal.bracket.horizon_candles * step <= now


def bar_of(candle: Candle) -> Bar:
    return Bar(
        float(candle.open),
        float(candle.high),
        float(candle.low),
        float(candle.close),
        candle.is_filled,
    )


def mature(
    signal: Pending, step: timedelta, bars: Mapping[datetime, Bar], policy: ScoringPolicy
) -> Outcome:
    """Return the outcome of a signal whose horizon has passed; `bars` by their closing time."""
    ending = ending_of(signal.bracket, signal.closed_at, step, bars)
    net = None
    if ending is not None:
        net = net_return_long(ending.gross, policy.fee_ratio, policy.slippage_ratio)
    return Outcome(signal=signal, ending=ending, net=net, is_bet=_is_bet(signal, policy))


def ending_of(
    plan: BracketPlan, decided_at: datetime, step: timedelta, bars: Mapping[datetime, Bar]
) -> Ending | None:
    """Walk from the open of the next candle to the first touch, at the latest to the horizon.

    None where a candle is missing on the way, or nothing traded in the one to enter on.
    """
    at = decided_at + step
    bar = bars.get(at)
    if bar is None or bar.is_filled:
        return None
    entry, last = bar.open, decided_at + plan.horizon_candles * step
    stop, target = entry * (1.0 - plan.stop_ratio), entry * (1.0 + plan.target_ratio)
    while bar is not None:
        code = touch_code(stop, target, bar.low, bar.high, bar.open)
        if code != NO_TOUCH or at >= last:
            gross = _exit_price(code, stop, target, bar) / entry - 1.0
            return Ending(ended_at=at, hit=_hit(code), gross=gross)
        at += step
        bar = bars.get(at)
    return None


def _exit_price(code: int, stop: float, target: float, bar: Bar) -> float:
    if code == NO_TOUCH:
        return bar.close
    if code in (STOP_AT_OPEN, TARGET_AT_OPEN):
        return bar.open
    return stop if code == STOP else target


def _hit(code: int) -> int:
    if code == NO_TOUCH:
        return 0
    return -1 if code in (STOP, STOP_AT_OPEN) else 1


def _is_bet(signal: Pending, policy: ScoringPolicy) -> bool:
    """Tell whether it was bought, or only a monitor forbade it: those must be able to recover."""
    if signal.action is Action.BUY:
        return True
    if not signal.reasons or not _only_monitors(signal.reasons):
        return False
    edge = signal.edge
    win = net_return_long(edge.gross_win, policy.fee_ratio, policy.slippage_ratio)
    loss = net_return_long(-edge.gross_loss, policy.fee_ratio, policy.slippage_ratio)
    return edge.probability >= breakeven_probability(win, -loss) + policy.min_margin


def _only_monitors(reasons: Collection[str]) -> bool:
    return _MONITORS.issuperset(reasons)
