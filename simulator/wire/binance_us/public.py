"""What anybody may ask."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from simulator.engine.model import Listing
from simulator.engine.port import ExchangePort
from simulator.wire.binance_us.errors import VenueError
from simulator.wire.binance_us.house import DEFAULT_ROWS
from simulator.wire.binance_us.listings import chosen, required_listing, symbol_document
from simulator.wire.binance_us.market import (
    INTERVALS,
    average_price,
    book_ticker,
    day_ticker,
    depth_document,
    klines,
    price_ticker,
)
from simulator.wire.binance_us.office import Call
from simulator.wire.binance_us.parameters import milliseconds
from simulator.wire.binance_us.prints import aggregate_print, number_at, prints, trade_print

_AGGREGATE_SPAN = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)
_MAX_TRADE = 10**9
_MINI = (
    "symbol",
    "openPrice",
    "highPrice",
    "lowPrice",
    "lastPrice",
    "volume",
    "quoteVolume",
    "openTime",
    "closeTime",
    "firstId",
    "lastId",
    "count",
)
_MAX_DEPTH = 5_000
_DEFAULT_DEPTH = 100


def ping(_call: Call) -> Any:
    return {}


def server_time(call: Call) -> Any:
    return {"serverTime": milliseconds(call.exchange.now())}


def exchange_information(call: Call) -> Any:
    listings, _ = chosen(call.exchange, call.parameters)
    return {
        "timezone": "UTC",
        "serverTime": milliseconds(call.exchange.now()),
        "rateLimits": call.office.gate.documents(),
        "exchangeFilters": [],
        "symbols": [symbol_document(one, call.exchange.house) for one in listings],
        "permissions": ["SPOT"],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def depth(call: Call) -> Any:
    listing = required_listing(call.exchange, call.parameters)
    rows = min(call.parameters.integer("limit") or _DEFAULT_DEPTH, _MAX_DEPTH)
    return depth_document(call.exchange.depth(listing.symbol), rows)


def candles(call: Call) -> Any:
    parameters = call.parameters
    listing = required_listing(call.exchange, parameters)
    interval = parameters.required("interval")
    if interval not in INTERVALS:
        raise VenueError(-1120, "Invalid interval.")
    span = parameters.instant("startTime"), parameters.instant("endTime")
    return klines(call.exchange, listing, interval, span, parameters.rows())


def recent_trades(call: Call) -> Any:
    listing = required_listing(call.exchange, call.parameters)
    found = prints(call.exchange, listing, None, call.parameters.rows())
    return [trade_print(*one) for one in found]


def old_trades(call: Call) -> Any:
    listing = required_listing(call.exchange, call.parameters)
    first = call.parameters.integer("fromId")
    found = prints(call.exchange, listing, _sensible(first), call.parameters.rows())
    return [trade_print(*one) for one in found]


def aggregate_trades(call: Call) -> Any:
    parameters = call.parameters
    listing = required_listing(call.exchange, parameters)
    first = _sensible(parameters.integer("fromId"))
    start, end = parameters.instant("startTime"), parameters.instant("endTime")
    if start is not None and end is not None and end - start > _AGGREGATE_SPAN:
        raise VenueError(-1127, "More than 1 hours between startTime and endTime.")
    if start is not None:
        first = number_at(start)
    last = None if end is None else number_at(end + _MILLISECOND) - 1
    found = prints(call.exchange, listing, first, parameters.rows(), last)
    return [aggregate_print(*one) for one in found]


def _sensible(number: int | None) -> int | None:
    """A number beyond every trade asks for none."""
    return None if number is None else min(number, _MAX_TRADE)


def mean_price(call: Call) -> Any:
    return average_price(call.exchange, required_listing(call.exchange, call.parameters))


def _ticker(
    call: Call, document: Callable[[ExchangePort, Listing], dict[str, Any]]
) -> dict[str, Any] | list[dict[str, Any]]:
    listings, is_one = chosen(call.exchange, call.parameters)
    documents = [document(call.exchange, one) for one in listings]
    return documents[0] if is_one else documents


def prices(call: Call) -> Any:
    return _ticker(call, price_ticker)


def book_tops(call: Call) -> Any:
    return _ticker(call, book_ticker)


def day_figures(call: Call) -> Any:
    if call.parameters.text("type") == "MINI":
        return _ticker(call, _mini_figures)
    return _ticker(call, day_ticker)


def _mini_figures(exchange: ExchangePort, listing: Listing) -> dict[str, Any]:
    figures = day_ticker(exchange, listing)
    return {name: figures[name] for name in _MINI}


def depth_weight(limit: str | None) -> int:
    """Return what a book of so many levels costs."""
    is_number = limit is not None and re.fullmatch(r"[0-9]{1,9}", limit) is not None
    rows = int(limit) if limit is not None and is_number else _DEFAULT_DEPTH
    for most, weight in ((100, 1), (DEFAULT_ROWS, 5), (1_000, 10)):
        if rows <= most:
            return weight
    return 50
