"""Several instruments on one time line, as floats; exact candles are made where needed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from backtest.inputs import CLOSE, HIGH, LOW, OPEN, VOLUME, validate
from models.dataset import CandleArrays
from shared.domain.bracket import NO_TOUCH, Bracket, touch_code
from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.values import to_decimal

SECONDS_PER_DAY = 86_400
ABSENT = -1

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_touch_code = njit(touch_code)


class Market:
    """`seconds` are the closes of all candles, each once, in order; `at` is an index of it."""

    def __init__(self, data: Mapping[Symbol, CandleArrays], interval: Interval) -> None:
        if not data or not any(len(arrays.closed_at) for arrays in data.values()):
            raise BadInput("data", "there are no candles", "name a file or a period that has some")
        self.interval = interval
        self.symbols = tuple(sorted(data))
        self._data = {symbol: data[symbol] for symbol in self.symbols}
        for symbol in self.symbols:
            validate(symbol, data[symbol])
        closings = {symbol: data[symbol].closed_at for symbol in self.symbols}
        self.seconds = _merged(tuple(closings.values()))
        self._rows = {symbol: self._placed(seconds) for symbol, seconds in closings.items()}
        self._first_of_day = _first_of_days(self.seconds)
        self._looked_at: dict[Symbol, tuple[int, Candle | None]] = {}
        self.closes = {symbol: self._carried(symbol) for symbol in self.symbols}

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def opened_at(self) -> int:
        """When the first candle opened, Unix time in seconds."""
        return int(self.seconds[0]) - self.interval.seconds

    def closed_at(self, at: int) -> datetime:
        return datetime.fromtimestamp(int(self.seconds[at]), UTC)

    def index_of(self, instant: datetime) -> int:
        """Return the first candle that closes at or after an instant (the length if none does)."""
        return int(self.seconds.searchsorted(int(instant.timestamp())))

    def first_of_day(self, at: int) -> int:
        """Return the first candle that closed on the same day, UTC."""
        return int(self._first_of_day[at])

    def day_after(self, at: int) -> int:
        """Return the first candle of a later day, UTC (the length if there is none)."""
        return int(self._first_of_day.searchsorted(at, side="right"))

    def is_midnight_missed(self, at: int) -> bool:
        """Tell whether a day begins at `at`, but not with a candle that closed at midnight."""
        if at >= len(self) or self._first_of_day[at] != at:
            return False
        return int(self.seconds[at]) % SECONDS_PER_DAY != 0

    def price(self, symbol: Symbol, at: int) -> Decimal:
        """Return the last close known at `at`."""
        return to_decimal(float(self.closes[symbol][at]))

    def candle(self, symbol: Symbol, at: int) -> Candle | None:
        """Return the exact candle, or None where the instrument has none at `at`."""
        known = self._looked_at.get(symbol)
        if known is None or known[0] != at:
            known = self._looked_at[symbol] = (at, self._candle(symbol, at))
        return known[1]

    def _candle(self, symbol: Symbol, at: int) -> Candle | None:
        row = int(self._rows[symbol][at])
        if row == ABSENT:
            return None
        arrays = self._data[symbol]
        prices = [to_decimal(value) for value in arrays.ohlcv[row].tolist()]
        closed_at = self.closed_at(at)
        return Candle(
            symbol=symbol,
            open_at=closed_at - timedelta(seconds=self.interval.seconds),
            closed_at=closed_at,
            open=prices[OPEN],
            high=prices[HIGH],
            low=prices[LOW],
            close=prices[CLOSE],
            volume=prices[VOLUME],
            is_filled=bool(arrays.is_filled[row]),
        )

    def first_entry(self, symbol: Symbol) -> tuple[int, float]:
        """Return the second candle of an instrument and its open (the length if there is none)."""
        if self.count(symbol) < 2:
            return len(self), 0.0
        at = int(np.flatnonzero(self._rows[symbol] == 1)[0])
        return at, float(self._data[symbol].ohlcv[1, OPEN])

    def count(self, symbol: Symbol) -> int:
        return len(self._data[symbol].closed_at)

    def next_touch(self, symbol: Symbol, bracket: Bracket, start: int, end: int) -> int:
        """Return the first candle in [start, end) that may touch the bracket (`end` if none does).

        Floats round the same way on both sides, so no touch is missed; one that only seems to be
        is found out when the exact candle is matched.
        """
        rows, ohlcv = self._rows[symbol], self._data[symbol].ohlcv
        return int(_scan(rows[:end], ohlcv, start, float(bracket.stop), float(bracket.target)))

    def rows(self, symbol: Symbol) -> Rows:
        """Return which of the instrument's own candles stands at each place, or ABSENT."""
        return self._rows[symbol]

    def beside(self, symbol: Symbol, reference: Symbol) -> Floats:
        """Return the reference's prices (n, 5) at the instrument's candles, NaN where absent."""
        mine, theirs = self.arrays(symbol), self.arrays(reference)
        if np.array_equal(mine.closed_at, theirs.closed_at):
            return theirs.ohlcv
        prices = np.full_like(mine.ohlcv, np.nan)
        _, own, other = np.intersect1d(
            mine.closed_at, theirs.closed_at, assume_unique=True, return_indices=True
        )
        prices[own] = theirs.ohlcv[other]
        return prices

    def arrays(self, symbol: Symbol) -> CandleArrays:
        return self._data[symbol]

    def _placed(self, seconds: Rows) -> Rows:
        if len(seconds) == len(self.seconds):
            return np.arange(len(seconds), dtype=np.int64)
        rows = np.full(len(self.seconds), ABSENT, dtype=np.int64)
        rows[np.searchsorted(self.seconds, seconds)] = np.arange(len(seconds))
        return rows

    def _carried(self, symbol: Symbol) -> Floats:
        closes = np.ascontiguousarray(self._data[symbol].ohlcv[:, CLOSE])
        rows = self._rows[symbol]
        if len(rows) == len(closes):
            return closes
        last = np.maximum.accumulate(rows)
        return np.where(last == ABSENT, np.nan, closes[np.maximum(last, 0)])


def _first_of_days(seconds: Rows) -> Rows:
    days = seconds // SECONDS_PER_DAY
    begins = np.concatenate(([True], days[1:] != days[:-1]))
    return np.maximum.accumulate(np.where(begins, np.arange(len(seconds)), 0))


def _merged(closings: tuple[Rows, ...]) -> Rows:
    first = closings[0]
    if all(np.array_equal(first, other) for other in closings[1:]):
        return first
    return np.unique(np.concatenate(closings))


@njit
def _scan(rows: Rows, ohlcv: Floats, start: int, stop: float, target: float) -> int:
    for at in range(start, len(rows)):
        row = rows[at]
        if row < 0:
            continue
        low, high, open_ = ohlcv[row, LOW], ohlcv[row, HIGH], ohlcv[row, OPEN]
        if _touch_code(stop, target, low, high, open_) != NO_TOUCH:
            return at
    return len(rows)
