"""Publishes the feed, one instant at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from time import monotonic
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from market_data import repository
from market_data.feeds.port import ClosedInstant, Feed, Later
from market_data.repository import Shelf
from shared.bus.consumer import absent, wait_until_idle, waiting
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.candle import Candle, references_of, shards
from shared.domain.events import CandlesClosed
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

_PATIENCE_SECONDS = 10.0
_DATABASE_PAUSE_SECONDS = 0.5

Outcome = TypeVar("Outcome")

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`candles_per_second` counts instants; 0 is as fast as everybody follows.

    The first `fast_forward` instants are always that fast, so that features are warm soon.
    """

    candles_per_second: float
    fast_forward: int
    wait_for: tuple[str, ...]


@dataclass(kw_only=True)
class Publisher:
    """Publishes an instant only when everybody has handled the one before.

    So a replay is the same however fast or slow each service is.
    """

    feed: Feed
    shelf: Shelf
    instruments: tuple[Instrument, ...]
    pace: Pace
    transactions: Transactions
    metrics: Metrics
    waits_for: str | None = field(default=None, init=False)
    _newest: dict[Symbol, datetime] = field(default_factory=dict[Symbol, datetime], init=False)

    def run(self, stop: Event) -> None:
        """Publish until the feed ends or `stop` is set."""
        self._patiently(self._list_instruments, stop)
        reached = self._patiently(self._reached, stop)
        if reached is not None:
            self._newest = self._patiently(lambda: self._stored(reached), stop) or {}
        self._await_consumers(stop)
        published = 0
        for instant in self.feed.instants(reached):
            if isinstance(instant, Later):
                self.waits_for = instant.why
                if stop.wait(instant.seconds):
                    return
                continue
            if not self._await_quiet(stop):
                return
            self._patiently(lambda instant=instant: self.publish(instant), stop)
            published += 1
            if self.pace.candles_per_second and published > self.pace.fast_forward:
                stop.wait(1 / self.pace.candles_per_second)
        log.info("feed.ended", feed=self.feed.name, instants=published)

    def problem(self) -> str | None:
        """Why readiness is red, or None."""
        return self.waits_for

    def publish(self, instant: ClosedInstant) -> None:
        """Store the candles of one instant and announce them, in one transaction."""
        self.transactions.clock.observe(instant.closed_at)
        self.transactions.attempt(lambda uow: self._write(instant, uow))
        for candle in instant.candles:
            self._count_gaps(candle)

    def _count_gaps(self, candle: Candle) -> None:
        last = self._newest.get(candle.symbol, candle.open_at)
        missing = max((candle.open_at - last) // self.shelf.interval.delta, 0)
        if missing or candle.is_filled:
            self.metrics.candle_gaps_total.inc(missing + candle.is_filled)
        self._newest[candle.symbol] = candle.closed_at

    def _list_instruments(self) -> None:
        with self.transactions.begin() as uow:
            repository.save_instruments(uow.connection, self.instruments)

    def _patiently(self, step: Callable[[], Outcome], stop: Event) -> Outcome | None:
        """Return what `step` returns, trying again for as long as the database is away."""
        while not stop.is_set():
            try:
                return step()
            except SQLAlchemyError as error:
                self.waits_for = f"the database does not answer: {type(error).__name__}"
                log.warning("feed.waits", why=self.waits_for)
                stop.wait(_DATABASE_PAUSE_SECONDS)
        return None

    def _write(self, instant: ClosedInstant, uow: UnitOfWork) -> None:
        reached = repository.progress(uow.connection, self.shelf)
        if reached is not None and reached >= instant.closed_at:
            return  # the commit before was done after all: only its answer was lost
        repository.save(uow.connection, self.shelf, self.feed.name, instant.candles)
        repository.save_progress(uow.connection, self.shelf, self.feed.name, instant.closed_at)
        for fact in announce(instant, self.shelf, [one.symbol for one in self.instruments]):
            uow.emit(fact)

    def _stored(self, until: datetime) -> dict[Symbol, datetime]:
        symbols = [one.symbol for one in self.instruments]
        with self.transactions.read() as connection:
            return repository.newest(connection, self.shelf, symbols, until)

    def _reached(self) -> datetime | None:
        with self.transactions.read() as connection:
            return repository.progress(connection, self.shelf)

    def _await_consumers(self, stop: Event) -> None:
        expected = self.pace.wait_for
        while missing := self._patiently(lambda: absent(self.transactions, expected), stop):
            self.waits_for = f"waiting for {', '.join(missing)} to start"
            if stop.wait(0.2):
                return
        self.waits_for = None

    def _await_quiet(self, stop: Event) -> bool:
        """Return True once nothing waits to be handled, False when stopped."""
        since = monotonic()
        while not stop.is_set():
            if self._patiently(
                lambda: wait_until_idle(self.transactions, stop, _PATIENCE_SECONDS), stop
            ):
                self.waits_for = None
                return True
            lagging = self._patiently(lambda: waiting(self.transactions), stop)
            if lagging:
                names = ", ".join(f"{name} ({count})" for name, count in lagging.items())
                self.waits_for = f"waiting for {names} for {monotonic() - since:.0f} s"
                log.warning("feed.waits", consumers=lagging)
        return False


def announce(
    instant: ClosedInstant, shelf: Shelf, symbols: Sequence[Symbol]
) -> list[CandlesClosed]:
    """Return one fact for each shard that has a candle at this instant."""
    closed = {candle.symbol: candle for candle in instant.candles}
    facts: list[CandlesClosed] = []
    for number, shard in enumerate(shards(symbols)):
        candles = tuple(closed[symbol] for symbol in shard if symbol in closed)
        if candles:
            facts.append(
                CandlesClosed(
                    venue=shelf.venue,
                    interval=shelf.interval,
                    closed_at=instant.closed_at,
                    shard=number,
                    candles=candles,
                    references=_references(candles, closed, symbols),
                )
            )
    return facts


def _references(
    candles: Sequence[Candle], closed: dict[Symbol, Candle], symbols: Sequence[Symbol]
) -> tuple[Candle, ...]:
    references = references_of(tuple(symbols))
    wanted = sorted({references[candle.symbol] for candle in candles})
    return tuple(closed[symbol] for symbol in wanted if symbol in closed)
