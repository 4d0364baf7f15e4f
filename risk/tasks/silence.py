"""Notices that no candles come: a silent feed says no fact that could be heard."""

from dataclasses import dataclass
from datetime import datetime
from threading import Event

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from risk.core.brakes import Feed, is_fresh
from risk.handlers.watch import Watch
from risk.repository.candles import newest_close
from risk.repository.policy import find_limits
from shared.bus.consumer import in_one_line
from shared.bus.unit_of_work import Transactions
from shared.db.engine import Outdated
from shared.domain.enums import Interval
from shared.runtime.logging import get_logger

_EVERY_SECONDS = 5.0

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFeed:
    """`since`: from when on this process listens; candles get their time to come after a start."""

    venue: str
    interval: Interval
    shards: int
    since: datetime

    def read(self, connection: Connection, now: datetime) -> Feed:
        streams = [f"{self.venue}:{self.interval}:{shard}" for shard in range(self.shards)]
        newest = newest_close(connection, streams)
        last_at = self.since if newest is None else max(newest, self.since)
        return Feed(interval=self.interval, last_at=last_at, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceWatch:
    feed: CandleFeed
    watch: Watch
    transactions: Transactions

    def run(self, stop: Event) -> None:
        while not stop.wait(_EVERY_SECONDS):
            self.round()

    def round(self) -> None:
        try:
            if self._is_silent():
                self.transactions.attempt(self.watch.look)
        except (SQLAlchemyError, Outdated) as error:
            # without the database nothing is approved either
            log.warning("silence.again", error=in_one_line(error))

    def _is_silent(self) -> bool:
        """Look without a lock: nearly always there is nothing to do."""
        now = self.transactions.clock.now()
        with self.transactions.read() as connection:
            found = find_limits(connection, self.watch.opening.account)
            return found is not None and not is_fresh(self.feed.read(connection, now), found.limits)
