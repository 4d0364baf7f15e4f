"""Fetches candles that the store lacks; they are kept, and not announced: their time is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from market_data import repository
from market_data.core.live import fault_of
from market_data.feeds.venue import Venue
from market_data.repository import Gap, Shelf
from shared.bus.unit_of_work import Transactions
from shared.domain.candle import Candle
from shared.domain.ids import Symbol

_MOST_GAPS = 50  # in one request; the next one goes on
_MOST_CANDLES = 300  # of one gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """`gaps` were asked for; `missing` candles of them the venue does not have either."""

    gaps: int
    inserted: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """Fills the gaps of instruments from their venue."""

    venue: Venue
    shelf: Shelf
    transactions: Transactions

    def fill(self, symbol: Symbol, since: datetime | None) -> Filled:
        """Ask for what is missing after `since`, oldest first, a limited number of gaps at once.

        Raises:
            VenueError: the venue does not answer; what was fetched before is kept.
        """
        with self.transactions.read() as connection:
            gaps = repository.gaps(connection, self.shelf, symbol, since, _MOST_GAPS)
        inserted = sum(self._keep(self._asked(symbol, gap)) for gap in gaps)
        wanted = sum(min(gap.candles, _MOST_CANDLES) for gap in gaps)
        return Filled(gaps=len(gaps), inserted=inserted, missing=wanted - inserted)

    def _asked(self, symbol: Symbol, gap: Gap) -> Sequence[Candle]:
        interval = self.shelf.interval
        end = gap.first_open_at + min(gap.candles, _MOST_CANDLES) * interval.delta
        told = self.venue.candles(symbol, interval, gap.first_open_at, end)
        return [
            one
            for one in told
            if fault_of(one, interval) is None and gap.first_open_at <= one.open_at < end
        ]

    def _keep(self, candles: Sequence[Candle]) -> int:
        written = self.transactions.attempt(
            lambda uow: repository.save(uow.connection, self.shelf, "venue", candles)
        )
        return written.inserted
