"""What is kept of the market: the last closes of each instrument, and its best prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Text, select, type_coerce

from risk.core.market import Quote
from risk.core.tape import Tape
from risk.tables import risk_quotes, risk_tapes
from shared.db.dialect import upsert
from shared.db.statements import Prepared, among, given
from shared.domain.enums import Interval
from shared.domain.events import QuotesSeen
from shared.domain.ids import AccountId, Symbol

_kept = risk_tapes.c
_of_shelf = (
    given(_kept.venue),
    given(_kept.timeframe),
    among(_kept.symbol, "symbols"),
)
_TAPES = Prepared(select(risk_tapes).where(*_of_shelf))
_AS_WRITTEN = Prepared(
    select(
        _kept.symbol,
        _kept.closed_at,
        type_coerce(_kept.closes, Text).label("closes"),
        _kept.price,
        _kept.traded_at,
    ).where(*_of_shelf)
)
_QUOTES = Prepared(
    select(risk_quotes).where(given(risk_quotes.c.account), among(risk_quotes.c.symbol, "symbols"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Whose candles: one venue's, of one length."""

    venue: str
    interval: Interval


def load_tapes(
    connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]
) -> dict[Symbol, Tape]:
    rows: Sequence[Row[Any]] = _TAPES.rows(
        connection, venue=shelf.venue, timeframe=shelf.interval, symbols=sorted(symbols)
    )
    return {
        Symbol(row.symbol): Tape(
            symbol=Symbol(row.symbol),
            closed_at=row.closed_at,
            closes=row.closes,
            price=row.price,
            traded_at=row.traded_at,
        )
        for row in rows
    }


def read_tapes(
    connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]
) -> Sequence[Row[Any]]:
    """Return the same as rows, with the closes as the text that is kept of them."""
    return _AS_WRITTEN.rows(
        connection, venue=shelf.venue, timeframe=shelf.interval, symbols=sorted(symbols)
    )


def save_tapes(connection: Connection, shelf: Shelf, tapes: Iterable[Tape]) -> None:
    rows = [
        {
            "venue": shelf.venue,
            "timeframe": shelf.interval,
            "symbol": one.symbol,
            "closed_at": one.closed_at,
            "closes": one.closes,
            "price": one.price,
            "traded_at": one.traded_at,
        }
        for one in sorted(tapes, key=lambda one: one.symbol)
    ]
    upsert(connection, risk_tapes, rows, key=("venue", "timeframe", "symbol"))


def load_quotes(
    connection: Connection, account: AccountId, symbols: Iterable[Symbol]
) -> Mapping[Symbol, Quote]:
    rows: Sequence[Row[Any]] = _QUOTES.rows(connection, account=account, symbols=sorted(symbols))
    return {
        Symbol(row.symbol): Quote(bid=row.bid, ask=row.ask, seen_at=row.seen_at) for row in rows
    }


def save_quotes(connection: Connection, seen: QuotesSeen) -> None:
    """Keep the best prices, under the account's lock, where no younger ones are known."""
    known = load_quotes(connection, seen.account, {one.symbol for one in seen.quotes})
    rows = [
        {
            "account": seen.account,
            "symbol": one.symbol,
            "venue": seen.venue,
            "bid": one.bid,
            "ask": one.ask,
            "seen_at": seen.seen_at,
        }
        for one in sorted(seen.quotes, key=lambda one: one.symbol)
        if one.symbol not in known or known[one.symbol].seen_at < seen.seen_at
    ]
    upsert(connection, risk_quotes, rows, key=("account", "symbol"))
