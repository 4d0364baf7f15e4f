"""What every route is given: where to read, and how the questions they share are asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query

from portfolio.core.books import BooksPolicy
from portfolio.core.disposals import LotMethod
from portfolio.repository.reports import Period
from shared.bus.unit_of_work import Transactions
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.http.paging import InstantText

FromQuery = Annotated[InstantText | None, Query(alias="from", description="not before, ISO 8601")]
ToQuery = Annotated[InstantText | None, Query(alias="to", description="not after, ISO 8601")]
SymbolQuery = Annotated[str | None, Query(max_length=32, examples=["BTC-USDT"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the routes read, and what they must know of the account."""

    transactions: Transactions
    policy: BooksPolicy
    instruments: Mapping[Symbol, Instrument]
    lot_method: LotMethod

    def known(self, symbol: str | None) -> Symbol | None:
        """Return the instrument, where one is asked for.

        Raises:
            BadInput: it is not traded here; the remedy lists what is.
        """
        if symbol is not None and symbol not in self.instruments:
            choices = ", ".join(sorted(self.instruments))
            raise BadInput("symbol", f"'{symbol}' is not traded here", f"choose one of {choices}")
        return None if symbol is None else Symbol(symbol)


def period_of(start: datetime | None, end: datetime | None) -> Period:
    """Return the period that is asked for.

    Raises:
        BadInput: it ends before it starts.
    """
    if start is not None and end is not None and end < start:
        raise BadInput("to", f"{end.isoformat()} is before from", "swap them")
    return Period(start=start, end=end)
