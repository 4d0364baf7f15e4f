"""Hears orders being submitted, and compares with the wall time their candle was announced at."""

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, delete, select, text

from shared.bus.doorbell import Doorbell
from shared.bus.tables import deliveries, event_log, subscriptions
from shared.bus.unit_of_work import Transactions, UnitOfWork, datetime_now
from shared.db.dialect import insert_missing
from shared.domain.clock import FollowingClock
from shared.domain.events import OrderSubmitted

NAME = "bench"


class Probe:
    """A consumer that only looks: what it measures includes its own way of hearing."""

    def __init__(self, engine: Engine, doorbell: Doorbell) -> None:
        self._engine = engine
        self._doorbell = doorbell
        self._transactions = Transactions(engine, FollowingClock(), doorbell, NAME)
        self.heard: defaultdict[datetime, list[float]] = defaultdict(list)
        self.last_occurred_at: datetime | None = None
        row = {"consumer": NAME, "topic": OrderSubmitted.topic}

        def subscribe(uow: UnitOfWork) -> None:
            insert_missing(uow.connection, subscriptions, [row])

        self._transactions.attempt(subscribe)

    def listen(self, is_over: Callable[[], bool], silence_seconds: float) -> None:
        """Listen until told that it is over, or nothing was heard for so long."""
        quiet_since = time.monotonic()
        while not is_over() and time.monotonic() - quiet_since < silence_seconds:
            if self._look():
                quiet_since = time.monotonic()
            else:
                self._doorbell.wait(NAME, 0.25)

    def _look(self) -> bool:
        statement = (
            select(deliveries.c.seq, event_log.c.origin_at, event_log.c.occurred_at)
            .join(event_log, event_log.c.event_id == deliveries.c.event_id)
            .where(deliveries.c.consumer == NAME)
        )
        with self._transactions.read() as connection:
            rows = connection.execute(statement).all()
        now = datetime_now()
        for row in rows:
            self.heard[row.origin_at].append((now - row.origin_at).total_seconds())
            self.last_occurred_at = row.occurred_at
        if rows:
            done = [row.seq for row in rows]
            with self._engine.begin() as connection:
                connection.execute(delete(deliveries).where(deliveries.c.seq.in_(done)))
        return bool(rows)


def bare_commits(engine: Engine, commits: int = 5, times: int = 60) -> list[float]:
    """Return the seconds of so many one-row commits in a row: what no chain of hops can beat."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bench_floor (n INTEGER)"))
    found: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        for _ in range(commits):
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO bench_floor VALUES (1)"))
        found.append(time.perf_counter() - start)
    return found
