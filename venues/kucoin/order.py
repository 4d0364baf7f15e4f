"""An order as KuCoin wants to be asked for it, or the reason why it cannot be asked so."""

import re
from collections.abc import Mapping
from datetime import timedelta

from shared.domain.enums import OrderType, TimeInForce
from shared.domain.values import MONEY, to_text
from shared.domain.venue import OrderRequest, TradingRules
from venues.kucoin.client import millis

SYMBOL = re.compile(r"[A-Z0-9]{1,40}-[A-Z0-9]{1,40}", re.ASCII)
CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
ORDER_TYPES = frozenset({OrderType.LIMIT, OrderType.MARKET})
TIME_IN_FORCES = frozenset(TimeInForce)
LONGEST_WINDOW = timedelta(seconds=20)
_LONGEST_LIFE_SECONDS = 2_592_000  # the longest `cancelAfter`
_WORDS = {
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTC: "GTC",
    TimeInForce.GTD: "GTT",
}

Fields = Mapping[str, str | int | bool]


class Unfit(ValueError):
    """The order cannot be asked for; the text names the field and why."""


def fields(request: OrderRequest, rules: TradingRules | None) -> Fields:
    """Return the parameters of a new order beside symbol, side and id.

    `rules` None: they are not known here, and the venue checks alone.

    Raises:
        Unfit: KuCoin has no such order, or would refuse it.
    """
    _check_words(request)
    is_market = request.order_type is OrderType.MARKET
    asked = _market(request) if is_market else _limit(request)
    if rules is not None:
        _check_rules(request, rules)
    window = min(request.window, LONGEST_WINDOW)
    if window <= timedelta():
        raise Unfit("window: the venue could not accept the order at any time")
    return asked | {
        "size": to_text(request.quantity),
        "clientTimestamp": millis(request.signed_at),
        "allowMaxTimeWindow": window // timedelta(milliseconds=1),
    }


def _check_words(request: OrderRequest) -> None:
    if not SYMBOL.fullmatch(request.symbol):
        raise Unfit(f"symbol: '{request.symbol}' is none of this venue")
    if not CLIENT_ORDER_ID.fullmatch(request.client_order_id):
        raise Unfit("client_order_id: the venue takes 40 letters, digits, '-' and '_' at most")
    if request.order_type not in ORDER_TYPES or request.stop_price is not None:
        raise Unfit("order_type: stop orders are kept on our side, the venue withdraws its own")
    if not (request.quantity.is_finite() and request.quantity > 0):
        raise Unfit(f"quantity: {request.quantity} is nothing to trade")


def _market(request: OrderRequest) -> dict[str, str | int | bool]:
    if request.limit_price is not None:
        raise Unfit("limit_price: a market order has none")
    if request.is_post_only:
        raise Unfit("is_post_only: a market order never rests")
    if request.time_in_force not in (TimeInForce.IOC, TimeInForce.GTC):
        raise Unfit("time_in_force: the venue's market orders are immediate or cancel")
    return {}


def _limit(request: OrderRequest) -> dict[str, str | int | bool]:
    price = request.limit_price
    if price is None or not price.is_finite() or price <= 0:
        raise Unfit("limit_price: a limit order needs one above zero")
    asked: dict[str, str | int | bool] = {
        "price": to_text(price),
        "timeInForce": _WORDS[request.time_in_force],
    }
    if request.time_in_force is TimeInForce.GTD:
        asked["cancelAfter"] = _life_seconds(request)
    if request.is_post_only:
        if request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            raise Unfit("is_post_only: what never rests cannot be post-only")
        asked["postOnly"] = True
    return asked


def _life_seconds(request: OrderRequest) -> int:
    """Return whole seconds, rounded down: the venue counts them from when it accepts."""
    if request.good_until is None:
        raise Unfit("good_until: an order until an instant needs it")
    seconds = (request.good_until - request.signed_at) // timedelta(seconds=1)
    if not 1 <= seconds <= _LONGEST_LIFE_SECONDS:
        raise Unfit(f"good_until: the venue keeps orders for 1 s to 30 days, not {seconds} s")
    return seconds


def _check_rules(request: OrderRequest, rules: TradingRules) -> None:
    quantity, price = request.quantity, request.limit_price
    if MONEY.remainder(quantity, rules.instrument.lot_size):
        raise Unfit(f"quantity: {quantity} is no multiple of {rules.instrument.lot_size}")
    if quantity < rules.min_quantity:
        raise Unfit(f"quantity: {quantity} is below {rules.min_quantity}")
    if rules.max_quantity is not None and quantity > rules.max_quantity:
        raise Unfit(f"quantity: {quantity} is above {rules.max_quantity}")
    if price is None:
        return
    if MONEY.remainder(price, rules.instrument.tick_size):
        raise Unfit(f"limit_price: {price} is no multiple of {rules.instrument.tick_size}")
    if price * quantity < rules.instrument.min_notional:
        raise Unfit(f"notional: {price * quantity} is below {rules.instrument.min_notional}")
