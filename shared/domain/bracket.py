"""One exit rule for the training label, the backtest, the simulated venue and the live executor."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.enums import ExitReason
from shared.domain.values import Price

NO_TOUCH, STOP_AT_OPEN, TARGET_AT_OPEN, STOP, TARGET = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketPlan:
    """Distances from the entry price (positive ratios) and how many candles the trade may live."""

    stop_ratio: float
    target_ratio: float
    horizon_candles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """The plan, anchored at an entry: leave at `stop`, at `target`, or after `horizon_at`."""

    stop: Price
    target: Price
    horizon_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    reason: ExitReason
    price: Decimal


def touch_code(stop: float, target: float, low: float, high: float, open_: float) -> int:
    """Return which barrier one candle touches first (arguments of one ordered numeric type).

    A candle that opens beyond a barrier fills at the open; one that reaches both later counts as
    the stop. Plain comparisons only: numba compiles this very function for the training label.
    """
    if open_ <= stop:
        return STOP_AT_OPEN
    if open_ >= target:
        return TARGET_AT_OPEN
    if low <= stop:
        return STOP
    if high >= target:
        return TARGET
    return NO_TOUCH


def touch(bracket: Bracket, low: Decimal, high: Decimal, open_: Decimal) -> Exit | None:
    """Return the exit a price range causes, or None."""
    code = touch_code(bracket.stop, bracket.target, low, high, open_)  # pyright: ignore[reportArgumentType]
    if code == NO_TOUCH:
        return None
    if code in (STOP_AT_OPEN, STOP):
        return Exit(reason=ExitReason.STOP, price=open_ if code == STOP_AT_OPEN else bracket.stop)
    return Exit(reason=ExitReason.TARGET, price=open_ if code == TARGET_AT_OPEN else bracket.target)


def anchor(plan: BracketPlan, entry_price: Decimal, horizon_at: datetime) -> Bracket:
    """Return the bracket of a trade entered (long) at `entry_price`."""
    return Bracket(
        stop=Price(entry_price * (1 - Decimal(repr(plan.stop_ratio)))),
        target=Price(entry_price * (1 + Decimal(repr(plan.target_ratio)))),
        horizon_at=horizon_at,
    )
