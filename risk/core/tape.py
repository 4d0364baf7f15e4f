"""The last closes of one instrument: its last trade, its calm and its company are read of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf, sqrt

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
    return volatility_ratios(np.asarray([closes], dtype=np.float64))[0]


def volatility_ratios(closes: Floats) -> list[float | None]:
    """Return the same of several instruments, whose closes are (n, KEPT)."""
    squares = np.square(returns(closes))
    usual = squares[:, :-RECENT].mean(axis=1).tolist()
    recent = squares[:, -RECENT:].mean(axis=1).tolist()
    return [_over(now, before) for now, before in zip(recent, usual, strict=True)]


def _over(recent: float, usual: float) -> float | None:
    if usual > 0:
        return sqrt(recent / usual)
    return inf if recent > 0 else None


def returns(closes: Floats) -> Floats:
    """Return the simple returns (n, count - 1) of closes (n, count)."""
    return closes[:, 1:] / closes[:, :-1] - 1.0


def comparable(tape: Tape, until: datetime, interval: timedelta) -> Floats | None:
    """Return the last 73 closes up to `until`, None where fewer are known.

    Where its candles end before `until`, the last close is repeated.
    """
    behind = _missed(tape.closed_at, until + interval, interval)
    if len(tape.closes) + behind <= RETURNS:
        return None
    kept = np.asarray(tape.closes, dtype=np.float64)
    if behind:
        kept = np.concatenate((kept, np.full(behind, kept[-1])))
    return kept[-RETURNS - 1 :]


def standardised(closes: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the returns (n, 72) of closes (n, 73), of mean 0 and length 1, and which have moved.

    The products of two rows add up to their correlation. Each row is summed by itself: whoever
    else is asked about changes no digit of it.
    """
    moves = returns(closes)
    moves = moves - moves.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.square(moves).sum(axis=1))
    has_moved = lengths > 0
    return moves[has_moved] / lengths[has_moved, np.newaxis], has_moved
