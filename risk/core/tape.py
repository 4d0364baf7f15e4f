"""The last closes of one instrument: its last trade, its calm and its company are read of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from shared.domain.candle import Candle
from shared.domain.ids import Symbol

RETURNS = 72  # of which correlations are (ml.md 6.5), and the usual volatility
RECENT = 12  # returns that recent volatility is of
KEPT = RETURNS + RECENT + 1  # closes

Closes = Sequence[float] | NDArray[np.float64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """`closes`: one per interval, oldest first, at most `KEPT`; the last one closed at `closed_at`.

    An interval without a candle repeats the close before it. `price` and `traded_at` are of the
    last candle that anybody traded in: one that was made to bridge a gap shows no trade.
    """

    symbol: Symbol
    closed_at: datetime
    closes: Closes
    price: Decimal
    traded_at: datetime


def follow(tape: Tape | None, candle: Candle, interval: timedelta) -> Tape | None:
    """Return the tape after one more candle; one that is not newer than the last changes nothing.

    It begins with the first candle that was traded in: None before that.
    """
    if tape is not None and candle.closed_at <= tape.closed_at:
        return tape
    is_trade = not candle.is_filled
    if tape is None and not is_trade:
        return None
    price, traded_at = candle.close, candle.closed_at
    known: list[float] = []
    if tape is not None:
        known = list(tape.closes)
        known += [known[-1]] * _missed(tape.closed_at, candle.closed_at, interval)
        if not is_trade:
            price, traded_at = tape.price, tape.traded_at
    return Tape(
        symbol=candle.symbol,
        closed_at=candle.closed_at,
        closes=(*known, float(candle.close))[-KEPT:],
        price=price,
        traded_at=traded_at,
    )


def _missed(before: datetime, after: datetime, interval: timedelta) -> int:
    """Return for how many intervals between two candles there was none; no more than are kept."""
    return min(max((after - before) // interval - 1, 0), KEPT)


def volatility_ratio(closes: Closes) -> float | None:
    """Return the recent volatility over the usual one, None while fewer than `KEPT` are known.

    Volatility is the root mean square of simple returns: of the last 12 candles, over the 72
    before them. None as well where usually nothing moves and nothing does now.
    """
    if len(closes) < KEPT:
        return None
    squares = np.square(returns(closes))
    usual, recent = float(squares[:-RECENT].mean()), float(squares[-RECENT:].mean())
    if usual > 0:
        return sqrt(recent / usual)
    return float("inf") if recent > 0 else None


def returns(closes: Closes) -> Floats:
    """Return the simple returns (n - 1,) of closes (n,)."""
    prices = np.asarray(closes, dtype=np.float64)
    return prices[1:] / prices[:-1] - 1.0


def standardised(tape: Tape, until: datetime, interval: timedelta) -> Floats | None:
    """Return the last 72 returns up to `until`, shifted to mean 0 and scaled to length 1.

    Their products are correlations. None where too few are known, or where nothing moved.
    """
    behind = [float(tape.closes[-1])] * _missed(tape.closed_at, until + interval, interval)
    if len(tape.closes) + len(behind) <= RETURNS:
        return None
    closes = np.concatenate((np.asarray(tape.closes, dtype=np.float64), behind))
    moves = returns(closes[-RETURNS - 1 :])
    moves = moves - moves.mean()
    length = sqrt(float(np.square(moves).sum()))
    return moves / length if length > 0 else None
