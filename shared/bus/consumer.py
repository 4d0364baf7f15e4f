"""Takes what a service still has to hear, and handles it exactly once."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select

from shared.bus.envelope import Envelope
from shared.bus.history import COLUMNS, envelope_of
from shared.bus.tables import OLDEST_FIRST, deliveries, event_log, subscriptions
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.dialect import for_update, insert_missing
from shared.db.statements import Prepared, given

Handler = Callable[[Sequence[Envelope], UnitOfWork], None]

BATCH_SIZE = 512
_ANYTHING = Prepared(select(deliveries.c.seq).limit(1))
# Deliveries and nothing else: another service must find its own of the same facts.
_these = (
    select(deliveries.c.seq)
    .with_hint(deliveries, f"FORCE INDEX ({OLDEST_FIRST})", "mysql")
    .where(
        given(deliveries.c.consumer),
        deliveries.c.seq.between(bindparam("first"), bindparam("last")),
    )
)
_LOCKED = Prepared(for_update(_these))
_LOCKED_IF_FREE = Prepared(for_update(_these, skip_locked=True))
# One by one: for many at once InnoDB may scan the table, and wait for the rows of other services.
_DONE = Prepared(delete(deliveries).where(given(deliveries.c.seq)))
_RED_AFTER_FAILURES = 3
_LONGEST_PAUSE_SECONDS = 5.0


class Consumer:
    """Reads the deliveries of one service, oldest first, a batch in one transaction.

    Within a batch topics are handled in the order of `handlers`. What cannot be handled stays where
    it is and is tried again; nothing is skipped.
    """

    _locked = _LOCKED

    def __init__(
        self,
        name: str,
        transactions: Transactions,
        handlers: Mapping[str, Handler],
        poll_seconds: float,
        *,
        on_failure: Callable[[Exception], None] = lambda _error: None,
        on_handled: Callable[[Sequence[Envelope]], None] = lambda _batch: None,
    ) -> None:
        self.name = name
        self._transactions = transactions
        self._handlers = handlers
        self._poll_seconds = poll_seconds
        self._on_failure = on_failure
        self._on_handled = on_handled
        # What this replica can handle; a newer one may have subscribed to more.
        is_mine = and_(
            deliveries.c.consumer == name, or_(*(deliveries.c.topic == topic for topic in handlers))
        )
        self._any = Prepared(select(deliveries.c.seq).where(is_mine).limit(1))
        self._oldest = Prepared(
            select(deliveries.c.seq, *COLUMNS)
            .outerjoin(event_log, event_log.c.event_id == deliveries.c.event_id)
            .with_hint(deliveries, f"FORCE INDEX ({OLDEST_FIRST})", "mysql")
            .where(is_mine, deliveries.c.seq > bindparam("after"))
            .order_by(deliveries.c.seq)
            .limit(BATCH_SIZE)
        )
        self._failures = 0
        self._last_error = ""

    def problem(self) -> str | None:
        """Why readiness is red, or None."""
        if self._failures < _RED_AFTER_FAILURES:
            return None
        return f"cannot handle facts ({self._failures} tries): {self._last_error}"

    def subscribe(self) -> None:
        """Register for the handled topics; facts said from now on will be kept for this service.

        A topic that no version handles any more is given up by a migration: an older replica
        that starts again must not take from a newer one what only that one understands.
        """
        rows = [{"consumer": self.name, "topic": topic} for topic in self._handlers]

        def work(uow: UnitOfWork) -> None:
            insert_missing(uow.connection, subscriptions, rows)

        self._transactions.attempt(work)

    def run(self, stop: Event) -> None:
        """Handle facts until `stop` is set; a failure is reported, waited out, and tried again."""
        rung = False
        while not stop.is_set():
            try:
                handled = self._handle_batch() if rung else self.handle_waiting()
            except Exception as error:  # noqa: BLE001 - whatever failed, the deliveries are still there
                self._failed(error, stop)
                continue
            self._failures = 0
            if handled < BATCH_SIZE:
                rung = self._transactions.doorbell.wait(self.name, self._poll_seconds)

    def handle_waiting(self) -> int:
        """Handle one batch in one transaction and return how many facts it had."""
        return self._handle_batch() if self._has_waiting() else 0

    def _handle_batch(self) -> int:
        with self._transactions.begin() as uow:
            rows = self._taken(uow.connection)
            if rows:
                self._dispatch([envelope_of(row) for row in rows], uow)
                _DONE.run(uow.connection, [{"seq": row.seq} for row in rows])
            return len(rows)

    def _taken(self, connection: Connection) -> list[Any]:
        """Return the oldest deliveries, locked until the commit.

        They are read without a lock first: a locking read meets commits half way and would find
        the later facts of a transaction without the earlier ones. For the same reason a commit
        under way is waited for, unless replicas share the work and take what is free.

        Raises:
            LookupError: a fact is not in the log.
        """
        after = 0
        while rows := self._oldest.rows(connection, after=after):
            lost = [row.seq for row in rows if row.event_id is None]
            if lost:
                raise LookupError(f"deliveries {lost} announce facts that are not in event_log")
            ours = self._lock(connection, rows)
            if ours:
                return ours
            after = rows[-1].seq
        return []

    def _lock(self, connection: Connection, rows: list[Any]) -> list[Any]:
        if connection.dialect.name == "sqlite":
            return rows
        first, last = rows[0].seq, rows[-1].seq
        locked = self._locked.column(connection, consumer=self.name, first=first, last=last)
        return [row for row in rows if row.seq in set(locked)]

    def _has_waiting(self) -> bool:
        """Look without locking: whom no bell called never takes SQLite's only write lock."""
        with self._transactions.read() as connection:
            return self._any.first(connection) is not None

    def _dispatch(self, envelopes: Sequence[Envelope], uow: UnitOfWork) -> None:
        self._transactions.clock.observe(max(envelope.occurred_at for envelope in envelopes))
        for topic, handle in self._handlers.items():
            batch = [envelope for envelope in envelopes if envelope.topic == topic]
            if batch:
                uow.caused_by(batch[-1])
                handle(batch, uow)
        uow.after_commit(lambda: self._on_handled(envelopes))

    def _failed(self, error: Exception, stop: Event) -> None:
        self._failures += 1
        self._last_error = in_one_line(error)
        with suppress(Exception):  # whoever watches must not end what is watched
            self._on_failure(error)
        stop.wait(min(0.05 * 2 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS))


