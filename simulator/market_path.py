"""Prices as a function of time: the same seed and the same instant give the same price, for ever.

A walk is the sum of noises of longer and longer periods, each interpolated between numbers that are
hashed from the seed, so any instant of any year can be asked without the ones before it. Floating
point stays in here: what leaves are whole ticks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.domain.candle import Candle

STEP_SECONDS = 5

Instants = NDArray[np.int64]
Counts = NDArray[np.int64]

_MINUTE = 60
_PERIODS = tuple(15 * 4**power for power in range(9))  # 15 seconds to 11 days
_AMPLITUDE = 0.00025  # of the shortest period; grows with the root of the period, as a walk does
_UNIT = float(2**53)


def draw(seed: int, *parts: object) -> int:
    """Return 64 bits that are always the same for the same seed and parts."""
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def draw_ratio(seed: int, *parts: object) -> Decimal:
    """Return a number in [0, 1) of four digits."""
    return Decimal(draw(seed, *parts) % 10_000) / 10_000


class PricePath(Protocol):
    def ticks(self, instants: Instants) -> Counts:
        """Return the price in ticks at each instant, in seconds since 1970."""
        ...

    def minute_lots(self, minutes: Instants) -> Counts:
        """Return the volume in lots of each minute, given by the second it begins with."""
        ...


def _hashed(cells: Instants, salt: int) -> NDArray[np.uint64]:
    """Return 64 well mixed bits per cell (the finaliser of SplitMix64)."""
    mixed = cells.astype(np.uint64) + np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _noise(instants: Instants, period: int, salt: int) -> NDArray[np.float64]:
    """Return values in [-1, 1), straight between one number per period."""
    cells = instants // period
    first = int(cells.min())
    row = np.arange(first, int(cells.max()) + 2, dtype=np.int64)
    values = (_hashed(row, salt) >> np.uint64(11)).astype(np.float64) * (2 / _UNIT) - 1
    before, after = values[cells - first], values[cells - first + 1]
    return before + (after - before) * ((instants % period) / period)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPath:
    """A walk around `price_ticks`, within about 13 % of it; `lots` is what a minute trades."""

    seed: int
    name: str
    price_ticks: int
    lots: int

    def ticks(self, instants: Instants) -> Counts:
        total = np.zeros(instants.shape, dtype=np.float64)
        for number, period in enumerate(_PERIODS):
            salt = draw(self.seed, "path", self.name, period)
            total += _AMPLITUDE * 2**number * _noise(instants, period, salt)
        return np.maximum(np.rint((1 + total) * self.price_ticks), 1).astype(np.int64)

    def minute_lots(self, minutes: Instants) -> Counts:
        salt = draw(self.seed, "volume", self.name)
        thousandths = _hashed(minutes // _MINUTE, salt) % np.uint64(2_000)
        return thousandths.astype(np.int64) * self.lots // 1_000 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedPath:
    """Recorded candles, one after the other without gaps, beginning at `start` (seconds).

    Within a candle the price goes to the one extreme, then to the other, by a seeded choice, and
    ends at the close; before the first candle it is the first open, after the last the last close.
    """

    start: int
    seconds: int
    corners: Counts  # (candles, 4): open, first extreme, second extreme, close, in ticks
    lots: Counts

    def ticks(self, instants: Instants) -> Counts:
        passed = instants - self.start
        rows = np.clip(passed // self.seconds, 0, len(self.corners) - 1)
        quarters = np.clip((passed - rows * self.seconds) * 4 // self.seconds, 0, 3)
        return self.corners[rows, quarters]

    def minute_lots(self, minutes: Instants) -> Counts:
        rows = np.clip((minutes - self.start) // self.seconds, 0, len(self.lots) - 1)
        return np.maximum(self.lots[rows] * _MINUTE // max(self.seconds, _MINUTE), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a tick and a lot of an instrument are."""

    tick_size: Decimal
    lot_size: Decimal


def replayed(candles: Sequence[Candle], grid: Grid, start: int, seed: int) -> ReplayedPath:
    """Return the path that plays candles (at least one, oldest first) from `start` on."""
    corners = [_corners(one, grid.tick_size, seed) for one in candles]
    lots = [int(one.volume / grid.lot_size) for one in candles]
    return ReplayedPath(
        start=start,
        seconds=int((candles[0].closed_at - candles[0].open_at).total_seconds()),
        corners=np.asarray(corners, dtype=np.int64),
        lots=np.asarray(lots, dtype=np.int64),
    )


def _corners(candle: Candle, tick_size: Decimal, seed: int) -> tuple[int, int, int, int]:
    extremes = (candle.high, candle.low)
    if draw(seed, "corner", candle.symbol, candle.open_at) % 2:
        extremes = (candle.low, candle.high)
    first, second, third, fourth = (
        max(int((price / tick_size).to_integral_value()), 1)
        for price in (candle.open, *extremes, candle.close)
    )
    return first, second, third, fourth
