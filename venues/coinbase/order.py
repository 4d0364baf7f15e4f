"""An order request to the document Coinbase takes, or the reason why it must not leave."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.errors import BadInput
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, exact, to_text
from shared.domain.venue import NotSent, OrderRequest, TradingRules

_SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
# a stop protects: what is held is sold below, what is owed is bought above
_STOP_DIRECTIONS = {Side.BUY: "STOP_DIRECTION_STOP_UP", Side.SELL: "STOP_DIRECTION_STOP_DOWN"}

_Configure = Callable[[OrderRequest], dict[str, Any]]


def instant_text(instant: datetime) -> str:
    """Return an aware instant as Coinbase writes and takes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def creation(request: OrderRequest, rules: TradingRules | None) -> dict[str, Any] | NotSent:
    """Return what to post; `rules` None: the venue's rules are not known here yet."""
    configure = _KINDS.get((request.order_type, request.time_in_force))
    if configure is None:
        return NotSent(
            reason=f"Coinbase has no {request.order_type} order with {request.time_in_force}"
        )
    problem = _problem(request) or (rules and _breach(request, rules))
    if problem:
        return NotSent(reason=problem)
    return {
        "client_order_id": request.client_order_id,
        "product_id": request.symbol,
        "side": _SIDES[request.side],
        "order_configuration": configure(request),
    }


def _problem(request: OrderRequest) -> str | None:
    """Return what makes the request impossible at any time, naming the field."""
    numbers = {
        "quantity": (request.quantity, True),
        "limit_price": (request.limit_price, request.order_type is not OrderType.MARKET),
        "stop_price": (request.stop_price, request.order_type is OrderType.STOP_LIMIT),
    }
    for name, (number, is_wanted) in numbers.items():
        if (number is not None) != is_wanted:
            return (
                f"{name}: a {request.order_type} order {'needs' if is_wanted else 'has no'} {name}"
            )
        if number is not None and not _is_sendable(number):
            return f"{name}: {number} is no positive amount of at most 18 decimals"
    if (request.good_until is not None) != (request.time_in_force is TimeInForce.GTD):
        return "good_until: it belongs to GTD orders, and only to them"
    if request.is_post_only and not _may_be_post_only(request):
        return "is_post_only: only a resting limit order (GTC, GTD) can be post-only"
    return _misnamed(request)


def _is_sendable(number: Decimal) -> bool:
    try:
        return number > 0 and exact(number) == number
    except (BadInput, ArithmeticError):
        return False


def _may_be_post_only(request: OrderRequest) -> bool:
    rests = request.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
    return rests and request.order_type is OrderType.LIMIT


def _misnamed(request: OrderRequest) -> str | None:
    try:
        split_symbol(request.symbol)
    except BadInput as error:
        return f"symbol: {error.problem}"
    if not request.client_order_id:
        return "client_order_id: an order without our own id could never be found again"
    return None


def _breach(request: OrderRequest, rules: TradingRules) -> str | None:
    """Return which of the venue's rules the request breaks: it was to be sized by them before."""
    instrument = rules.instrument
    prices = {"limit_price": request.limit_price, "stop_price": request.stop_price}
    for name, price in prices.items():
        if price is not None and MONEY.remainder(price, instrument.tick_size):
            return f"{name}: {price} is no multiple of the tick {instrument.tick_size}"
    if MONEY.remainder(request.quantity, instrument.lot_size):
        return f"quantity: {request.quantity} is no multiple of the lot {instrument.lot_size}"
    if request.quantity < rules.min_quantity:
        return f"quantity: {request.quantity} is below the venue's least, {rules.min_quantity}"
    if rules.max_quantity is not None and request.quantity > rules.max_quantity:
        return f"quantity: {request.quantity} is above the venue's most, {rules.max_quantity}"
    if request.order_type not in rules.order_types:
        return f"order_type: {request.symbol} takes no {request.order_type} orders now"
    return None


def _market(request: OrderRequest) -> dict[str, Any]:
    return {"market_market_ioc": {"base_size": to_text(request.quantity)}}


def _limit(kind: str, *, rests: bool = False) -> _Configure:
    def configure(request: OrderRequest) -> dict[str, Any]:
        details: dict[str, Any] = _sizes(request) | _end(request)
        if rests:
            details["post_only"] = request.is_post_only
        return {kind: details}

    return configure


def _stop_limit(kind: str) -> _Configure:
    def configure(request: OrderRequest) -> dict[str, Any]:
        assert request.stop_price is not None
        stop = {
            "stop_price": to_text(request.stop_price),
            "stop_direction": _STOP_DIRECTIONS[request.side],
        }
        return {kind: _sizes(request) | stop | _end(request)}

    return configure


def _sizes(request: OrderRequest) -> dict[str, str]:
    assert request.limit_price is not None
    return {"base_size": to_text(request.quantity), "limit_price": to_text(request.limit_price)}


def _end(request: OrderRequest) -> dict[str, str]:
    return {} if request.good_until is None else {"end_time": instant_text(request.good_until)}


_KINDS: Mapping[tuple[OrderType, TimeInForce], _Configure] = {
    (OrderType.MARKET, TimeInForce.IOC): _market,
    (OrderType.LIMIT, TimeInForce.IOC): _limit("sor_limit_ioc"),
    (OrderType.LIMIT, TimeInForce.FOK): _limit("limit_limit_fok"),
    (OrderType.LIMIT, TimeInForce.GTC): _limit("limit_limit_gtc", rests=True),
    (OrderType.LIMIT, TimeInForce.GTD): _limit("limit_limit_gtd", rests=True),
    (OrderType.STOP_LIMIT, TimeInForce.GTC): _stop_limit("stop_limit_stop_limit_gtc"),
    (OrderType.STOP_LIMIT, TimeInForce.GTD): _stop_limit("stop_limit_stop_limit_gtd"),
}
