"""Asking for orders and fills, one by one and in pages."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from shared.domain.enums import Liquidity
from simulator.engine.model import Execution, SimulatedOrder
from simulator.wire.kucoin.asking import wanted, whole
from simulator.wire.kucoin.desk import Call, Desk
from simulator.wire.kucoin.documents import (
    Document,
    client_id_of,
    fill_document,
    order_document,
    trade_number,
)
from simulator.wire.kucoin.errors import (
    bad_parameter,
    time_range_too_long,
    unknown_order,
    unknown_symbol,
)
from simulator.wire.kucoin.moments import from_milliseconds

_WEEK = timedelta(days=7)
_USUAL_PAGE, _LARGEST_PAGE = 20, 100
_Item = TypeVar("_Item")


def order(desk: Desk, call: Call) -> Document:
    sought = call.places["order_id"]
    return _single(desk, call, lambda one: one.venue_order_id == sought)


def order_by_client_id(desk: Desk, call: Call) -> Document:
    """Return the latest order with this id: once it has ended, an id may be used again."""
    sought = call.places["client_id"]
    return _single(desk, call, lambda one: client_id_of(one) == sought)


def active(desk: Desk, call: Call) -> list[Document]:
    return [_written(desk, one) for one in _orders(desk, call) if not one.state.is_over]


def active_page(desk: Desk, call: Call) -> Document:
    number, size = whole(call.query, "pageNum") or 1, whole(call.query, "pageSize") or 20
    if size > _LARGEST_PAGE:
        raise bad_parameter(f"pageSize should not greater than {_LARGEST_PAGE}")
    found = active(desk, call)
    return {
        "currentPage": number,
        "pageSize": size,
        "totalNum": len(found),
        "totalPage": -(-len(found) // size),
        "items": found[(number - 1) * size : number * size],
    }


def active_symbols(desk: Desk, call: Call) -> Document:
    orders = desk.exchange.orders(call.account)
    return {"symbols": sorted({one.asked.symbol for one in orders if not one.state.is_over})}


def done(desk: Desk, call: Call) -> Document:
    """Return ended orders, the last to end first; `lastId` leads to the next page."""
    start, end = _window(desk, call)
    found = [
        one
        for one in _orders(desk, call)
        if one.state.is_over
        and start <= one.updated_at <= end
        and _fits(call, "side", one.asked.side)
        and _fits(call, "type", one.asked.order_type)
    ]
    found.sort(key=lambda one: (one.updated_at, one.number), reverse=True)
    page, last = _page(call, found, lambda one: one.number)
    return {"lastId": last, "items": [_written(desk, one) for one in page]}


def fills(desk: Desk, call: Call) -> Document:
    start, end = _window(desk, call)
    orders = {one.venue_order_id: one for one in _orders(desk, call)}
    found = [
        fill
        for fill in desk.exchange.executions(call.account)
        if fill.venue_order_id in orders
        and start <= fill.at <= end
        and _fits(call, "orderId", fill.venue_order_id)
        and _fits(call, "side", fill.side)
        and _fits(call, "type", orders[fill.venue_order_id].asked.order_type)
    ]
    page, last = _page(call, found, lambda fill: trade_number(fill.trade_id))
    items = [_fill(desk, fill, orders[fill.venue_order_id]) for fill in page]
    return {"items": items, "lastId": last}


def _orders(desk: Desk, call: Call) -> list[SimulatedOrder]:
    """Return the account's orders on the symbol of the query, newest first."""
    symbol = wanted(call.query, "symbol")
    if desk.listing(symbol) is None:
        raise unknown_symbol()
    return [one for one in desk.exchange.orders(call.account) if one.asked.symbol == symbol]


def _single(desk: Desk, call: Call, is_sought: Callable[[SimulatedOrder], bool]) -> Document:
    for one in _orders(desk, call):
        if is_sought(one):
            return _written(desk, one)
    raise unknown_order()


def _written(desk: Desk, one: SimulatedOrder) -> Document:
    quote = desk.exchange.listings[one.asked.symbol].quote
    return order_document(one, desk.note(one.venue_order_id), quote)


def _fill(desk: Desk, fill: Execution, of: SimulatedOrder) -> Document:
    house = desk.exchange.house
    is_maker = fill.liquidity is Liquidity.MAKER
    ratio = house.maker_ratio if is_maker else house.taker_ratio
    return fill_document(fill, of.asked.order_type, ratio)


def _fits(call: Call, name: str, value: str) -> bool:
    return call.query.get(name) in (None, "", str(value))


def _window(desk: Desk, call: Call) -> tuple[datetime, datetime]:
    """Return from when to when: a week at most, the last one where nothing is said."""
    start, end = whole(call.query, "startAt"), whole(call.query, "endAt")
    if end is not None:
        until = from_milliseconds(end)
    elif start is not None:
        until = from_milliseconds(start) + _WEEK
    else:
        until = desk.exchange.now() + timedelta(seconds=1)
    since = until - _WEEK if start is None else from_milliseconds(start)
    if until - since > _WEEK:
        raise time_range_too_long()
    return since, until


def _page(
    call: Call, items: Sequence[_Item], number: Callable[[_Item], int]
) -> tuple[Sequence[_Item], int]:
    """Return what follows the item that ended the page before, and the number to go on from."""
    last, limit = whole(call.query, "lastId"), whole(call.query, "limit") or _USUAL_PAGE
    if limit > _LARGEST_PAGE:
        raise bad_parameter("limit not in the given range!")
    numbers = [number(item) for item in items]
    begin = numbers.index(last) + 1 if last in numbers else 0
    page = items[begin : begin + limit]
    return page, number(page[-1]) if page else 0
