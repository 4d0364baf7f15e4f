"""Tells how old the newest candles are, above all when no new ones come."""

from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from market_data import repository
from market_data.repository import Shelf
from shared.bus.unit_of_work import Transactions
from shared.domain.ids import Symbol
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

_EVERY_SECONDS = 5.0

log = get_logger()


@dataclass(kw_only=True)
class Freshness:
    """Ages are on the platform's clock: the wall's, or in mock mode that of the candles.

    While the database is away the candles last seen go on ageing.
    """

    shelf: Shelf
    symbols: tuple[Symbol, ...]
    transactions: Transactions
    metrics: Metrics
    _closed_at: dict[Symbol, datetime] = field(default_factory=dict[Symbol, datetime], init=False)

    def run(self, stop: Event) -> None:
        """Refresh the ages until stopped."""
        self.measure()
        while not stop.wait(_EVERY_SECONDS):
            self.measure()

    def measure(self) -> None:
        now = self.transactions.clock.now()
        try:
            with self.transactions.read() as connection:
                self._closed_at = repository.newest(connection, self.shelf, self.symbols, now)
        except SQLAlchemyError as error:  # ages are wanted most now
            log.warning("freshness.unread", error=type(error).__name__)
        for symbol, closed_at in self._closed_at.items():
            age = self.metrics.candle_age_seconds.labels(self.shelf.venue, symbol)
            age.set((now - closed_at).total_seconds())
