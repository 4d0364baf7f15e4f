"""Candles over HTTP."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from market_data import repository
from market_data.repository import Gap, Shelf
from market_data.tasks import Filled, Filler
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import Interval
from shared.domain.errors import BadInput, Conflict, NotFound
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.http.auth import require
from shared.http.paging import Cursor, InstantText, Limit, Page, decode_instant, encode_cursor
from shared.http.values import MoneyText


class CandleAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    symbol: str
    interval: Interval
    open_at: datetime
    open: MoneyText
    high: MoneyText
    low: MoneyText
    close: MoneyText
    volume: MoneyText
    is_filled: bool
    source: str


class InstrumentAnswer(BaseModel):
    """What is traded, its rules, and which candles are stored."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    venue: str
    base: str
    quote: str
    tick_size: MoneyText
    lot_size: MoneyText
    min_notional: MoneyText
    candles: int
    bridged: int
    first_open_at: datetime | None
    last_open_at: datetime | None


class GapAnswer(BaseModel):
    """`candles` are missing from `first_open_at` on."""

    model_config = ConfigDict(extra="forbid")

    first_open_at: datetime
    candles: int


class FilledAnswer(BaseModel):
    """`gaps` were asked for; `missing` candles of them the venue does not have either."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    gaps: int
    inserted: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`filler` is there where candles come from a venue."""

    transactions: Transactions
    venue: str
    interval: Interval
    instruments: tuple[Instrument, ...]
    filler: Filler | None = None

    def known(self, symbol: str) -> Symbol:
        """Return the instrument.

        Raises:
            NotFound: it is not traded here; the detail lists what is.
        """
        symbols = [one.symbol for one in self.instruments]
        if symbol not in symbols:
            raise NotFound(f"'{symbol}' is not traded here; choose one of {', '.join(symbols)}")
        return Symbol(symbol)

    def shelf(self, interval: Interval | None) -> Shelf:
        return Shelf(venue=self.venue, interval=interval or self.interval)

    def fill(self, symbol: str, since: datetime | None) -> Filled:
        """Fetch what is missing.

        Raises:
            NotFound: the instrument is not traded here.
            Conflict: candles do not come from a venue.
            VenueError: it does not answer.
        """
        known = self.known(symbol)
        if self.filler is None:
            raise Conflict(
                "this feed has no venue to fetch from; import a file with 'trading data import' "
                "instead"
            )
        return self.filler.fill(known, since)


SymbolQuery = Annotated[str, Query(max_length=32, examples=["BTC-USDT"])]
IntervalQuery = Annotated[Interval | None, Query(description="the platform's own when left out")]
From = Annotated[InstantText | None, Query(alias="from", description="open at or after, ISO 8601")]
To = Annotated[InstantText | None, Query(alias="to", description="open before, ISO 8601")]


def router(desk: Desk) -> APIRouter:
    """Return the routes of market_data."""
    routes = APIRouter(tags=["market data"], dependencies=[Depends(require("read"))])

    @routes.get("/symbols", summary="What is traded here")
    def symbols() -> Page[InstrumentAnswer]:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            stored = {row.symbol: row for row in repository.coverage(connection, desk.shelf(None))}
        return Page(items=[_listed(one, stored.get(one.symbol)) for one in desk.instruments])

    @routes.get("/candles", summary="Candles, oldest first")
    def candles(
        symbol: SymbolQuery,
        interval: IntervalQuery = None,
        start: From = None,
        end: To = None,
        limit: Limit = 500,
        cursor: Cursor = None,
    ) -> Page[CandleAnswer]:
        known = desk.known(symbol)
        first = start if cursor is None else decode_instant(cursor)
        if first and end and first >= end:
            raise BadInput("from", "is not before 'to'", "swap them or widen the range")
        with desk.transactions.read() as connection:
            rows = repository.page(connection, desk.shelf(interval), known, (first, end), limit + 1)
        more = encode_cursor([rows[limit].open_at.isoformat()]) if len(rows) > limit else None
        return Page(items=[_answer(row) for row in rows[:limit]], next_cursor=more)

    @routes.get("/latest", summary="The newest candle")
    def latest(symbol: SymbolQuery, interval: IntervalQuery = None) -> CandleAnswer:  # pyright: ignore[reportUnusedFunction]
        known = desk.known(symbol)
        with desk.transactions.read() as connection:
            row = repository.latest(connection, desk.shelf(interval), known)
        if row is None:
            raise NotFound(f"there is no candle of {symbol} yet; try again after the next")
        return _answer(row)

    @routes.get("/gaps", summary="Where candles are missing, oldest first")
    def gaps(  # pyright: ignore[reportUnusedFunction]
        symbol: SymbolQuery,
        interval: IntervalQuery = None,
        limit: Limit = 500,
        cursor: Cursor = None,
    ) -> Page[GapAnswer]:
        known = desk.known(symbol)
        since = None if cursor is None else decode_instant(cursor)
        with desk.transactions.read() as connection:
            found = repository.gaps(connection, desk.shelf(interval), known, since, limit + 1)
        more = encode_cursor([found[limit].after.isoformat()]) if len(found) > limit else None
        return Page(items=[_gap(one) for one in found[:limit]], next_cursor=more)

    @routes.post(
        "/backfill",
        summary="Fetch missing candles, some gaps at a time, oldest first",
        dependencies=[Depends(require("admin"))],
    )
    def backfill(symbol: SymbolQuery, start: From = None) -> FilledAnswer:  # pyright: ignore[reportUnusedFunction]
        return FilledAnswer.model_validate(desk.fill(symbol, start))

    return routes


def _listed(one: Instrument, stored: Any | None) -> InstrumentAnswer:
    return InstrumentAnswer(
        symbol=one.symbol,
        venue=one.venue,
        base=one.base,
        quote=one.quote,
        tick_size=one.tick_size,
        lot_size=one.lot_size,
        min_notional=one.min_notional,
        candles=stored.candles if stored else 0,
        bridged=stored.bridged if stored else 0,
        first_open_at=stored.first_open_at if stored else None,
        last_open_at=stored.last_open_at if stored else None,
    )


def _gap(one: Gap) -> GapAnswer:
    return GapAnswer(first_open_at=one.first_open_at, candles=one.candles)


def _answer(row: Any) -> CandleAnswer:
    return CandleAnswer.model_validate(
        {name: getattr(row, name) for name in CandleAnswer.model_fields}
    )
