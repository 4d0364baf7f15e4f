"""What an exchange refuses before an order can exist: pure decisions on one order."""

from decimal import Decimal

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.values import ZERO
from simulator.engine.model import House, Listing, NewOrder, Refusal, Rejection

_ONE = Decimal(1)


def review(order: NewOrder, listing: Listing, house: House, price: Decimal) -> None:
    """Look at everything that needs no account; `price` is the middle of the book.

    Raises:
        Refusal: with the first rule that is broken.
    """
    if not listing.is_trading:
        raise Refusal(Rejection.MARKET_CLOSED, f"{listing.symbol} is not trading")
    _supported(order, house)
    for limit in (order.limit_price, order.stop_price):
        if limit is not None:
            _price(limit, listing, house, price)
    reference = order.limit_price or price
    if order.quantity is not None:
        _quantity(order.quantity, listing)
        _notional(order.quantity * reference, listing)
    elif order.quote_quantity is not None:
        _notional(order.quote_quantity, listing)


def _supported(order: NewOrder, house: House) -> None:
    is_market = order.order_type is OrderType.MARKET
    wrong = {
        "order type": order.order_type not in house.order_types,
        "time in force": not is_market and order.time_in_force not in house.time_in_forces,
        "quantity": (order.quantity is None) == (order.quote_quantity is None),
        "quote quantity": order.quote_quantity is not None and not is_market,
        "limit price": is_market != (order.limit_price is None),
        "stop price": (order.order_type is OrderType.STOP_LIMIT) != (order.stop_price is not None),
        "end time": (order.time_in_force is TimeInForce.GTD) != (order.good_until is not None),
        "post-only": order.is_post_only
        and (
            order.order_type is not OrderType.LIMIT
            or order.time_in_force not in (TimeInForce.GTC, TimeInForce.GTD)
        ),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise Refusal(Rejection.UNSUPPORTED, f"{what} does not fit this order")


def _price(limit: Decimal, listing: Listing, house: House, price: Decimal) -> None:
    if limit <= 0 or limit % listing.tick_size:
        raise Refusal(Rejection.PRICE_INCREMENT, f"price {limit}, tick {listing.tick_size}")
    if abs(limit / price - _ONE) > house.price_band_ratio:
        raise Refusal(Rejection.PRICE_BAND, f"price {limit} is too far from {price}")


def _quantity(quantity: Decimal, listing: Listing) -> None:
    if quantity <= 0 or quantity < listing.min_quantity:
        raise Refusal(Rejection.MIN_QUANTITY, f"quantity {quantity}, least {listing.min_quantity}")
    if quantity > listing.max_quantity:
        raise Refusal(Rejection.MAX_QUANTITY, f"quantity {quantity}, most {listing.max_quantity}")
    if quantity % listing.lot_size:
        raise Refusal(Rejection.QUANTITY_INCREMENT, f"quantity {quantity}, lot {listing.lot_size}")


def _notional(notional: Decimal, listing: Listing) -> None:
    if notional < max(listing.min_notional, ZERO):
        raise Refusal(Rejection.MIN_NOTIONAL, f"notional {notional}, least {listing.min_notional}")


def would_trigger(order: NewOrder, price: Decimal) -> bool:
    """Say whether a stop has been reached: a buy's from below, a sell's from above."""
    if order.stop_price is None:
        return False
    return price >= order.stop_price if order.side is Side.BUY else price <= order.stop_price


def would_take(order: NewOrder, best_opposite: Decimal) -> bool:
    """Say whether a limit order would match at once against the best price of the other side."""
    if order.limit_price is None:
        return True
    if order.side is Side.BUY:
        return order.limit_price >= best_opposite
    return order.limit_price <= best_opposite
