"""One instrument's market: its price at an instant, the book around it, its candles.

All of it is computed from the path and the pins, so book and candles can never disagree. A pin is
a price that somebody set; it holds from its instant until the next pin, or until it is let go.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.values import floor_to
from simulator.engine.model import Depth, Listing
from simulator.market_path import STEP_SECONDS, Counts, PricePath, draw_ratio

_CHUNK = 500_000  # points in memory at once
_BPS = Decimal("0.0001")
_HALF = Decimal("0.5")
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a book looks: distances in basis points of the price, depth in quote per level."""

    spread_bps: Decimal = Decimal(2)
    gap_bps: Decimal = Decimal(1)
    levels: int = 10
    level_notional: Decimal = Decimal(20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """From `at` on the price is `price` (None: the path's own); `level_quantity` in base."""

    at: datetime
    price: Decimal | None
    level_quantity: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class Market:
    """Reading is safe from any thread; pins are put in under the exchange's lock."""

    seed: int
    listing: Listing
    path: PricePath
    shape: Shape = Shape()
    pins: list[Pin] = field(default_factory=list[Pin])

    def pin(self, pin: Pin) -> None:
        """Put a pin in; the list is replaced, so candles can be read without the lock."""
        self.pins = sorted([*self.pins, pin], key=lambda one: one.at)

    def pin_at(self, instant: datetime) -> Pin | None:
        number = bisect_right(self.pins, instant, key=lambda one: one.at)
        return self.pins[number - 1] if number else None

    def price(self, instant: datetime) -> Decimal:
        """Return the middle of the book."""
        pin = self.pin_at(instant)
        if pin is not None and pin.price is not None:
            return pin.price
        return int(self.path.ticks(np.asarray([_step(instant)]))[0]) * self.listing.tick_size

    def epoch(self, instant: datetime) -> tuple[int, int]:
        """Return what changes whenever the book is new: the step and the pins so far."""
        return _step(instant), bisect_right(self.pins, instant, key=lambda one: one.at)

    def depth(self, instant: datetime) -> Depth:
        price = self.price(instant)
        tick = self.listing.tick_size
        half = max(_ticks(price * self.shape.spread_bps * _BPS * _HALF, tick), 1)
        gap = max(_ticks(price * self.shape.gap_bps * _BPS, tick), 1)
        offsets = [(half + gap * level) * tick for level in range(self.shape.levels)]
        middle = _ticks(price, tick) * tick
        return Depth(
            bids=tuple(
                (middle - off, self._quantity(instant, price, "bid", number))
                for number, off in enumerate(offsets)
                if middle > off
            ),
            asks=tuple(
                (middle + off, self._quantity(instant, price, "ask", number))
                for number, off in enumerate(offsets)
            ),
            at=instant,
        )

    def _quantity(self, instant: datetime, price: Decimal, side: str, level: int) -> Decimal:
        pin = self.pin_at(instant)
        if pin is not None and pin.level_quantity is not None:
            return pin.level_quantity
        step, _ = self.epoch(instant)
        ratio = _HALF + draw_ratio(self.seed, "depth", self.listing.symbol, side, level, step)
        wanted = floor_to(self.shape.level_notional / price * ratio, self.listing.lot_size)
        return max(wanted, self.listing.min_quantity, self.listing.lot_size)

    def candles(
        self, interval: Interval, start: datetime, end: datetime, now: datetime
    ) -> Sequence[Candle]:
        """Return candles that open in [start, end) and not after `now`; the last may be open."""
        seconds = interval.seconds
        first = -(-_epoch_seconds(start) // seconds) * seconds
        last = min(_epoch_seconds(end) - 1, _epoch_seconds(now))
        opens = np.arange(first, last + 1, seconds, dtype=np.int64)
        size = max(_CHUNK // (seconds // STEP_SECONDS), 1)
        found: list[Candle] = []
        for begin in range(0, len(opens), size):
            found += self._some_candles(opens[begin : begin + size], interval, now)
        return found

    def _some_candles(self, opens: Counts, interval: Interval, now: datetime) -> list[Candle]:
        steps = np.arange(0, interval.seconds, STEP_SECONDS, dtype=np.int64)
        points = np.minimum(opens[:, None] + steps[None, :], _step(now))
        ticks = self.path.ticks(points)
        minutes = np.arange(0, interval.seconds, _MINUTE, dtype=np.int64)
        starts = opens[:, None] + minutes[None, :]
        lots = np.where(starts <= _step(now), self.path.minute_lots(starts), 0).sum(axis=1)
        ohlc = np.stack([ticks[:, 0], ticks.max(axis=1), ticks.min(axis=1), ticks[:, -1]], axis=1)
        return [
            self._candle(int(opens[row]), interval, (ohlc[row], int(lots[row])), now)
            for row in range(len(opens))
        ]

    def _candle(
        self, opens: int, interval: Interval, told: tuple[Counts, int], now: datetime
    ) -> Candle:
        ohlc, lots = told
        open_at = datetime.fromtimestamp(opens, UTC)
        closed_at = open_at + interval.delta
        first, high, low, last = (int(ticks) * self.listing.tick_size for ticks in ohlc)
        until = min(closed_at - timedelta(microseconds=1), now)
        if self.pins and self.pins[0].at <= until:
            prices = self._pinned_prices(open_at, until)
            first, high, low, last = prices[0], max(prices), min(prices), prices[-1]
        return Candle(
            symbol=self.listing.symbol,
            open_at=open_at,
            closed_at=closed_at,
            open=first,
            high=high,
            low=low,
            close=last,
            volume=lots * self.listing.lot_size,
        )

    def _pinned_prices(self, start: datetime, until: datetime) -> list[Decimal]:
        """Return each price of a stretch that pins have touched, in order."""
        steps = np.arange(_step(start), _step(until) + 1, STEP_SECONDS, dtype=np.int64)
        walked = self.path.ticks(steps)
        moments = {pin.at: None for pin in self.pins if start <= pin.at <= until}
        moments |= {
            max(datetime.fromtimestamp(int(step), UTC), start): int(ticks)
            for step, ticks in zip(steps, walked, strict=True)
        }
        prices: list[Decimal] = []
        for moment in sorted(moments):
            pin, ticks = self.pin_at(moment), moments[moment]
            if pin is not None and pin.price is not None:
                prices.append(pin.price)
            elif ticks is not None:
                prices.append(ticks * self.listing.tick_size)
        return prices or [self.price(until)]


def _epoch_seconds(instant: datetime) -> int:
    return int(instant.timestamp() // 1)


def _step(instant: datetime) -> int:
    return _epoch_seconds(instant) // STEP_SECONDS * STEP_SECONDS


def _ticks(amount: Decimal, tick_size: Decimal) -> int:
    return int((amount / tick_size).to_integral_value())


def next_step(instant: datetime) -> datetime:
    """Return when the price moves next."""
    return datetime.fromtimestamp(_step(instant) + STEP_SECONDS, UTC)
