"""The baseline: EMA(20) crossing EMA(50), held back by RSI(14), with a volatility for its bracket.

`advance` is the only definition. It is plain arithmetic on floats, so the service calls it once per
closed candle and `rule_history` compiles the very same function for a loop over history.
Every recursion starts from the mean of its first n values; sigma is feature 45 of the catalogue.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import log, sqrt
from typing import NamedTuple

from shared.domain.bracket import BracketPlan
from shared.domain.candle import Candle
from shared.domain.enums import Action, Interval
from shared.domain.ids import Symbol
from shared.domain.signal import Signal, signal_id

RULE = "ema_rsi"

FAST, SLOW, RSI, VOLATILITY = 20.0, 50.0, 14.0, 33.0
FAST_ALPHA, SLOW_ALPHA, RSI_ALPHA, VOLATILITY_ALPHA = 2.0 / 21.0, 2.0 / 51.0, 1.0 / 14.0, 0.06
OVERBOUGHT_RSI, OVERSOLD_RSI, NEUTRAL_RSI = 70.0, 30.0, 50.0
TIE = 1e-12  # a flat price leaves the two averages apart by rounding only

NO_CROSS, BUY, SELL, WARMING_UP, OVERBOUGHT, OVERSOLD, GAP_FILLED = range(7)
WORDS = ("no_cross", "", "", "warming_up", "overbought", "oversold", "gap_filled")


_ACTIONS = {BUY: Action.BUY, SELL: Action.SELL}


class RuleState(NamedTuple):
    """What is carried from candle to candle (floats only: JSON keeps every bit of them).

    `fast`, `slow`, `gain`, `loss` and `variance` hold running sums until their seed is complete.
    `trend` is 1 while the fast average is above the slow one, -1 below, 0 before both exist.
    """

    candles: float = 0.0
    close: float = 0.0
    fast: float = 0.0
    slow: float = 0.0
    gain: float = 0.0
    loss: float = 0.0
    variance: float = 0.0
    trend: float = 0.0


def smooth(carried: float, value: float, count: float, span: float, alpha: float) -> float:
    """Return the exponential average after its `count`-th value, or the sum while it is seeded."""
    if count < span:
        return carried + value
    if count == span:
        return (carried + value) / span
    return carried + alpha * (value - carried)


def trend_of(fast: float, slow: float, previous: float) -> float:
    tolerance = TIE * slow
    if fast > slow + tolerance:
        return 1.0
    if fast < slow - tolerance:
        return -1.0
    return previous


def judge(before: float, after: float, rsi: float) -> int:
    """Return what a change of trend means; the first trend there is has crossed nothing."""
    if before in (0.0, after):
        return NO_CROSS
    if after > 0.0:
        return BUY if rsi < OVERBOUGHT_RSI else OVERBOUGHT
    return SELL if rsi > OVERSOLD_RSI else OVERSOLD


def advance(state: RuleState, close: float, is_filled: bool) -> tuple[RuleState, int, float]:  # noqa: FBT001 - numba has no keyword-only arguments
    """Return the next state, the verdict's code and sigma (per candle; 0 while it is seeded).

    A candle that bridges a gap moves the averages towards its flat price and never acts.
    """
    count = state.candles + 1.0
    changes = state.candles
    gain, loss, variance = state.gain, state.loss, state.variance
    if changes > 0.0:
        change = close - state.close
        gain = smooth(gain, max(change, 0.0), changes, RSI, RSI_ALPHA)
        loss = smooth(loss, max(-change, 0.0), changes, RSI, RSI_ALPHA)
        growth = log(close / state.close)
        variance = smooth(variance, growth * growth, changes, VOLATILITY, VOLATILITY_ALPHA)
    fast = smooth(state.fast, close, count, FAST, FAST_ALPHA)
    slow = smooth(state.slow, close, count, SLOW, SLOW_ALPHA)
    trend = trend_of(fast, slow, state.trend) if count >= SLOW else 0.0
    moved = gain + loss
    rsi = 100.0 * gain / moved if moved > 0.0 else NEUTRAL_RSI
    code = judge(state.trend, trend, rsi)
    if count <= SLOW:
        code = WARMING_UP
    elif is_filled:
        code = GAP_FILLED
    sigma = sqrt(variance) if changes >= VOLATILITY else 0.0
    return RuleState(count, close, fast, slow, gain, loss, variance, trend), code, sigma


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePolicy:
    """The bracket is `multiple` x sigma x sqrt(horizon); a stop out of range is not traded."""

    horizon_candles: int = 24
    stop_multiple: float = 1.0
    target_multiple: float = 1.0
    min_barrier_ratio: float = 0.001
    max_barrier_ratio: float = 0.5

    def bracket(self, sigma: float) -> BracketPlan | None:
        barrier = sigma * sqrt(self.horizon_candles)
        stop = barrier * self.stop_multiple
        if stop < self.min_barrier_ratio or stop > self.max_barrier_ratio:
            return None
        return BracketPlan(
            stop_ratio=stop,
            target_ratio=barrier * self.target_multiple,
            horizon_candles=self.horizon_candles,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instrument at one close."""

    symbol: Symbol
    interval: Interval
    closed_at: datetime
    price: Decimal


def rule_signal(moment: Moment, code: int, sigma: float, policy: RulePolicy) -> Signal:
    """Return the baseline's signal; one that holds carries a bracket too, for others to use."""
    bracket = policy.bracket(sigma)
    action = _ACTIONS.get(code, Action.HOLD)
    reason = WORDS[code]
    if action is Action.BUY and bracket is None:
        action, reason = Action.HOLD, "barrier_out_of_range"
    return Signal(
        signal_id=signal_id(RULE, moment.symbol, moment.interval, moment.closed_at),
        source=RULE,
        symbol=moment.symbol,
        interval=moment.interval,
        closed_at=moment.closed_at,
        expires_at=moment.closed_at + moment.interval.delta,
        action=action,
        confidence=0.0 if action is Action.HOLD else 1.0,
        price=moment.price,
        bracket=bracket,
        reasons=(reason,) if reason else (),
    )


def generate_signal(
    state: RuleState, candle: Candle, interval: Interval, policy: RulePolicy
) -> tuple[RuleState, Signal]:
    """Return the state after one closed candle and what the baseline says about it."""
    advanced, code, sigma = advance(state, float(candle.close), candle.is_filled)
    moment = Moment(
        symbol=candle.symbol, interval=interval, closed_at=candle.closed_at, price=candle.close
    )
    return advanced, rule_signal(moment, code, sigma, policy)
