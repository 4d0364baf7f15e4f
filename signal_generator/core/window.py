"""What is remembered of each instrument between its candles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.features import FEATURES, FeatureEngine, candles_needed
from shared.domain.candle import Candle, reference_of
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

Floats = NDArray[np.float64]
NO_PRICES: Floats = np.full(5, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The part of a window that its last candles cannot tell, after the one at `closed_at`."""

    closed_at: datetime
    carry: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One earlier candle of an instrument and what it was measured against."""

    candle: Candle
    reference: Candle | None


def prices(candle: Candle | None) -> Floats:
    """Return open, high, low, close and volume; not a number where there is no candle."""
    if candle is None:
        return NO_PRICES
    return np.array(
        [
            float(candle.open),
            float(candle.high),
            float(candle.low),
            float(candle.close),
            float(candle.volume),
        ]
    )


@dataclass(slots=True, kw_only=True)
class _Window:
    engine: FeatureEngine
    closed_at: datetime | None


class Windows:
    """The feature engines of the instruments that close together.

    A candle that does not follow the last one, or is none, starts its instrument's warm-up anew.
    """

    def __init__(self, interval: Interval, symbols: Iterable[Symbol]) -> None:
        self._interval = interval
        self._symbols = tuple(sorted(symbols))
        self._windows: dict[Symbol, _Window] = {}
        self._references: dict[Symbol, Symbol] = {}

    def reference(self, symbol: Symbol) -> Symbol:
        """Return the instrument whose market this one is measured against."""
        if symbol not in self._references:
            self._references[symbol] = reference_of(symbol, sorted({*self._symbols, symbol}))
        return self._references[symbol]

    def is_ready_for(self, candle: Candle) -> bool:
        """Whether this candle is the next one; if not, the window must be restored first."""
        window = self._windows.get(candle.symbol)
        return window is not None and self._follows(window, candle)

    def advance(self, candle: Candle, reference: Candle | None) -> Floats:
        """Take the next closed candle in and return its features."""
        window = self._windows.get(candle.symbol)
        if window is None or not self._follows(window, candle):
            window = self._windows[candle.symbol] = _Window(engine=FeatureEngine(), closed_at=None)
        window.closed_at = candle.closed_at
        try:
            return window.engine.step(
                prices(candle),
                prices(reference),
                int(candle.closed_at.timestamp()),
                candle.is_filled,
            )
        except BadInput:
            window.engine = FeatureEngine()
            return np.full(FEATURES, np.nan)

    def carry(self, symbol: Symbol) -> bytes:
        return self._windows[symbol].engine.carry()

    def restore(self, symbol: Symbol, carried: Carried | None, past: Sequence[Past]) -> None:
        """Bring a window to the end of `past`, which is oldest first.

        From what was carried it continues bit for bit; where nothing was, or the past does not
        reach far enough back, it warms up on what there is.
        """
        self._windows.pop(symbol, None)
        later = past
        if carried is not None:
            earlier = [one for one in past if one.candle.closed_at <= carried.closed_at]
            engine = self._restored(carried, earlier)
            if engine is not None:
                self._windows[symbol] = _Window(engine=engine, closed_at=carried.closed_at)
                later = past[len(earlier) :]
        for one in later:
            self.advance(one.candle, one.reference)

    def _restored(self, carried: Carried, earlier: Sequence[Past]) -> FeatureEngine | None:
        try:
            needed = candles_needed(carried.carry)
            used = earlier[len(earlier) - needed :] if needed else []
            if not self._is_chain(used, carried.closed_at, needed):
                return None
            return FeatureEngine.restore(*_columns(used), carried.carry)
        except BadInput:
            return None

    def _is_chain(self, used: Sequence[Past], closed_at: datetime, needed: int) -> bool:
        """Whether these are the last candles before the carry, none missing between them."""
        if len(used) != needed:
            return False
        expected = closed_at
        for one in reversed(used):
            if one.candle.closed_at != expected:
                return False
            expected -= self._interval.delta
        return True

    def _follows(self, window: _Window, candle: Candle) -> bool:
        return (
            window.closed_at is not None
            and window.closed_at + self._interval.delta == candle.closed_at
        )


def _columns(
    past: Sequence[Past],
) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.bool_]]:
    count = len(past)
    candles, references = np.empty((count, 5)), np.empty((count, 5))
    for row, one in enumerate(past):
        candles[row], references[row] = prices(one.candle), prices(one.reference)
    closed_at = np.array([int(one.candle.closed_at.timestamp()) for one in past], dtype=np.int64)
    is_filled = np.array([one.candle.is_filled for one in past], dtype=np.bool_)
    return candles, references, closed_at, is_filled
