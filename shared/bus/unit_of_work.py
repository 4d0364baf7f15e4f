"""The one place that commits: a state change and the facts that announce it."""

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, insert, select

from shared.bus.codec import encode
from shared.bus.doorbell import Doorbell
from shared.bus.envelope import Envelope, event_id
from shared.bus.tables import deliveries, event_log, subscriptions
from shared.db.audit import Deed, append
from shared.db.dialect import limit_idle
from shared.db.engine import READ_ONLY, is_transient, write_turn
from shared.db.statements import Prepared, among
from shared.domain.clock import Clock, SystemClock
from shared.domain.events import Event
from shared.domain.ids import EventId

T = TypeVar("T")

_log: Any = structlog.get_logger()
_WALL = SystemClock()
_ATTEMPTS = 5
_TO_LOG = Prepared(insert(event_log))
_TO_LISTENERS = Prepared(insert(deliveries))
_LISTENERS = Prepared(
    select(subscriptions.c.topic, subscriptions.c.consumer).where(
        among(subscriptions.c.topic, "topics")
    )
)

CommitHook = Callable[[str, str], None]


class UnitOfWork:
    """One transaction: change state through `connection`, announce it with `emit`."""

    def __init__(self, connection: Connection, clock: Clock, cause: Envelope | None) -> None:
        self.connection = connection
        self._clock = clock
        self._now: datetime | None = None
        self._cause = cause
        self._events: list[tuple[Event, Envelope | None]] = []
        self._deeds: list[Deed] = []
        self._callbacks: list[Callable[[], None]] = []

    @property
    def now(self) -> datetime:
        """The platform's time, the same throughout this transaction."""
        if self._now is None:
            self._now = self._clock.now()
        return self._now

    @property
    def events(self) -> tuple[tuple[Event, Envelope | None], ...]:
        return tuple(self._events)

    def caused_by(self, cause: Envelope) -> None:
        """Name the fact that the following facts answer."""
        self._cause = cause

    def emit(self, event: Event) -> None:
        self._events.append((event, self._cause))

    @property
    def deeds(self) -> tuple[Deed, ...]:
        return tuple(self._deeds)

    def audit(self, actor: str, action: str, subject: str, detail: Any) -> None:
        """Have the audit say who did what, in the chain of this service, last of all."""
        deed = Deed(actor=actor, action=action, subject=subject, detail=detail, at=self.now)
        self._deeds.append(deed)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def committed(self) -> None:
        """Call everybody back; what is committed stands, so nothing that fails here may raise."""
        for callback in self._callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - there is nothing left to roll back
                _log.exception("after_commit.failed")


class Transactions:
    """Begins units of work in the name of one producer."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        doorbell: Doorbell,
        producer: str,
        on_commit: CommitHook | None = None,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.doorbell = doorbell
        self.producer = producer
        self._on_commit = on_commit
        self._idle_seconds: int | None = None
        self._reader = engine.execution_options(**{READ_ONLY: True})
        self._turn = write_turn(engine)

    def hurried(self, idle_seconds: int) -> "Transactions":
        """Return the same, but the server rolls back what falls silent for longer than this.

        The locks of a process that was paused, or of a machine that is gone, would otherwise keep
        everybody else waiting for hours.
        """
        hurried = copy(self)
        hurried._idle_seconds = idle_seconds  # noqa: SLF001 - another one of its own kind
        return hurried

    @contextmanager
    def begin(self, cause: Envelope | None = None) -> Generator[UnitOfWork]:
        """Commit when the block ends well, roll everything back when it raises."""
        with self._turn, self.engine.connect() as connection:
            with connection.begin():
                limit_idle(connection, self._idle_seconds)
                uow = UnitOfWork(connection, self.clock, cause)
                yield uow
                heard_by = self._announce(uow)
                append(connection, self.producer, uow.deeds)
                self._at("before")
            self._at("after")
        self.doorbell.ring(heard_by)
        uow.committed()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Give a connection for reading; nothing is kept."""
        with self._reader.connect() as connection:
            connection.begin()
            yield connection

    def attempt(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work` in a transaction; start over after a deadlock or a lost connection."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.begin() as uow:
                    return work(uow)
            except Exception as error:
                if attempt == _ATTEMPTS or not is_transient(error):
                    raise
                time.sleep(0.01 + secrets.randbelow(190) / 1000)
        raise AssertionError("unreachable")

    def _at(self, phase: str) -> None:
        if self._on_commit is not None:
            self._on_commit(self.producer, phase)

    def _announce(self, uow: UnitOfWork) -> set[str]:
        if not uow.events:
            return set()
        wall = datetime_now()
        rows = [self._row(event, cause, uow.now, wall) for event, cause in uow.events]
        _TO_LOG.run(uow.connection, rows)
        listeners = _listeners(uow.connection, {event.topic for event, _ in uow.events})
        outgoing = [
            {"consumer": consumer, "topic": row["topic"], "event_id": row["event_id"]}
            for row in rows
            for consumer in listeners[str(row["topic"])]
        ]
        _TO_LISTENERS.run(uow.connection, outgoing)
        return {str(row["consumer"]) for row in outgoing}

    def _row(
        self, event: Event, cause: Envelope | None, now: datetime, wall: datetime
    ) -> dict[str, object]:
        return {
            "event_id": event_id(self.producer, event),
            "topic": event.topic,
            "stream": event.stream,
            "occurred_at": now,
            "origin_at": wall if cause is None else cause.origin_at,
            "producer": self.producer,
            "cause_id": None if cause is None else EventId(cause.event_id),
            "payload": encode(event),
        }


def datetime_now() -> datetime:
    return _WALL.now().astimezone(UTC)


def _listeners(connection: Connection, topics: Iterable[str]) -> Mapping[str, list[str]]:
    """Return who hears which topic; read anew each time, or a late subscriber misses facts."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for topic, consumer in _LISTENERS.rows(connection, topics=list(topics)):
        found[topic].append(consumer)
    return found
