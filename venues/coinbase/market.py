"""Documents about the market to values: products, books, candles, the time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.candle import Candle
from shared.domain.clock import EPOCH
from shared.domain.enums import Interval, OrderType, TimeInForce
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.venue import TopOfBook, TradingRules
from venues.coinbase.parse import above_zero, filled_in, identifier, money, product
from venues.port import VenueName
from venues.reading import Document, Unreadable

_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
MOST_CANDLES = 350

GRANULARITIES = {
    Interval.M1: "ONE_MINUTE",
    Interval.M5: "FIVE_MINUTE",
    Interval.M15: "FIFTEEN_MINUTE",
    Interval.M30: "THIRTY_MINUTE",
    Interval.H1: "ONE_HOUR",
    Interval.H4: "FOUR_HOUR",
    Interval.D1: "ONE_DAY",
}
_TIME_IN_FORCES = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC, TimeInForce.GTD})


def server_time(document: Document) -> datetime:
    return document["epochMillis"].instant(_MILLISECOND)


def spot_rules(document: Document) -> list[TradingRules]:
    """Return the spot products; one that cannot be read is left out: it cannot be traded.

    Raises:
        Unreadable: not a list of products, or none of them can be read.
    """
    rules: list[TradingRules] = []
    unfit: Unreadable | None = None
    for listed in document["products"].items():
        try:
            if listed["product_type"].text() == "SPOT":
                rules.append(trading_rules(listed))
        except Unreadable as error:
            unfit = error
    if unfit is not None and not rules:
        raise unfit
    return rules


def trading_rules(listed: Document) -> TradingRules:
    symbol = product(listed["product_id"])
    base = identifier(listed["base_currency_id"])
    quote = identifier(listed["quote_currency_id"])
    if symbol != f"{base}-{quote}":
        listed.refuse("named after its currencies")
    is_limit_only = listed["limit_only"].boolean() or _flag(listed, "auction_mode")
    kinds = {OrderType.LIMIT, OrderType.STOP_LIMIT}
    return TradingRules(
        instrument=Instrument(
            symbol=symbol,
            venue=VenueName.COINBASE,
            base=base,
            quote=quote,
            tick_size=_tick_size(listed),
            lot_size=above_zero(listed["base_increment"]),
            min_notional=money(listed["quote_min_size"]),
        ),
        venue_symbol=symbol,
        min_quantity=money(listed["base_min_size"]),
        max_quantity=above_zero(listed["base_max_size"]),
        max_notional=above_zero(listed["quote_max_size"]),
        market_lot_size=None,
        is_trading=_is_trading(listed),
        is_limit_only=is_limit_only,
        is_post_only=listed["post_only"].boolean(),
        is_cancel_only=listed["cancel_only"].boolean(),
        order_types=frozenset(kinds if is_limit_only else kinds | {OrderType.MARKET}),
        time_in_forces=_TIME_IN_FORCES,
    )


def _tick_size(listed: Document) -> Decimal:
    return above_zero(listed["price_increment"])


def _is_trading(listed: Document) -> bool:
    status = filled_in(listed, "status")
    is_online = status is None or status.text() == "online"
    off = [listed[name].boolean() for name in ("is_disabled", "trading_disabled")]
    return is_online and not any(off) and not _flag(listed, "view_only")


def _flag(listed: Document, name: str) -> bool:
    flag = listed.maybe(name)
    return flag is not None and flag.boolean()


def top_of_book(document: Document, symbol: Symbol, at: datetime) -> TopOfBook:
    """Return the best prices; an empty side of the book is not a price."""
    book = document["pricebook"]
    bid, bid_quantity = _best(book["bids"])
    ask, ask_quantity = _best(book["asks"])
    if bid >= ask:
        book.refuse("a book whose bid is below its ask")
    return TopOfBook(
        symbol=symbol,
        bid=bid,
        bid_quantity=bid_quantity,
        ask=ask,
        ask_quantity=ask_quantity,
        at=at,
    )


def _best(levels: Document) -> tuple[Decimal, Decimal]:
    items = list(levels.items())
    if not items:
        levels.refuse("a list with a price")
    return items[0]["price"].positive(), items[0]["size"].positive()


def candle_spans(
    interval: Interval, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the first and last opening of each request for candles in [start, end)."""
    first = EPOCH - (EPOCH - start) // interval.delta * interval.delta
    while first < end:
        last = min(first + (MOST_CANDLES - 1) * interval.delta, end)
        yield first, last
        first += MOST_CANDLES * interval.delta


def candle(document: Document, symbol: Symbol, interval: Interval) -> Candle:
    open_at = document["start"].instant(_SECOND)
    low, high = above_zero(document["low"]), above_zero(document["high"])
    opened, closed = above_zero(document["open"]), above_zero(document["close"])
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        document.refuse("a candle within its own low and high")
    return Candle(
        symbol=symbol,
        open_at=open_at,
        closed_at=open_at + interval.delta,
        open=opened,
        high=high,
        low=low,
        close=closed,
        volume=money(document["volume"]),
    )
