"""The answers to requests about the market: time, products, books and candles."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.values import to_text
from simulator.engine.model import Listing
from simulator.wire.coinbase.calls import Call
from simulator.wire.coinbase.candles import joined
from simulator.wire.coinbase.errors import invalid, no_such_product
from simulator.wire.coinbase.market_documents import (
    book_document,
    candle_document,
    product_document,
    spread_document,
)

_LEVELS = 50
_MOST_LEVELS = 1000
_MOST_CANDLES = 350
_TOO_LONG = (
    "start and end argument is invalid - "
    f"number of candles requested should be less than {_MOST_CANDLES}"
)
# granularity: interval of the engine, and how many of them
_GRANULARITIES: dict[str, tuple[Interval, int]] = {
    "ONE_MINUTE": (Interval.M1, 1),
    "FIVE_MINUTE": (Interval.M5, 1),
    "FIFTEEN_MINUTE": (Interval.M15, 1),
    "THIRTY_MINUTE": (Interval.M30, 1),
    "ONE_HOUR": (Interval.H1, 1),
    "TWO_HOUR": (Interval.H1, 2),
    "FOUR_HOUR": (Interval.H4, 1),
    "SIX_HOUR": (Interval.H1, 6),
    "ONE_DAY": (Interval.D1, 1),
}


def time(call: Call) -> Any:
    now = call.exchange.now()
    milliseconds = (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return {
        "iso": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "epochSeconds": str(milliseconds // 1000),
        "epochMillis": str(milliseconds),
    }


def list_products(call: Call) -> Any:
    """Only spot is traded here: of futures there are none."""
    is_spot = call.one("product_type") in ("", "SPOT", "UNKNOWN_PRODUCT_TYPE")
    wanted = call.all("product_ids")
    found = [
        listing
        for symbol, listing in sorted(call.exchange.listings.items())
        if is_spot and (not wanted or symbol in wanted)
    ]
    begin = call.count("offset", 0, len(found))
    page = found[begin : begin + call.count("limit", len(found) or 1, len(found) or 1)]
    return {
        "products": [product_document(one, call.exchange.depth(one.symbol)) for one in page],
        "num_products": len(found),
    }


def get_product(call: Call) -> Any:
    listing = _listing(call, call.path["product_id"])
    return product_document(listing, call.exchange.depth(listing.symbol))


def product_book(call: Call) -> Any:
    listing = _listing(call, call.one("product_id"))
    depth = call.exchange.depth(listing.symbol)
    levels = call.count("limit", _LEVELS, _MOST_LEVELS)
    return {
        "pricebook": book_document(listing.symbol, depth, levels),
        **spread_document(depth),
    }


def best_bid_ask(call: Call) -> Any:
    wanted = call.query.get("product_ids", ())
    listings = [_listing(call, one) for one in wanted or sorted(call.exchange.listings)]
    books = [book_document(one.symbol, call.exchange.depth(one.symbol), 1) for one in listings]
    return {"pricebooks": books}


def market_trades(call: Call) -> Any:
    """The tape of others' trades is not simulated: it is told as empty, beside the best prices."""
    listing = _listing(call, call.path["product_id"])
    depth = call.exchange.depth(listing.symbol)
    return {
        "trades": [],
        "best_bid": to_text(depth.bids[0][0]) if depth.bids else "",
        "best_ask": to_text(depth.asks[0][0]) if depth.asks else "",
    }


def candles(call: Call) -> Any:
    """Newest first, both ends included, as the venue answers; a period without a trade is missing.

    It refuses a range by its length alone, however few candles there are in it.
    """
    listing = _listing(call, call.path["product_id"])
    if call.one("granularity") not in _GRANULARITIES:
        raise invalid("granularity is invalid")
    interval, parts = _GRANULARITIES[call.one("granularity")]
    begin, end = _second(call, "start"), _second(call, "end")
    whole = interval.seconds * parts
    if begin > end:
        raise invalid("start must be before end")
    if end - begin >= whole * _MOST_CANDLES:
        raise invalid(_TOO_LONG)
    begin -= begin % -whole  # a candle belongs to a range in which it opens
    found = call.exchange.candles(listing.symbol, interval, _at(begin), _at(end + 1))
    traded = joined([one for one in found if not one.is_filled], whole)
    traded.reverse()
    limit = call.count("limit", _MOST_CANDLES, _MOST_CANDLES)
    return {"candles": [candle_document(one) for one in traded[:limit]]}


def _listing(call: Call, product_id: str) -> Listing:
    listing = call.exchange.listings.get(Symbol(product_id))
    if listing is None:
        raise no_such_product() if product_id else invalid("product_id is required")
    return listing


def _second(call: Call, name: str) -> int:
    text = call.one(name)
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise invalid(f"{name} is invalid")
    return int(text)


def _at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
