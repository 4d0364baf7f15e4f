"""The answers to requests about orders and fills."""

from collections.abc import Sequence
from typing import Any, TypeVar

from shared.domain.ids import derive
from simulator.engine.model import Execution, Refusal, SimulatedOrder, State
from simulator.wire.coinbase.calls import Call
from simulator.wire.coinbase.configuration import direction_of, read
from simulator.wire.coinbase.documents import (
    fill_document,
    order_document,
    order_type,
    status,
    time_in_force,
)
from simulator.wire.coinbase.errors import error_response, invalid, no_such_order

T = TypeVar("T")

_MOST_CANCELS = 100
_PAGE = 100
_LONGEST_PAGE = 1000


def create(call: Call) -> Any:
    """Repeat what was asked even where an older order has its client id: that one's id is told."""
    exchange, body = call.exchange, call.body
    try:
        asked = read(body, call.account)
        order = exchange.submit(asked)
    except Refusal as refusal:
        return {
            "success": False,
            "error_response": error_response(refusal, _direction(call)),
            "order_configuration": body["order_configuration"],
        }
    return {
        "success": True,
        "success_response": {
            "order_id": order.venue_order_id,
            "product_id": asked.symbol,
            "side": asked.side.upper(),
            "client_order_id": asked.client_order_id,
            "attached_order_id": "",
        },
        "order_configuration": body["order_configuration"],
    }


def cancel(call: Call) -> Any:
    wanted: Any = call.body.get("order_ids")
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise invalid("order_ids are required")
    if not 0 < len(wanted) <= _MOST_CANCELS:
        raise invalid(f"between 1 and {_MOST_CANCELS} order_ids can be cancelled at once")
    return {"results": [_canceled(call, one) for one in wanted]}


def get_order(call: Call) -> Any:
    for order in call.exchange.orders(call.account):
        if order.venue_order_id == call.path["order_id"]:
            return {"order": order_document(order, call.exchange.house)}
    raise no_such_order()


def list_orders(call: Call) -> Any:
    statuses = call.all("order_status")
    if "OPEN" in statuses and len(statuses) > 1:
        raise invalid("cannot pair OPEN orders with other order statuses")
    found = [one for one in call.exchange.orders(call.account) if _is_wanted(one, call)]
    page, cursor = _page(call, found, [str(one.number) for one in found])
    return {
        "orders": [order_document(one, call.exchange.house) for one in page],
        "sequence": "0",
        "has_next": bool(cursor),
        "cursor": cursor,
    }


def list_fills(call: Call) -> Any:
    in_quote = {
        one.venue_order_id
        for one in call.exchange.orders(call.account)
        if one.asked.quote_quantity is not None
    }
    found = [one for one in call.exchange.executions(call.account) if _is_wanted_fill(one, call)]
    page, cursor = _page(call, found, [_entry(one) for one in found])
    return {
        "fills": [fill_document(one, is_in_quote=one.venue_order_id in in_quote) for one in page],
        "cursor": cursor,
    }


def _direction(call: Call) -> str:
    return direction_of(call.body["order_configuration"])


def _canceled(call: Call, venue_order_id: str) -> dict[str, Any]:
    reason = "UNKNOWN_CANCEL_FAILURE_REASON"
    try:
        call.exchange.cancel(call.account, venue_order_id)
    except Refusal:
        reason = _no_cancel(call, venue_order_id)
    is_canceled = reason == "UNKNOWN_CANCEL_FAILURE_REASON"
    return {"success": is_canceled, "failure_reason": reason, "order_id": venue_order_id}


def _no_cancel(call: Call, venue_order_id: str) -> str:
    for order in call.exchange.orders(call.account):
        if order.venue_order_id == venue_order_id:
            is_filled = order.state is State.FILLED
            return "ORDER_IS_FULLY_FILLED" if is_filled else "DUPLICATE_CANCEL_REQUEST"
    return "UNKNOWN_CANCEL_ORDER"


def _is_wanted(order: SimulatedOrder, call: Call) -> bool:
    """A product asked for in the singular is not read, as the venue does not read it either."""
    said = {
        "order_ids": order.venue_order_id,
        "product_ids": str(order.asked.symbol),
        "order_status": status(order),
        "order_types": order_type(order.asked),
        "order_side": order.asked.side.upper(),
        "time_in_forces": time_in_force(order.asked),
        "product_type": "SPOT",
    }
    begin, end = call.time("start_date"), call.time("end_date")
    return (
        all(value in (call.all(name) or {value}) for name, value in said.items())
        and (begin is None or order.accepted_at >= begin)
        and (end is None or order.accepted_at < end)
    )


def _is_wanted_fill(execution: Execution, call: Call) -> bool:
    said = {
        "order_ids": execution.venue_order_id,
        "trade_ids": execution.trade_id,
        "product_ids": str(execution.symbol),
    }
    begin, end = call.time("start_sequence_timestamp"), call.time("end_sequence_timestamp")
    return (
        all(value in (call.all(name) or {value}) for name, value in said.items())
        and (begin is None or execution.at >= begin)
        and (end is None or execution.at <= end)
    )


def _entry(execution: Execution) -> str:
    return derive("coinbase.entry", execution.venue_order_id, execution.trade_id)


def _page(call: Call, found: Sequence[T], marks: Sequence[str]) -> tuple[Sequence[T], str]:
    """Return what follows the cursor, newest first, and the cursor of the rest, if any is left.

    A cursor is the mark of the last one told: what happens between two pages moves none.
    """
    after, limit = call.one("cursor"), call.count("limit", _PAGE, _LONGEST_PAGE)
    if after and after not in marks:
        raise invalid("cursor is invalid")
    begin = marks.index(after) + 1 if after else 0
    end = begin + limit
    return found[begin:end], marks[end - 1] if end < len(found) else ""
