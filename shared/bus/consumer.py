"""Takes what a service still has to hear, and handles it exactly once."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event

from sqlalchemy import Select, bindparam, delete, func, or_, select

from shared.bus.envelope import Envelope
from shared.bus.history import named
from shared.bus.tables import OLDEST_FIRST, deliveries, subscriptions
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.dialect import for_update, insert_once

Handler = Callable[[Sequence[Envelope], UnitOfWork], None]

BATCH_SIZE = 512
# One by one: for many at once InnoDB may scan the table, and wait for the rows of other services.
_ANYTHING = select(deliveries.c.seq).limit(1)
_DONE = delete(deliveries).where(deliveries.c.seq == bindparam("handled"))
_RED_AFTER_FAILURES = 3
_LONGEST_PAUSE_SECONDS = 5.0


class Consumer:
    """Reads the deliveries of one service, oldest first, a batch in one transaction.

    Within a batch topics are handled in the order of `handlers`. What cannot be handled stays where
    it is and is tried again; nothing is skipped.
    """

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
        waiting = select(deliveries.c.seq, deliveries.c.event_id).where(
            deliveries.c.consumer == name, or_(*(deliveries.c.topic == topic for topic in handlers))
        )
        self._any = waiting.limit(1)
        self._batch = _oldest_locked(waiting)
        self._failures = 0
        self._last_error = ""

    def problem(self) -> str | None:
        """Why readiness is red, or None."""
        if self._failures < _RED_AFTER_FAILURES:
            return None
        return f"cannot handle facts ({self._failures} tries): {self._last_error}"

    def subscribe(self) -> None:
        """Register for the handled topics; facts said from now on will be kept for this service."""
        rows = [{"consumer": self.name, "topic": topic} for topic in self._handlers]

        def work(uow: UnitOfWork) -> None:
            insert_once(uow.connection, subscriptions, rows)
            for table in (subscriptions, deliveries):
                given_up = table.c.topic.not_in(list(self._handlers))
                uow.connection.execute(delete(table).where(table.c.consumer == self.name, given_up))

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
            rows = uow.connection.execute(self._batch).all()
            if rows:
                self._dispatch(named(uow.connection, [row.event_id for row in rows]), uow)
                uow.connection.execute(_DONE, [{"handled": row.seq} for row in rows])
            return len(rows)

    def _has_waiting(self) -> bool:
        """Look without locking: whom no bell called never takes SQLite's only write lock."""
        with self._transactions.read() as connection:
            return connection.execute(self._any).first() is not None

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


def _oldest_locked(waiting: Select[int, str]) -> Select[int, str]:
    """Lock deliveries and nothing else: another service must find its own of the same facts."""
    hinted = waiting.with_hint(deliveries, f"FORCE INDEX ({OLDEST_FIRST})", "mysql")
    return for_update(hinted.order_by(deliveries.c.seq).limit(BATCH_SIZE), skip_locked=True)


def in_one_line(error: BaseException) -> str:
    """Return what an error says, without the statement and the values a database adds below."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def is_idle(transactions: Transactions) -> bool:
    """Tell whether everybody has heard and handled every fact."""
    with transactions.read() as connection:
        return connection.execute(_ANYTHING).first() is None


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
    pause = 0.0005
    while not is_idle(transactions):
        if stop.wait(pause) or time.monotonic() > deadline:
            return False
        pause = min(pause * 1.5, 0.02)
    return True
