"""Forgets facts that are old enough, so that the log does not grow without bound."""

from collections.abc import Sequence
from datetime import timedelta
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from shared.bus.consumer import in_one_line
from shared.bus.history import prune
from shared.bus.unit_of_work import Transactions, datetime_now
from shared.runtime.logging import get_logger

_EVERY_SECONDS = 3600.0
_AT_ONCE = 500

log = get_logger()


def keep_pruned(producers: Sequence[Transactions], days: int, stop: Event) -> None:
    """Forget what these producers said more than so many days ago, every hour until stopped."""
    while not stop.wait(_EVERY_SECONDS):
        for transactions in producers:
            forget(transactions, days, stop)


def forget(transactions: Transactions, days: int, stop: Event) -> int:
    """Forget in small transactions, so that nobody waits long; return how many facts."""
    said_before = datetime_now() - timedelta(days=days)
    forgotten = 0
    while not stop.is_set():
        try:
            some = transactions.attempt(
                lambda uow: prune(uow.connection, transactions.producer, said_before, _AT_ONCE)
            )
        except SQLAlchemyError as error:  # the next hour is early enough
            log.warning("facts.not_forgotten", error=in_one_line(error))
            break
        forgotten += some
        if some < _AT_ONCE:
            break
    if forgotten:
        log.info("facts.forgotten", producer=transactions.producer, facts=forgotten)
    return forgotten
