"""Where candles lie."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_

from market_data.tables import crypto_prices
from shared.domain.enums import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where the candles of one venue and interval lie."""

    venue: str
    interval: Interval

    def holds(self, table: Table = crypto_prices) -> ColumnElement[bool]:
        return and_(table.c.venue == self.venue, table.c.interval == self.interval)
