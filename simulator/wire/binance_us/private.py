"""What the keys of an account may ask about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.domain.values import ZERO
from simulator.engine.model import Execution, Funds, Listing, SimulatedOrder, State
from simulator.wire.binance_us.documents import (
    account_document,
    fee_documents,
    order_document,
    trade_document,
)
from simulator.wire.binance_us.errors import VenueError, one_of_two
from simulator.wire.binance_us.house import ARCHIVE_DAYS
from simulator.wire.binance_us.listings import find, required_listing, venue_symbol
from simulator.wire.binance_us.office import Call
from simulator.wire.binance_us.parameters import milliseconds

_Row = TypeVar("_Row", SimulatedOrder, Execution)


def account(call: Call) -> Any:
    listings = call.exchange.listings.values()
    nothing = Funds(available=ZERO, held=ZERO)
    assets = {asset: nothing for one in listings for asset in (one.base, one.quote)}
    funds: Mapping[str, Funds] = {**assets, **call.exchange.funds(call.account)}
    rights = call.owner.may_trade, call.owner.may_withdraw
    updated = milliseconds(call.exchange.now())
    return account_document(call.exchange.house, funds, rights, updated)


def trading_fees(call: Call) -> Any:
    name = call.parameters.text("symbol")
    listings = list(call.exchange.listings.values())
    chosen = listings if name is None else [find(call.exchange, name)]
    return fee_documents(chosen, call.exchange.house)


def order_limits(call: Call) -> Any:
    return call.office.gate.documents(call.account, call.exchange.now())


def no_lists(_call: Call) -> Any:
    return []


def unknown_list(_call: Call) -> Any:
    raise VenueError(-2018, "Order list does not exist.")


def find_order(call: Call, listing: Listing) -> SimulatedOrder | None:
    """Return the newest order of the account with this number or client id, as reads show it."""
    number = call.parameters.integer("orderId")
    client_id = call.parameters.text("origClientOrderId")
    if number is None and client_id is None:
        raise one_of_two("origClientOrderId", "orderId")
    for one in call.exchange.orders(call.account):
        if one.asked.symbol != listing.symbol:
            continue
        is_it = one.asked.client_order_id == client_id if number is None else one.number == number
        if is_it:
            return one
    return None


def query_order(call: Call) -> Any:
    listing = required_listing(call.exchange, call.parameters)
    order = find_order(call, listing)
    if order is None:
        raise VenueError(-2013, "Order does not exist.")
    oldest = call.exchange.now() - timedelta(days=ARCHIVE_DAYS)
    if order.state.is_over and not order.executions and order.updated_at < oldest:
        raise VenueError(
            -2026,
            "Order was canceled or expired with no executed qty over 90 days ago "
            "and has been archived.",
        )
    return order_document(order, venue_symbol(listing))


def open_orders(call: Call) -> Any:
    name = call.parameters.text("symbol")
    listings = call.exchange.listings
    wanted = {find(call.exchange, name).symbol} if name is not None else set(listings)
    return [
        order_document(one, venue_symbol(listings[one.asked.symbol]))
        for one in reversed(call.exchange.orders(call.account))
        if one.asked.symbol in wanted and one.state in (State.OPEN, State.PENDING)
    ]


def all_orders(call: Call) -> Any:
    listing = required_listing(call.exchange, call.parameters)
    first = call.parameters.integer("orderId")
    rows = [
        one
        for one in reversed(call.exchange.orders(call.account))
        if one.asked.symbol == listing.symbol
        and (first is None or one.number >= first)
        and _is_between(call, one.accepted_at)
    ]
    chosen = _page(call, rows, is_from_start=first is not None)
    return [order_document(one, venue_symbol(listing)) for one in chosen]


def my_trades(call: Call) -> Any:
    """An execution is told once the order it belongs to can be read."""
    listing = required_listing(call.exchange, call.parameters)
    numbers = {one.venue_order_id: one.number for one in call.exchange.orders(call.account)}
    first, order_number = (call.parameters.integer(name) for name in ("fromId", "orderId"))
    rows = [
        one
        for one in reversed(call.exchange.executions(call.account))
        if one.symbol == listing.symbol
        and one.venue_order_id in numbers
        and (first is None or int(one.trade_id) >= first)
        and (order_number is None or numbers[one.venue_order_id] == order_number)
        and _is_between(call, one.at)
    ]
    chosen = _page(call, rows, is_from_start=first is not None)
    symbol = venue_symbol(listing)
    return [trade_document(one, symbol, numbers[one.venue_order_id]) for one in chosen]


def _is_between(call: Call, at: datetime) -> bool:
    start, end = (call.parameters.integer(name) for name in ("startTime", "endTime"))
    instant = milliseconds(at)
    return (start is None or start <= instant) and (end is None or instant <= end)


def _page(call: Call, rows: Sequence[_Row], *, is_from_start: bool) -> Sequence[_Row]:
    """Return the oldest rows where a start is given, otherwise the newest; both oldest first."""
    limit = call.parameters.rows()
    is_oldest = is_from_start or call.parameters.text("startTime") is not None
    return rows[:limit] if is_oldest else rows[-limit:]
