"""What everybody may ask: time, instruments, currencies, books, candles."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.values import ZERO, to_text
from simulator.engine.model import Depth, Listing
from simulator.wire.kucoin.asking import wanted, whole
from simulator.wire.kucoin.desk import Call, Desk
from simulator.wire.kucoin.documents import Document
from simulator.wire.kucoin.errors import bad_parameter, unknown_symbol
from simulator.wire.kucoin.market_documents import (
    candle_row,
    currency_document,
    levels,
    statistics,
    symbol_document,
)
from simulator.wire.kucoin.moments import from_seconds, milliseconds, seconds

_MARKETS = ("USDS", "BTC", "ALTS")
_MOST_CANDLES, _USUAL_CANDLES = 1500, 100
# KuCoin's length: what it is made of here, and how many of these make one
_LENGTHS = {
    "1min": (Interval.M1, 1),
    "3min": (Interval.M1, 3),
    "5min": (Interval.M5, 1),
    "15min": (Interval.M15, 1),
    "30min": (Interval.M30, 1),
    "1hour": (Interval.H1, 1),
    "2hour": (Interval.H1, 2),
    "4hour": (Interval.H4, 1),
    "6hour": (Interval.H1, 6),
    "8hour": (Interval.H4, 2),
    "12hour": (Interval.H4, 3),
    "1day": (Interval.D1, 1),
}


def time(desk: Desk, call: Call) -> int:
    del call
    return milliseconds(desk.exchange.now())


def status(desk: Desk, call: Call) -> Document:
    del desk, call
    return {"status": "open", "msg": ""}


def markets(desk: Desk, call: Call) -> list[str]:
    del desk, call
    return list(_MARKETS)


def symbols(desk: Desk, call: Call) -> list[Document]:
    market = call.query.get("market")
    if market not in (None, "", *_MARKETS):
        return []
    found = [symbol_document(one, desk.exchange.house) for one in _listings(desk)]
    return [one for one in found if market in (None, "", one["market"])]


def symbol(desk: Desk, call: Call) -> Document:
    return symbol_document(_listed(desk, call.places["symbol"]), desk.exchange.house)


def currencies(desk: Desk, call: Call) -> list[Document]:
    del call
    return [currency_document(name) for name in _assets(_listings(desk))]


def currency(desk: Desk, call: Call) -> Document:
    name = call.places["currency"]
    if name not in _assets(_listings(desk)):
        raise bad_parameter("currency not exists")
    return currency_document(name)


def no_cross_margin(desk: Desk, call: Call) -> Document:
    """Return that nothing is traded on margin here."""
    del call
    return {"timestamp": milliseconds(desk.exchange.now()), "items": []}


def no_isolated_margin(desk: Desk, call: Call) -> list[Document]:
    del desk, call
    return []


def ticker(desk: Desk, call: Call) -> Document:
    listing = _listed(desk, wanted(call.query, "symbol"))
    depth = desk.exchange.depth(listing.symbol)
    (bid, bid_size), (ask, ask_size) = best(depth)
    last = _last_price(desk, listing.symbol, bid)
    return {
        "time": milliseconds(depth.at),
        "sequence": str(milliseconds(depth.at)),
        "price": to_text(last),
        "size": to_text(bid_size),
        "bestBid": to_text(bid),
        "bestBidSize": to_text(bid_size),
        "bestAsk": to_text(ask),
        "bestAskSize": to_text(ask_size),
    }


def tickers(desk: Desk, call: Call) -> Document:
    del call
    return {
        "time": milliseconds(desk.exchange.now()),
        "ticker": [_statistics(desk, listing) | _names(listing) for listing in _listings(desk)],
    }


def day(desk: Desk, call: Call) -> Document:
    listing = _listed(desk, wanted(call.query, "symbol"))
    found = _statistics(desk, listing)
    del found["bestBidSize"], found["bestAskSize"]
    return {"time": milliseconds(desk.exchange.now()), "symbol": listing.symbol} | found


def book_of_20(desk: Desk, call: Call) -> Document:
    return _book(desk, call, 20)


def book_of_100(desk: Desk, call: Call) -> Document:
    return _book(desk, call, 100)


def whole_book(desk: Desk, call: Call) -> Document:
    return _book(desk, call, None)


def candles(desk: Desk, call: Call) -> list[list[str]]:
    """Return candles, newest first; the last may still be open."""
    listing = _listed(desk, wanted(call.query, "symbol"))
    length = _LENGTHS.get(wanted(call.query, "type"))
    if length is None:
        raise bad_parameter("type not in the given range!")
    interval, count = length
    step = interval.seconds * count
    start, end = _span(desk, call, step)
    found = desk.exchange.candles(listing.symbol, interval, start, end)
    grouped = groupby(found, key=lambda one: seconds(one.open_at) // step)
    rows = [candle_row(list(group)) for _, group in grouped]
    return rows[::-1][:_MOST_CANDLES]


def best(depth: Depth) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    """Return the best bid and ask as (price, quantity); 0 where a side is empty."""
    nothing = (ZERO, ZERO)
    bid = depth.bids[0] if depth.bids else nothing
    return bid, depth.asks[0] if depth.asks else nothing


def _span(desk: Desk, call: Call, step: int) -> tuple[datetime, datetime]:
    start, end = whole(call.query, "startAt"), whole(call.query, "endAt")
    until = seconds(desk.exchange.now()) + 1
    if end:
        until = min(end, until)
    most = _MOST_CANDLES if start else _USUAL_CANDLES
    # whole candles: one made of several begins with its first
    since = max(start or 0, until - most * step)
    return from_seconds(-(-since // step) * step), from_seconds(until)


def _listings(desk: Desk) -> Sequence[Listing]:
    return tuple(desk.exchange.listings.values())


def _listed(desk: Desk, name: str) -> Listing:
    listing = desk.listing(name)
    if listing is None:
        raise unknown_symbol()
    return listing


def _assets(listings: Iterable[Listing]) -> list[str]:
    return sorted({name for listing in listings for name in (listing.base, listing.quote)})


def _book(desk: Desk, call: Call, most: int | None) -> dict[str, Any]:
    listing = _listed(desk, wanted(call.query, "symbol"))
    depth = desk.exchange.depth(listing.symbol)
    return {
        "time": milliseconds(depth.at),
        "sequence": str(milliseconds(depth.at)),
        "bids": levels(depth.bids, most),
        "asks": levels(depth.asks, most),
    }


def _last_price(desk: Desk, name: Symbol, otherwise: Decimal) -> Decimal:
    now = desk.exchange.now()
    found = desk.exchange.candles(name, Interval.M1, now - timedelta(minutes=5), now)
    return found[-1].close if found else otherwise


def _statistics(desk: Desk, listing: Listing) -> Document:
    now = desk.exchange.now()
    found: Sequence[Candle] = desk.exchange.candles(
        listing.symbol, Interval.H1, now - timedelta(hours=24), now
    )
    return statistics(found, best(desk.exchange.depth(listing.symbol)), desk.exchange.house)


def _names(listing: Listing) -> Document:
    return {"symbol": listing.symbol, "symbolName": listing.symbol}
