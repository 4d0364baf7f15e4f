"""Figures nobody counts as they happen: rows in the log, connections in use, facts that wait."""

from collections.abc import Sequence
from threading import Event

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from shared.bus.tables import deliveries, event_log
from shared.bus.unit_of_work import Transactions, datetime_now
from shared.runtime.service import Service

_EVERY_SECONDS = 5.0


def sample(services: Sequence[Service], transactions: Transactions, stop: Event) -> None:
    """Refresh the gauges of all services until stopped."""
    while not stop.wait(_EVERY_SECONDS):
        measure(services, transactions)


def measure(services: Sequence[Service], transactions: Transactions) -> None:
    """Refresh the gauges of all services; those of the database keep their value while it is away.

    A consumer that handles nothing cannot report its own lag; one for which nothing waits has none.
    """
    pool = transactions.engine.pool
    if isinstance(pool, QueuePool):
        for service in services:
            service.metrics.db_pool_in_use.set(pool.checkedout())
            service.metrics.db_pool_size.set(pool.size())
    consumers = [service for service in services if service.handlers]
    try:
        with transactions.read() as connection:
            rows = _event_log_rows(connection)
            waiting = {one.name: _seconds_waited(connection, one.name) for one in consumers}
    except SQLAlchemyError:
        return
    for service in services:
        service.metrics.event_log_rows.set(rows)
    for service in consumers:
        lag = service.metrics.consumer_lag_seconds.labels(consumer=service.name)
        lag.set(waiting[service.name])


def _event_log_rows(connection: Connection) -> int:
    span = select(func.max(event_log.c.seq) - func.min(event_log.c.seq) + 1)
    return connection.execute(span).scalar_one() or 0


def _seconds_waited(connection: Connection, consumer: str) -> float:
    oldest = (
        select(event_log.c.origin_at)
        .join(deliveries, deliveries.c.event_id == event_log.c.event_id)
        .where(deliveries.c.consumer == consumer)
        .order_by(deliveries.c.seq)
        .limit(1)
    )
    origin_at = connection.execute(oldest).scalar_one_or_none()
    return 0.0 if origin_at is None else max((datetime_now() - origin_at).total_seconds(), 0.0)
