"""The order configuration: one object whose name says type and time in force, read and written."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import Symbol
from shared.domain.values import to_text
from simulator.engine.model import NewOrder, Refusal, Rejection
from simulator.wire.coinbase.errors import invalid
from simulator.wire.coinbase.times import instant, stamp

_KINDS: Mapping[str, tuple[OrderType, TimeInForce]] = {
    "market_market_ioc": (OrderType.MARKET, TimeInForce.IOC),
    "market_market_fok": (OrderType.MARKET, TimeInForce.FOK),
    "sor_limit_ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "limit_limit_gtc": (OrderType.LIMIT, TimeInForce.GTC),
    "limit_limit_gtd": (OrderType.LIMIT, TimeInForce.GTD),
    "limit_limit_fok": (OrderType.LIMIT, TimeInForce.FOK),
    "stop_limit_stop_limit_gtc": (OrderType.STOP_LIMIT, TimeInForce.GTC),
    "stop_limit_stop_limit_gtd": (OrderType.STOP_LIMIT, TimeInForce.GTD),
}
_NAMES: Mapping[tuple[OrderType, TimeInForce], str] = {kind: name for name, kind in _KINDS.items()}
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
# a stop of a buyer waits for a rise, of a seller for a fall: the engine has no other
_DIRECTIONS = {Side.BUY: "STOP_DIRECTION_STOP_UP", Side.SELL: "STOP_DIRECTION_STOP_DOWN"}
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?")


def direction_of(configuration: Mapping[str, Any]) -> str:
    """Return the stop direction asked for, or nothing."""
    for inner in configuration.values():
        if isinstance(inner, dict):
            return str(inner.get("stop_direction", ""))
    return ""


def read(body: Mapping[str, Any], account: str) -> NewOrder:
    """Return the order that the body of a request asks for.

    Raises:
        VenueError: 400, the request is malformed.
        Refusal: the venue would answer `success: false`.
    """
    name, inner = _the_one(body.get("order_configuration"))
    if name not in _KINDS:
        raise Refusal(Rejection.UNSUPPORTED)
    order_type, time_in_force = _KINDS[name]
    side = _SIDES.get(_text(body, "side"))
    if side is None:
        raise invalid("side is invalid")
    quantity, quote_quantity = _sizes(inner, order_type, side)
    is_market = order_type is OrderType.MARKET
    return NewOrder(
        account=account,
        client_order_id=_text(body, "client_order_id"),
        symbol=Symbol(_text(body, "product_id")),
        side=side,
        order_type=order_type,
        time_in_force=time_in_force,
        quantity=quantity,
        quote_quantity=quote_quantity,
        limit_price=None if is_market else _number(inner, "limit_price"),
        stop_price=_stop(inner, side) if order_type is OrderType.STOP_LIMIT else None,
        good_until=_end(inner) if time_in_force is TimeInForce.GTD else None,
        is_post_only=inner.get("post_only") is True,
    )


def written(order: NewOrder) -> dict[str, Any]:
    """Return the configuration that would ask for this order.

    A size in quote includes the fees: what is traded for is less.
    """
    inner: dict[str, Any] = {}
    if order.quote_quantity is not None:
        inner["quote_size"] = to_text(order.quote_quantity)
    if order.quantity is not None:
        inner["base_size"] = to_text(order.quantity)
    if order.limit_price is not None:
        inner["limit_price"] = to_text(order.limit_price)
    if order.stop_price is not None:
        inner["stop_price"] = to_text(order.stop_price)
    if order.good_until is not None:
        inner["end_time"] = stamp(order.good_until)
    if order.order_type is OrderType.STOP_LIMIT:
        inner["stop_direction"] = _DIRECTIONS[order.side]
    elif order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD):
        inner["post_only"] = order.is_post_only
    return {_NAMES[order.order_type, order.time_in_force]: inner}


def _the_one(configuration: object) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(configuration, dict) or len(configuration) != 1:
        raise invalid("order_configuration must have exactly one configuration")
    ((name, inner),) = configuration.items()
    if not isinstance(inner, dict):
        raise invalid("order_configuration is invalid")
    return str(name), inner


def _sizes(
    inner: Mapping[str, Any], order_type: OrderType, side: Side
) -> tuple[Decimal | None, Decimal | None]:
    if order_type is not OrderType.MARKET:
        return _number(inner, "base_size"), None
    given = [name for name in ("base_size", "quote_size") if inner.get(name)]
    if len(given) != 1:
        details = "Market orders are placed with exactly one of base_size and quote_size"
        raise Refusal(
            Rejection.UNSUPPORTED,
            details if given else "Market orders cannot be placed with empty order sizes",
        )
    if given == ["base_size"]:
        return _number(inner, "base_size"), None
    if side is Side.SELL:
        raise Refusal(Rejection.UNSUPPORTED, "Market sells are placed with base_size")
    return None, _number(inner, "quote_size")


def _stop(inner: Mapping[str, Any], side: Side) -> Decimal:
    if inner.get("stop_direction") != _DIRECTIONS[side]:
        raise Refusal(Rejection.UNSUPPORTED, "stop_direction does not protect this side")
    return _number(inner, "stop_price")


def _end(inner: Mapping[str, Any]) -> datetime:
    end = instant(inner.get("end_time"))
    if end is None:
        raise invalid("end_time is invalid")
    return end.astimezone(UTC)


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} is required")
    return value


def _number(source: Mapping[str, Any], name: str) -> Decimal:
    """Only plain decimal text is a number here: neither JSON numbers nor exponents."""
    value = source.get(name)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value) or not Decimal(value):
        raise invalid(f"{name} is invalid")
    return Decimal(value)
