"""What the keys of an account may do: place, try and cancel orders, open its stream."""

from typing import Any

from simulator.engine.model import Listing, Refusal, SimulatedOrder, State
from simulator.engine.rules import review
from simulator.wire.binance_us.documents import canceled_document, placed_document, status_name
from simulator.wire.binance_us.errors import VenueError, mandatory, rejected, unknown_order
from simulator.wire.binance_us.listings import check_ceilings, required_listing, venue_symbol
from simulator.wire.binance_us.office import Call, ListenKey
from simulator.wire.binance_us.orders import read_client_id, read_detail, read_new_order
from simulator.wire.binance_us.private import find_order

_RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}


def place(call: Call) -> Any:
    office, listing = call.office, required_listing(call.exchange, call.parameters)
    asked = read_new_order(call.parameters, call.account, listing, office.new_id())
    check_ceilings(asked)
    order = call.exchange.submit(asked)
    office.keep(venue_symbol(listing), order)
    return placed_document(order, venue_symbol(listing), read_detail(call.parameters))


def try_out(call: Call) -> Any:
    """Look at everything but the account; nothing of the order exists."""
    exchange, listing = call.exchange, required_listing(call.exchange, call.parameters)
    asked = read_new_order(call.parameters, call.account, listing, call.office.new_id())
    check_ceilings(asked)
    depth = exchange.depth(listing.symbol)
    review(asked, listing, exchange.house, (depth.bids[0][0] + depth.asks[0][0]) / 2)
    return {}


def cancel(call: Call) -> Any:
    listing = required_listing(call.exchange, call.parameters)
    target = _target(call, listing)
    if target is None:
        raise unknown_order()
    _check_restriction(call, listing)
    return _cancel(call, listing, target)


def _target(call: Call, listing: Listing) -> SimulatedOrder | None:
    number = call.parameters.integer("orderId")
    label = call.parameters.text("origClientOrderId") if number is None else f"#{number}"
    known = call.office.placed.get((call.account, venue_symbol(listing), label or ""))
    return known or find_order(call, listing)


def _check_restriction(call: Call, listing: Listing) -> None:
    restriction = call.parameters.text("cancelRestrictions")
    if restriction is None:
        return
    if restriction not in _RESTRICTIONS:
        raise VenueError(-1145, "Invalid cancelRestrictions")
    order = find_order(call, listing)
    if order is not None and status_name(order) != _RESTRICTIONS[restriction]:
        raise VenueError(-2011, "Order was not canceled due to cancel restrictions.")


def _cancel(call: Call, listing: Listing, target: SimulatedOrder) -> dict[str, Any]:
    office, symbol = call.office, venue_symbol(listing)
    cancel_id = read_client_id(call.parameters, "newClientOrderId", office.new_id())
    office.cancel_ids[target.venue_order_id] = cancel_id
    order = call.exchange.cancel(call.account, target.venue_order_id)
    return canceled_document(order, symbol, cancel_id)


def cancel_all(call: Call) -> Any:
    """Cancel what is open at the engine, also what reads do not show yet."""
    listing = required_listing(call.exchange, call.parameters)
    canceled: list[dict[str, Any]] = []
    for one in _perhaps_open(call, listing):
        try:
            canceled.append(_cancel(call, listing, one))
        except Refusal:  # it ended before reads could show that
            continue
    if not canceled:
        raise unknown_order()
    return canceled


def _perhaps_open(call: Call, listing: Listing) -> list[SimulatedOrder]:
    readable = call.exchange.orders(call.account)
    seen = {one.venue_order_id for one in readable}
    placed = {one.venue_order_id: one for one in call.office.placed.values()}
    unseen = [one for name, one in placed.items() if name not in seen]
    return [
        one
        for one in (*readable, *unseen)
        if one.asked.account == call.account
        and one.asked.symbol == listing.symbol
        and one.state in (State.OPEN, State.PENDING)
    ]


def no_oco(call: Call) -> Any:
    required_listing(call.exchange, call.parameters)
    raise rejected("OCO orders are not supported for this symbol")


def no_cancel_replace(call: Call) -> Any:
    required_listing(call.exchange, call.parameters)
    raise rejected("Order cancel-replace is not supported for this symbol.")


def unknown_list(_call: Call) -> Any:
    raise VenueError(-2011, "Unknown order list sent.")


def open_stream(call: Call) -> Any:
    return {"listenKey": call.office.open_listen_key(call.account).name}


def prolong_stream(call: Call) -> Any:
    call.office.prolong(_listen_key(call))
    return {}


def close_stream(call: Call) -> Any:
    del call.office.listen_keys[_listen_key(call).name]
    return {}


def _listen_key(call: Call) -> ListenKey:
    name = call.parameters.text("listenKey")
    if name is None:
        raise mandatory("listenKey")
    key = call.office.listen_key(name)
    if key is None or key.account != call.account:
        raise VenueError(-1125, "This listenKey does not exist.")
    return key
