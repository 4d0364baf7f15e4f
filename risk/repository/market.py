"""What is kept of the market: the last closes of each instrument, and its best prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from risk.core.market import Quote
from risk.core.tape import Tape
from risk.tables import risk_quotes, risk_tapes
from shared.db.audit import fingerprint
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
_signature = (_kept.symbol, _kept.closed_at, _kept.digest, _kept.price, _kept.traded_at)
_SIGNATURES = Prepared(select(*_signature).where(*_of_shelf))
_TAPES = Prepared(select(*_signature, _kept.closes).where(*_of_shelf))
_QUOTES = Prepared(
    select(risk_quotes).where(given(risk_quotes.c.account), among(risk_quotes.c.symbol, "symbols"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Whose candles: one venue's, of one length."""

    venue: str
    interval: Interval


class Signature(NamedTuple):
    """Everything that is kept of a tape, with the digest of its closes instead of them."""

    symbol: Symbol
    closed_at: datetime
    digest: str
    price: Decimal
    traded_at: datetime


def load_tapes(
    connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]
) -> dict[Symbol, Tape]:
    return {one.symbol: one for one in load_signed_tapes(connection, shelf, symbols).values()}


def load_signed_tapes(
    connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]
) -> dict[Signature, Tape]:
    """Return tapes, each by its signature as read with it."""
    rows: Sequence[Row[Any]] = _TAPES.rows(
        connection, venue=shelf.venue, timeframe=shelf.interval, symbols=sorted(symbols)
    )
    return {
        _signature_of(row): Tape(
            symbol=Symbol(row.symbol),
            closed_at=row.closed_at,
            closes=row.closes,
            price=row.price,
            traded_at=row.traded_at,
        )
        for row in rows
    }


def load_signatures(
    connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]
) -> list[Signature]:
    """Return what tapes are known by: two with the same signature have the same closes."""
    rows: Sequence[Row[Any]] = _SIGNATURES.rows(
        connection, venue=shelf.venue, timeframe=shelf.interval, symbols=sorted(symbols)
    )
    return [_signature_of(row) for row in rows]


def _signature_of(row: Row[Any]) -> Signature:
    return Signature(Symbol(row.symbol), row.closed_at, row.digest, row.price, row.traded_at)


def save_tapes(connection: Connection, shelf: Shelf, tapes: Iterable[Tape]) -> None:
    rows = [
        {
            "venue": shelf.venue,
            "timeframe": shelf.interval,
            "symbol": one.symbol,
            "closed_at": one.closed_at,
            "closes": one.closes,
            "digest": fingerprint(one.closes),
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
