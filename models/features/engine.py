"""The features of a stream of candles, one at a time or a whole history, bit for bit the same."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.features.layout import (
    FEATURES,
    IN_CLOSED_AT,
    IN_FILLED,
    IN_REFERENCE,
    INPUTS,
    LOOKBACK,
    SEEN,
    SLOTS,
    TOTAL,
    WINDOW,
    Floats,
)
from models.features.step import empty_rings, empty_state, history, step
from shared.domain.errors import BadInput

_CLOSE = 3
_CARRY_VERSION = b"\x01"
_MARKS = LOOKBACK // 8
_CARRY_SIZE = len(_CARRY_VERSION) + 8 * SLOTS + _MARKS


def _invalid(where: str) -> BadInput:
    return BadInput(
        "candle",
        f"{where} is not a candle",
        "give finite prices above 0, low <= open, close <= high, and a volume of at least 0",
    )


def _rows(
    candles: Floats, reference: Floats, closed_at: NDArray[np.int64], is_filled: NDArray[np.bool_]
) -> Floats:
    count = len(candles)
    if not count == len(reference) == len(closed_at) == len(is_filled):
        raise BadInput("candles", "the columns differ in length", "give one row of each per candle")
    rows = np.empty((count, INPUTS))
    rows[:, :IN_REFERENCE] = candles
    rows[:, IN_REFERENCE] = reference[:, _CLOSE]
    rows[:, IN_CLOSED_AT] = closed_at
    rows[:, IN_FILLED] = is_filled
    return rows


class FeatureEngine:
    """The memory of one instrument: rings of the last candles and a few recursions."""

    def __init__(self) -> None:
        self._rings = empty_rings()
        self._state = empty_state()
        self._row = np.empty(INPUTS)

    @property
    def candles_seen(self) -> int:
        """Valid candles since the start or the last reset by a gap."""
        return int(self._state[SEEN])

    def step(self, candle: Floats, reference: Floats, closed_at: int, is_filled: bool) -> Floats:  # noqa: FBT001
        """Take the next closed candle and return its 86 features, NaN where undefined.

        A reference that is not a price leaves the features about it undefined until they are warm
        again.

        Raises:
            BadInput: the candle is not valid; the engine is as it was before.
        """
        row = self._row
        row[:IN_REFERENCE] = candle
        row[IN_REFERENCE] = reference[_CLOSE]
        row[IN_CLOSED_AT] = closed_at
        row[IN_FILLED] = is_filled
        out = np.empty(FEATURES)
        if not step(self._rings, self._state, row, out):
            raise _invalid(f"what closed at {closed_at}")
        return out

    def extend(
        self,
        candles: Floats,
        reference: Floats,
        closed_at: NDArray[np.int64],
        is_filled: NDArray[np.bool_],
    ) -> Floats:
        """Take many candles, oldest first, and return one row of features for each.

        Raises:
            BadInput: a candle is not valid; the ones before it have been taken.
        """
        rows = _rows(candles, reference, closed_at, is_filled)
        out = np.empty((len(rows), FEATURES))
        taken = int(history(self._rings, self._state, rows, out))
        if taken < len(rows):
            raise _invalid(f"row {taken}")
        return out

    def carry(self) -> bytes:
        """Return what the last candles alone cannot tell: counters, recursions, fill marks."""
        marks = np.packbits(self._state[SLOTS:] > 0.0)
        return _CARRY_VERSION + self._state[:SLOTS].tobytes() + marks.tobytes()

    @classmethod
    def restore(
        cls,
        candles: Floats,
        reference: Floats,
        closed_at: NDArray[np.int64],
        is_filled: NDArray[np.bool_],
        carry: bytes,
    ) -> Self:
        """Return an engine that continues after the last of `candles` exactly as the carried one.

        Raises:
            BadInput: the carry is not one of ours, or there are fewer candles than it needs.
        """
        needed = candles_needed(carry)
        first = len(candles) - needed
        if first < 0:
            raise BadInput("candles", "are too few to continue", f"give the last {needed}")
        slots = np.frombuffer(carry, count=SLOTS, offset=len(_CARRY_VERSION))
        marks = np.unpackbits(np.frombuffer(carry, dtype=np.uint8, offset=_CARRY_SIZE - _MARKS))
        engine = cls()
        state = engine._state
        state[TOTAL] = slots[TOTAL] - needed
        engine.extend(candles[first:], reference[first:], closed_at[first:], is_filled[first:])
        state[:SLOTS] = slots
        state[SLOTS:] = marks
        return engine


def candles_needed(carry: bytes) -> int:
    """Return how many of the last candles must be given to `restore` beside this carry.

    Raises:
        BadInput: the carry is not one of ours.
    """
    if not carry.startswith(_CARRY_VERSION) or len(carry) != _CARRY_SIZE:
        raise BadInput("carry", "is of another version", "rebuild the engine from history")
    slots = np.frombuffer(carry, count=SLOTS, offset=len(_CARRY_VERSION))
    return min(int(slots[SEEN]), WINDOW)


def batch(
    candles: Floats,
    reference: Floats,
    closed_at: NDArray[np.int64],
    is_filled: NDArray[np.bool_],
) -> Floats:
    """Return the (n, 86) features of a history, each row from its candles and those before it."""
    return FeatureEngine().extend(candles, reference, closed_at, is_filled)