class SharedConsumer(Consumer):
    """One of several replicas of a service: each takes what is free, so order holds in a batch."""

    _locked = _LOCKED_IF_FREE


def in_one_line(error: BaseException) -> str:
    """Return what an error says, without the statement and the values a database adds below."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def is_idle(transactions: Transactions) -> bool:
    """Tell whether everybody has heard and handled every fact."""
    with transactions.read() as connection:
        return _ANYTHING.first(connection) is None


def waiting(transactions: Transactions) -> dict[str, int]:
    """Return how many facts each lagging consumer still has to hear."""
    statement = select(deliveries.c.consumer, func.count()).group_by(deliveries.c.consumer)
    with transactions.read() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}


def absent(transactions: Transactions, consumers: Sequence[str]) -> tuple[str, ...]:
    """Return those of the named consumers that have never subscribed."""
    with transactions.read() as connection:
        known = set(connection.execute(select(subscriptions.c.consumer).distinct()).scalars())
    return tuple(name for name in consumers if name not in known)


def wait_until_idle(transactions: Transactions, stop: Event, timeout_seconds: float) -> bool:
    """Return True as soon as nothing waits, False after the timeout or when `stop` is set."""
    deadline = time.monotonic() + timeout_seconds
    pause = 0.002
    while not is_idle(transactions):
        if stop.wait(pause) or time.monotonic() > deadline:
            return False
        pause = min(pause * 1.5, 0.02)
    return True
