"""The account's past orders and executions, all pages of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.ids import ClientOrderId, Symbol, VenueOrderId
from shared.domain.venue import OrderReport, VenueFill
from venues.binance_us import parse
from venues.binance_us.asking import Asker, each
from venues.binance_us.client import milliseconds
from venues.binance_us.listing import venue_symbol
from venues.binance_us.paging import PAGE, entries


def orders_since(asker: Asker, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
    name = venue_symbol(symbol)

    def page(start: int, end: int | None) -> Sequence[OrderReport]:
        reply = asker.signed(
            10, asker.client.get_all_orders, symbol=name, limit=PAGE, startTime=start, endTime=end
        )
        return each(reply, lambda one: parse.order(one, symbol, name))

    return entries(page, milliseconds(since), milliseconds(asker.client.now()))


def fills_since(asker: Asker, symbol: Symbol, since: datetime) -> Sequence[VenueFill]:
    name = venue_symbol(symbol)

    def page(start: int, end: int | None) -> Sequence[VenueFill]:
        reply = asker.signed(
            10, asker.client.get_my_trades, symbol=name, limit=PAGE, startTime=start, endTime=end
        )
        return each(reply, lambda one: parse.fill(one, symbol, name))

    return entries(page, milliseconds(since), milliseconds(asker.client.now()))


def fills_of(
    asker: Asker, symbol: Symbol, order_id: VenueOrderId, ours: ClientOrderId
) -> Sequence[VenueFill]:
    """Return the executions of one order; `fromId` makes their order certain: oldest first."""
    name = venue_symbol(symbol)

    def read(document: parse.Document) -> VenueFill:
        parse.expect_id(document["orderId"], order_id)
        return replace(parse.fill(document, symbol, name), client_order_id=ours)

    found: list[VenueFill] = []
    following = 0
    while True:
        reply = asker.signed(
            10,
            asker.client.get_my_trades,
            symbol=name,
            orderId=order_id,
            fromId=following,
            limit=PAGE,
        )
        page = each(reply, read)
        found += page
        newest = max((int(one.trade_id) for one in page), default=-1)
        if len(page) < PAGE or newest < following:
            return found
        following = newest + 1
