"""Placing and canceling orders, and the dead-man switch."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

from shared.domain.ids import Symbol, derive
from simulator.engine.model import NewOrder, Refusal, Rejection, SimulatedOrder
from simulator.wire.kucoin.asking import read_note, read_order, wanted
from simulator.wire.kucoin.desk import Call, Desk, Switch
from simulator.wire.kucoin.documents import (
    Document,
    acknowledgement,
    client_id_of,
    sizes,
    synchronous_acknowledgement,
)
from simulator.wire.kucoin.errors import Complaint, bad_parameter, in_kucoins_words
from simulator.wire.kucoin.moments import seconds

_MOST_AT_ONCE = 20
_SHORTEST_SWITCH, _LONGEST_SWITCH = 5, 86_400


def place(desk: Desk, call: Call) -> Document:
    return acknowledgement(_submit(desk, call, call.body))


def place_and_wait(desk: Desk, call: Call) -> Document:
    return synchronous_acknowledgement(_submit(desk, call, call.body))


def place_test(desk: Desk, call: Call) -> Document:
    """Read an order as if it were placed; what only the book and the account know is not asked."""
    order = read_order(desk, call, call.body)
    read_note(call.body)
    order_id = derive("kucoin.test", call.account, str(desk.number())).replace("-", "")[:24]
    return {"orderId": order_id, "clientOid": call.body.get("clientOid") or order.client_order_id}


def place_many(desk: Desk, call: Call) -> list[Document]:
    return _place_each(desk, call, acknowledgement)


def place_many_and_wait(desk: Desk, call: Call) -> list[Document]:
    return _place_each(desk, call, synchronous_acknowledgement)


def cancel(desk: Desk, call: Call) -> Document:
    return {"orderId": _cancel(desk, call, call.places["order_id"]).venue_order_id}


def cancel_and_wait(desk: Desk, call: Call) -> Document:
    order = _cancel(desk, call, call.places["order_id"])
    return {"orderId": order.venue_order_id} | sizes(order)


def cancel_by_client_id(desk: Desk, call: Call) -> Document:
    return {"clientOid": client_id_of(_cancel_by_client_id(desk, call))}


def cancel_by_client_id_and_wait(desk: Desk, call: Call) -> Document:
    order = _cancel_by_client_id(desk, call)
    return {"clientOid": client_id_of(order)} | sizes(order)


def cancel_on_symbol(desk: Desk, call: Call) -> str:
    symbol = wanted(call.query, "symbol")
    _cancel_open(desk, call, lambda order: order.asked.symbol == symbol)
    return "success"


def cancel_all(desk: Desk, call: Call) -> Document:
    symbols = _cancel_open(desk, call, lambda _: True)
    return {"succeedSymbols": symbols, "failedSymbols": []}


def arm_switch(desk: Desk, call: Call) -> Document:
    """Arm the dead-man switch, or disarm it with a timeout of -1."""
    timeout = _timeout(call.body)
    symbols = tuple(Symbol(name) for name in str(call.body.get("symbols") or "").split(",") if name)
    now = desk.exchange.now()
    if timeout is None:
        desk.exchange.arm_dead_man(call.account, 0, ())
        desk.switches.pop(call.account, None)
        return {"currentTime": seconds(now), "triggerTime": 0}
    desk.exchange.arm_dead_man(call.account, timeout, symbols)
    switch = Switch(
        timeout_seconds=timeout, symbols=symbols, triggers_at=now + timedelta(seconds=timeout)
    )
    desk.switches[call.account] = switch
    return {"currentTime": seconds(now), "triggerTime": seconds(switch.triggers_at)}


def switch(desk: Desk, call: Call) -> Document | None:
    armed, now = desk.switches.get(call.account), desk.exchange.now()
    if armed is None or armed.triggers_at < now:
        return None
    return {
        "timeout": armed.timeout_seconds,
        "symbols": ",".join(armed.symbols),
        "currentTime": seconds(now),
        "triggerTime": seconds(armed.triggers_at),
    }


def _submit(desk: Desk, call: Call, body: Mapping[str, Any]) -> SimulatedOrder:
    note, asked = read_note(body), read_order(desk, call, body)
    try:
        order = desk.exchange.submit(asked)
    except Refusal as refusal:
        raise _complaint(desk, asked, refusal) from refusal
    desk.remember(order, note)
    return order


def _complaint(desk: Desk, asked: NewOrder, refusal: Refusal) -> Complaint:
    return in_kucoins_words(refusal, desk.listing(asked.symbol))


def _place_each(
    desk: Desk, call: Call, document: Callable[[SimulatedOrder], Document]
) -> list[Document]:
    given = call.body.get("orderList")
    if not isinstance(given, list) or not given:
        raise bad_parameter("orderList can not be empty")
    bodies = cast("list[Any]", given)
    if len(bodies) > _MOST_AT_ONCE or not all(isinstance(body, dict) for body in bodies):
        raise bad_parameter("orderList not in the given range!")
    answers: list[Document] = []
    for body in bodies:
        try:
            answers.append(document(_submit(desk, call, body)) | {"success": True})
        except Complaint as complaint:
            answers.append({"success": False, "failMsg": complaint.message})
    return answers


def _cancel(desk: Desk, call: Call, venue_order_id: str | None) -> SimulatedOrder:
    symbol = wanted(call.query, "symbol")
    unknown = in_kucoins_words(Refusal(Rejection.UNKNOWN_ORDER))
    if venue_order_id is None or not desk.is_at(call.account, venue_order_id, symbol):
        raise unknown
    try:
        return desk.exchange.cancel(call.account, venue_order_id)
    except Refusal as refusal:
        raise unknown from refusal


def _cancel_by_client_id(desk: Desk, call: Call) -> SimulatedOrder:
    symbol = wanted(call.query, "symbol")
    return _cancel(desk, call, desk.newest(call.account, call.places["client_id"], symbol))


def _cancel_open(
    desk: Desk, call: Call, is_meant: Callable[[SimulatedOrder], bool]
) -> list[Symbol]:
    """Cancel what is open and meant; return the symbols this was done on."""
    symbols: set[Symbol] = set()
    for order in desk.exchange.orders(call.account):
        if order.state.is_over or not is_meant(order):
            continue
        try:
            desk.exchange.cancel(call.account, order.venue_order_id)
        except Refusal:
            continue  # it ended in between
        symbols.add(order.asked.symbol)
    return sorted(symbols)


def _timeout(body: Mapping[str, Any]) -> int | None:
    """Return seconds; None: disarm."""
    try:
        timeout = int(str(body.get("timeout")))
    except ValueError as error:
        raise bad_parameter("timeout not in the given range!") from error
    if timeout == -1:
        return None
    if not _SHORTEST_SWITCH <= timeout <= _LONGEST_SWITCH:
        raise bad_parameter("timeout not in the given range!")
    return timeout
