"""An order in the venue's words, or why it is not sent.

What the venue would refuse for certain is refused here, with the field named, as far as its rules
are known.
"""

import re
from datetime import timedelta
from decimal import Decimal

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.errors import BadInput
from shared.domain.values import MONEY, to_text
from shared.domain.venue import NotSent, OrderRequest, TradingRules
from venues.binance_us.listing import venue_symbol

FINALITY = timedelta(seconds=30)
MATCHING_TIMEOUT = timedelta(seconds=10)  # what the venue itself waits for its engine (-1007)
_LONGEST_WINDOW = FINALITY - MATCHING_TIMEOUT

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
_ORDER_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
}
_TIMES_IN_FORCE = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}


def is_client_id(text: str) -> bool:
    """Tell whether the venue takes this id, and our signature covers it as it is sent."""
    return _CLIENT_ID.fullmatch(text) is not None


def is_order_id(text: str) -> bool:
    return _ORDER_ID.fullmatch(text) is not None


def parameters(request: OrderRequest, rules: TradingRules | None) -> dict[str, str] | NotSent:
    """Return the fields of the order, or why it must not leave."""
    problem = _shape(request) or _amounts(request) or (_breach(request, rules) if rules else "")
    if problem:
        return NotSent(reason=problem)
    try:
        fields = {"symbol": venue_symbol(request.symbol)}
    except BadInput as error:
        return NotSent(reason=error.detail)
    fields |= {
        "side": _SIDES[request.side],
        "type": "LIMIT_MAKER" if request.is_post_only else _TYPES[request.order_type],
        "quantity": to_text(request.quantity),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "FULL",
    }
    if request.limit_price is not None:
        fields["price"] = to_text(request.limit_price)
    if request.stop_price is not None:
        fields["stopPrice"] = to_text(request.stop_price)
    if request.order_type is not OrderType.MARKET and not request.is_post_only:
        fields["timeInForce"] = _TIMES_IN_FORCE[request.time_in_force]
    return fields


def _shape(request: OrderRequest) -> str:
    """Return what is wrong with the kind of order, or nothing."""
    is_market = request.order_type is OrderType.MARKET
    is_plain_limit = (
        request.order_type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTC
    )
    wrong = {
        "client_order_id: the venue takes 1 to 36 letters, digits, '-' and '_'": (
            not is_client_id(request.client_order_id)
        ),
        f"window: must be above zero and at most {_LONGEST_WINDOW.total_seconds():.0f} s": (
            not timedelta(0) < request.window <= _LONGEST_WINDOW
        ),
        "time_in_force: the venue ends no order at a given time": (
            request.time_in_force is TimeInForce.GTD or request.good_until is not None
        ),
        "is_post_only: only a limit order until canceled can be": (
            request.is_post_only and not is_plain_limit
        ),
        "limit_price: a market order has none, every other has one": (
            is_market is not (request.limit_price is None)
        ),
        "stop_price: a stop-limit order has one, no other has": (
            (request.order_type is OrderType.STOP_LIMIT) is not (request.stop_price is not None)
        ),
    }
    return next((problem for problem, is_so in wrong.items() if is_so), "")


def _amounts(request: OrderRequest) -> str:
    amounts = {
        "quantity": request.quantity,
        "limit_price": request.limit_price,
        "stop_price": request.stop_price,
    }
    for name, amount in amounts.items():
        if amount is not None and not (amount.is_finite() and amount > 0):
            return f"{name}: {amount} is not above zero"
    return ""


def _breach(request: OrderRequest, rules: TradingRules) -> str:
    """Return the first rule of the venue that the order breaks, or nothing."""
    if request.order_type not in rules.order_types:
        return f"order_type: {request.symbol} takes no {request.order_type} orders"
    return _multiples(request, rules) or _sizes(request, rules)


def _multiples(request: OrderRequest, rules: TradingRules) -> str:
    instrument = rules.instrument
    is_market = request.order_type is OrderType.MARKET
    steps = (
        ("limit_price", request.limit_price, instrument.tick_size),
        ("stop_price", request.stop_price, instrument.tick_size),
        ("quantity", request.quantity, instrument.lot_size),
        ("quantity", request.quantity, rules.market_lot_size if is_market else None),
    )
    for name, amount, step in steps:
        if amount is not None and step is not None and not _is_multiple(amount, step):
            return f"{name}: {to_text(amount)} is no multiple of {to_text(step)}"
    return ""


def _sizes(request: OrderRequest, rules: TradingRules) -> str:
    quantity = request.quantity
    if quantity < rules.min_quantity:
        return f"quantity: {to_text(quantity)} is below {to_text(rules.min_quantity)}"
    if rules.max_quantity is not None and quantity > rules.max_quantity:
        return f"quantity: {to_text(quantity)} is above {to_text(rules.max_quantity)}"
    if request.limit_price is None:
        return ""
    notional = quantity * request.limit_price
    if notional < rules.instrument.min_notional:
        return f"quantity: a notional of {to_text(notional)} is too small"
    if rules.max_notional is not None and notional > rules.max_notional:
        return f"quantity: a notional of {to_text(notional)} is too large"
    return ""


def _is_multiple(amount: Decimal, step: Decimal) -> bool:
    return MONEY.remainder(amount, step) == 0
