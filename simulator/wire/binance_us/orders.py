"""From the parameters of a new order to the order, or the error the venue has for them."""

import re
from collections.abc import Mapping

from shared.domain.enums import OrderType, Side, TimeInForce
from simulator.engine.model import Listing, NewOrder
from simulator.wire.binance_us.errors import (
    VenueError,
    illegal,
    mandatory,
    not_required,
    one_of_two,
    rejected,
)
from simulator.wire.binance_us.house import CLIENT_ID_PATTERN
from simulator.wire.binance_us.parameters import Parameters

NEW_ORDER_READS = frozenset(
    {
        "symbol",
        "side",
        "type",
        "timeInForce",
        "quantity",
        "quoteOrderQty",
        "price",
        "newClientOrderId",
        "strategyId",
        "strategyType",
        "stopPrice",
        "trailingDelta",
        "icebergQty",
        "newOrderRespType",
        "selfTradePreventionMode",
    }
)
_LIMIT_TERMS = ("timeInForce", "quantity", "price")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "LIMIT": _LIMIT_TERMS,
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS_LIMIT": (*_LIMIT_TERMS, "stopPrice"),
}
_USELESS: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("stopPrice", "quoteOrderQty"),
    "LIMIT_MAKER": ("timeInForce", "stopPrice", "quoteOrderQty"),
    "MARKET": ("timeInForce", "price", "stopPrice"),
    "STOP_LOSS_LIMIT": ("quoteOrderQty",),
}
_ABSENT: Mapping[str, str] = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}
_TYPES: Mapping[str, OrderType] = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
}
_SIDES: Mapping[str, Side] = {"BUY": Side.BUY, "SELL": Side.SELL}
_TIME_IN_FORCES: Mapping[str, TimeInForce] = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}


def read_client_id(parameters: Parameters, name: str, generated: str) -> str:
    value = parameters.values.get(name)
    if not value:
        return generated
    if not re.fullmatch(CLIENT_ID_PATTERN, value):
        raise illegal(name, CLIENT_ID_PATTERN)
    return value


def read_type(parameters: Parameters) -> str:
    name = parameters.required("type")
    if name in _ABSENT:
        raise rejected(_ABSENT[name])
    if name not in _TYPES:
        raise VenueError(-1116, "Invalid orderType.")
    return name


def read_detail(parameters: Parameters) -> str:
    """Return ACK, RESULT or FULL: market and limit orders are told in full by default."""
    asked = parameters.text("newOrderRespType")
    if asked is None:
        return "FULL" if parameters.values.get("type") in ("MARKET", "LIMIT") else "ACK"
    if asked not in ("ACK", "RESULT", "FULL"):
        raise VenueError(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    return asked


def _check_combination(parameters: Parameters, name: str) -> None:
    for needed in _NEEDED[name]:
        if parameters.text(needed) is None:
            raise mandatory(needed)
    for useless in _USELESS[name]:
        if parameters.text(useless) is not None:
            raise not_required(useless)
    if name == "MARKET":
        has_base, has_quote = (
            parameters.text(one) is not None for one in ("quantity", "quoteOrderQty")
        )
        if has_base and has_quote:
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        if not has_base and not has_quote:
            raise one_of_two("quantity", "quoteOrderQty")


def _check_extras(parameters: Parameters) -> None:
    if parameters.text("icebergQty") is not None:
        raise rejected("Iceberg orders are not supported for this symbol.")
    if parameters.text("trailingDelta") is not None:
        raise rejected("Trailing stop orders are not supported for this symbol.")
    if (parameters.text("selfTradePreventionMode") or "NONE") != "NONE":
        raise rejected("This symbol does not allow the specified self-trade prevention mode.")


def _side(parameters: Parameters) -> Side:
    side = _SIDES.get(parameters.required("side"))
    if side is None:
        raise VenueError(-1117, "Invalid side.")
    return side


def _time_in_force(parameters: Parameters, name: str) -> TimeInForce:
    text = parameters.text("timeInForce")
    if text is None:
        return TimeInForce.IOC if name == "MARKET" else TimeInForce.GTC
    value = _TIME_IN_FORCES.get(text)
    if value is None:
        raise VenueError(-1115, "Invalid timeInForce.")
    return value


def read_new_order(
    parameters: Parameters, account: str, listing: Listing, generated_id: str
) -> NewOrder:
    """Return the order that was asked for.

    Raises:
        VenueError: a parameter is missing, malformed, or not for this type of order.
    """
    side = _side(parameters)
    name = read_type(parameters)
    _check_combination(parameters, name)
    _check_extras(parameters)
    read_detail(parameters)
    return NewOrder(
        account=account,
        client_order_id=read_client_id(parameters, "newClientOrderId", generated_id),
        symbol=listing.symbol,
        side=side,
        order_type=_TYPES[name],
        time_in_force=_time_in_force(parameters, name),
        quantity=parameters.amount("quantity"),
        quote_quantity=parameters.amount("quoteOrderQty"),
        limit_price=parameters.amount("price"),
        stop_price=parameters.amount("stopPrice"),
        is_post_only=name == "LIMIT_MAKER",
    )
