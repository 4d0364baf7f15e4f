"""An invented market, the same for ever from one seed. SYNTHETIC: it says nothing about real ones.

Instruments share one market factor and three volatility regimes; returns have fat tails and
volume follows them. Each instrument also has a slow hidden drift that shows, weakly, in its volume:
a structure that the 86 features can learn, so that a demonstration has something to trade.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, count, islice

import numpy as np
from numpy.typing import NDArray

from market_data.core.candles import Series
from market_data.feeds.port import ClosedInstant
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument

Floats = NDArray[np.float64]

HISTORY_CANDLES = 17_520
_BLOCK = 1024
_FIRST_PRICES = {"BTC": 42_000.0, "ETH": 2_300.0, "BNB": 310.0, "SOL": 100.0, "XRP": 0.62}
_OTHER_PRICE = 10.0
_HOURLY_SIGMA = 0.009
_REGIMES = np.array([0.7, 1.0, 1.8])
_REGIME_SWITCH = 0.01
_FACTOR_SHARE = 0.6
_DRIFT_MEMORY = 0.97
_DRIFT_STRENGTH = 0.14
_DRIFT_IN_VOLUME = 0.8
_PULL_HOME = 0.0005
_TAIL_DEGREES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """`start` is when the first published candle opens; `HISTORY_CANDLES` exist before it."""

    instruments: tuple[Instrument, ...]
    interval: Interval
    seed: int
    start: datetime

    @property
    def genesis(self) -> int:
        """When the very first candle opens, Unix time in seconds."""
        return int(self.start.timestamp()) - HISTORY_CANDLES * self.interval.seconds

    def blocks(self) -> Iterator[Floats]:
        """Yield (instruments, block, 5) OHLCV without end, from the genesis on."""
        makers = [_Maker(self, one) for one in sorted(self.instruments, key=lambda one: one.symbol)]
        for number in count():
            market = _market_block(self.seed, number)
            yield np.stack([maker.block(number, *market) for maker in makers])

    def history(self, candles: int = HISTORY_CANDLES) -> dict[Symbol, Series]:
        """Return the first candles of every instrument, those before `start` by default."""
        needed = -(-candles // _BLOCK)
        blocks = self.blocks()
        ohlcv = np.concatenate([next(blocks) for _ in range(needed)], axis=1)[:, :candles]
        open_at = self.genesis + np.arange(candles, dtype=np.int64) * self.interval.seconds
        symbols = sorted(one.symbol for one in self.instruments)
        return {
            symbol: Series(
                symbol=symbol,
                interval=self.interval,
                open_at=open_at,
                ohlcv=ohlcv[place],
                is_filled=np.zeros(candles, dtype=np.bool_),
            )
            for place, symbol in enumerate(symbols)
        }


class SyntheticFeed:
    """Publishes the synthetic market from its start on, for `limit` instants or without end."""

    name = "synthetic"

    def __init__(self, market: SyntheticMarket, limit: int | None = None) -> None:
        self._market = market
        self._limit = limit

    def instants(self, after: datetime | None) -> Iterator[ClosedInstant]:
        market = self._market
        seconds = market.interval.seconds
        first = int(market.start.timestamp())
        last = None if self._limit is None else first + self._limit * seconds
        symbols = sorted(one.symbol for one in market.instruments)
        open_at = market.genesis
        for block in market.blocks():
            closes = open_at + seconds * np.arange(1, _BLOCK + 1, dtype=np.int64)
            open_at += _BLOCK * seconds
            wanted = closes > (first if after is None else max(first, after.timestamp()))
            if not wanted.any():
                continue
            series = [
                _series(symbol, market.interval, closes, ohlcv)
                for symbol, ohlcv in zip(symbols, block, strict=True)
            ]
            for row in np.flatnonzero(wanted):
                if last is not None and closes[row] > last:
                    return
                yield ClosedInstant(
                    closed_at=datetime.fromtimestamp(int(closes[row]), UTC),
                    candles=tuple(one.candle(int(row)) for one in series),
                )


def _series(symbol: Symbol, interval: Interval, closes: NDArray[np.int64], ohlcv: Floats) -> Series:
    return Series(
        symbol=symbol,
        interval=interval,
        open_at=closes - interval.seconds,
        ohlcv=ohlcv,
        is_filled=np.zeros(len(closes), dtype=np.bool_),
    )


def _market_block(seed: int, number: int) -> tuple[Floats, Floats]:
    """Return the volatility regime and the market factor (unit variance) of one block."""
    rng = np.random.default_rng([seed, 0, number])
    switches = rng.random(_BLOCK) < _REGIME_SWITCH
    switches[0] = True
    drawn = rng.integers(0, len(_REGIMES), _BLOCK)
    current = np.maximum.accumulate(np.where(switches, np.arange(_BLOCK), 0))
    return _REGIMES[drawn[current]], _fat(rng)


def _fat(rng: np.random.Generator) -> Floats:
    return rng.standard_t(_TAIL_DEGREES, _BLOCK) * np.sqrt((_TAIL_DEGREES - 2) / _TAIL_DEGREES)


def _remembered(steps: Floats, memory: float, start: float) -> Floats:
    """Return x[t] = memory * x[t-1] + steps[t]."""
    values = accumulate(steps.tolist(), lambda last, step: memory * last + step, initial=start)
    return np.fromiter(islice(values, 1, None), np.float64, len(steps))


class _Maker:
    """Makes the candles of one instrument, block after block."""

    def __init__(self, market: SyntheticMarket, instrument: Instrument) -> None:
        self._key = [market.seed, *instrument.symbol.encode()]
        self._tick = float(instrument.tick_size)
        self._lot = float(instrument.lot_size)
        self._first = _FIRST_PRICES.get(instrument.base, _OTHER_PRICE)
        self._sigma = _HOURLY_SIGMA * np.sqrt(market.interval.seconds / Interval.H1.seconds)
        self._drift = 0.0
        self._level = 0.0
        self._close = self._first

    def block(self, number: int, regime: Floats, factor: Floats) -> Floats:
        rng = np.random.default_rng([*self._key, number])
        shock = rng.standard_normal(_BLOCK) * np.sqrt(1 - _DRIFT_MEMORY**2)
        drift = _remembered(shock, _DRIFT_MEMORY, self._drift)
        self._drift = float(drift[-1])
        own = np.sqrt(1 - _FACTOR_SHARE**2) * _fat(rng) + _FACTOR_SHARE * factor
        shown = np.r_[0.0, drift[:-1]]  # what could be seen before the candle opened
        returns = self._sigma * regime * (own + _DRIFT_STRENGTH * shown)
        level = _remembered(returns, 1 - _PULL_HOME, self._level)
        self._level = float(level[-1])
        close = self._ticks(self._first * np.exp(level))
        open_ = np.r_[self._close, close[:-1]]
        self._close = float(close[-1])
        wicks = 0.4 * self._sigma * regime * np.abs(rng.standard_normal((2, _BLOCK)))
        top, bottom = np.maximum(open_, close), np.minimum(open_, close)
        high = np.maximum(self._ticks(top * (1 + wicks[0])), top)
        low = np.minimum(self._ticks(bottom * (1 - wicks[1])), bottom)
        noise = 0.3 * rng.standard_normal(_BLOCK)
        excitement = 0.5 * np.abs(own) + _DRIFT_IN_VOLUME * drift + noise
        volume = np.round(np.exp(excitement) * 5e6 / self._first / self._lot) * self._lot
        return np.column_stack((open_, high, low, close, self._rounded(volume)))

    def _ticks(self, prices: Floats) -> Floats:
        return self._rounded(np.maximum(np.round(prices / self._tick), 1.0) * self._tick)

    @staticmethod
    def _rounded(values: Floats) -> Floats:
        """Drop the binary dust that a multiple of a decimal step carries."""
        return np.round(values, 8)
