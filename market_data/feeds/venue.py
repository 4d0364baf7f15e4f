"""Live candles of a venue: the past first, then each one shortly after it has closed.

The feed asks for everything since the last instant it has given, so an outage of the venue or of
this process leaves no gap. Time is the venue's. It never waits: it says when to ask it again.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from market_data.core.live import by_instant, fault_of, first_wanted, last_close
from market_data.feeds.port import ClosedInstant, Later
from shared.domain.candle import Candle
from shared.domain.clock import Clock
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.runtime.logging import get_logger
from venues.errors import RateLimited, VenueError

_CHUNK_CANDLES = 300  # no venue gives fewer in one page
_LONGEST_WAIT_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0
_CLOCK_SECONDS = 60.0
_QUIET_SECONDS = 5.0
_STALE_CANDLES = 3

log = get_logger()


class Venue(Protocol):
    """What of `venues.port.SpotVenue` a feed asks for."""

    @property
    def name(self) -> str: ...

    def server_time(self) -> datetime: ...

    def set_offset(self, offset: timedelta) -> None: ...

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """`delay`: asked so long after a close; `patience`: so much longer for what is not there."""

    delay: timedelta = timedelta(seconds=1.5)
    patience: timedelta = timedelta(seconds=10)
    backfill_hours: float = 24.0


@dataclass(slots=True)
class VenueTime:
    """Our clock with the venue's offset, measured again where the measure is old."""

    venue: Venue
    clock: Clock
    observe: Callable[[timedelta], None]
    _offset: timedelta | None = None
    _measured_at: datetime | None = None

    def now(self) -> datetime:
        """Return the venue's time; asks it for the time at most once a minute.

        Raises:
            VenueError: it had to be asked and did not answer.
        """
        now = self.clock.now()
        if self._offset is None or self._is_old(now):
            theirs = self.venue.server_time()
            now = self.clock.now()
            self._offset, self._measured_at = theirs - now, now
            self.venue.set_offset(self._offset)
            self.observe(self._offset)
        return now + self._offset

    def _is_old(self, now: datetime) -> bool:
        limit = timedelta(seconds=_CLOCK_SECONDS)
        return self._measured_at is None or not timedelta(0) <= now - self._measured_at < limit


@dataclass(slots=True, kw_only=True)
class _Sweep:
    """What every instrument has in (after, until]; `tries` counts questions for its last instant.

    `is_newest`: nothing later had closed when it was begun, and its last may be on its way still.
    """

    after: datetime
    until: datetime
    is_newest: bool
    told: dict[Symbol, Sequence[Candle]] = field(default_factory=dict[Symbol, Sequence[Candle]])
    tries: int = 0

    def missing(self) -> list[Symbol]:
        """Return who has no candle at the last instant."""
        return [
            symbol
            for symbol, candles in self.told.items()
            if not any(candle.closed_at == self.until for candle in candles)
        ]


@dataclass(slots=True, kw_only=True)
class VenueFeed:
    """`admit` is called first, until it succeeds: it raises what must keep the feed from going."""

    venue: Venue
    time: VenueTime
    symbols: tuple[Symbol, ...]
    interval: Interval
    rhythm: Rhythm
    admit: Callable[[], None]
    name: str = field(default="venue", init=False)
    _reached: datetime | None = field(default=None, init=False)
    _sweep: _Sweep | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)

    def instants(self, after: datetime | None) -> Iterator[ClosedInstant | Later]:
        self._reached = after
        is_admitted = False
        while True:
            try:
                if not is_admitted:
                    self.admit()
                    is_admitted = True
                steps = self._next()
            except VenueError as error:
                yield self._after_trouble(error)
                continue
            if self._failures:
                log.info("venue.answers_again", venue=self.venue.name)
                self._failures = 0
            yield from steps

    def _after_trouble(self, error: VenueError) -> Later:
        if isinstance(error, RateLimited):
            return Later(seconds=max(error.retry_after_seconds, 0.1), why=error.detail)
        if not self._failures:
            log.warning("venue.does_not_answer", venue=self.venue.name, error=error.detail)
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        return Later(seconds=pause * (0.5 + secrets.randbelow(500) / 1000), why=error.detail)

    def _next(self) -> Sequence[ClosedInstant | Later]:
        """Ask for what is due and return it, or how long to wait."""
        now = self.time.now()
        edge = last_close(now - self.rhythm.delay, self.interval)
        if self._reached is None:
            self._reached = first_wanted(edge, self.interval, self.rhythm.backfill_hours)
        if edge <= self._reached:
            return [self._until_due(now, self._reached)]
        sweep = self._begun(self._reached, edge)
        for symbol in self.symbols:
            if symbol not in sweep.told:
                sweep.told[symbol] = self._ask(symbol, sweep)
        if self._is_awaited(sweep):
            for symbol in sweep.missing():
                del sweep.told[symbol]
            sweep.tries += 1
            return [Later(seconds=float(2 ** (sweep.tries - 1)))]
        return self._settled(sweep)

    def _begun(self, reached: datetime, edge: datetime) -> _Sweep:
        if self._sweep is None:
            until = min(edge, reached + _CHUNK_CANDLES * self.interval.delta)
            self._sweep = _Sweep(after=reached, until=until, is_newest=until == edge)
        return self._sweep

    def _is_awaited(self, sweep: _Sweep) -> bool:
        """Tell whether candles that are missing at the newest instant may still come."""
        if not sweep.is_newest or not sweep.missing():
            return False
        deadline = sweep.until + self.rhythm.delay + self.rhythm.patience
        return sweep.tries == 0 or self.time.now() < deadline

    def _until_due(self, now: datetime, reached: datetime) -> Later:
        due_in = (reached + self.interval.delta + self.rhythm.delay - now).total_seconds()
        is_ahead = reached - now > self.interval.delta
        why = f"candles are stored up to {reached}, which is in the future" if is_ahead else None
        return Later(seconds=min(max(due_in, 0.01), _LONGEST_WAIT_SECONDS), why=why)

    def _ask(self, symbol: Symbol, sweep: _Sweep) -> Sequence[Candle]:
        start, end = sweep.after, sweep.until
        sound: list[Candle] = []
        for candle in self.venue.candles(symbol, self.interval, start, end):
            fault = fault_of(candle, self.interval)
            if fault is None:
                sound.append(candle)
            else:
                at = candle.open_at.isoformat()
                log.warning("candle.refused", symbol=symbol, open_at=at, why=fault)
        return sound

    def _settled(self, sweep: _Sweep) -> Sequence[ClosedInstant | Later]:
        """Give what was found; where nothing is newest yet, the newest stays to be asked for."""
        self._sweep = None
        found = by_instant(sweep.told.values(), sweep.after, sweep.until)
        steps = [ClosedInstant(closed_at=at, candles=candles) for at, candles in found.items()]
        if not sweep.is_newest:
            self._reached = sweep.until
        elif steps:
            self._reached = steps[-1].closed_at
        else:
            return [self._nothing(sweep)]
        return steps

    def _nothing(self, sweep: _Sweep) -> Later:
        silent = (sweep.until - sweep.after) // self.interval.delta
        said = f"{self.venue.name} has no candle after {sweep.after.isoformat()}"
        return Later(seconds=_QUIET_SECONDS, why=said if silent >= _STALE_CANDLES else None)
