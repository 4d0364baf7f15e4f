"""What an order would come to, without placing it."""

from decimal import Decimal
from typing import Any

from shared.domain.enums import Side
from shared.domain.ids import derive
from shared.domain.values import MONEY, plain, to_text
from simulator.engine.model import Depth, Funds, House, Listing, NewOrder, Refusal, Rejection
from simulator.wire.coinbase.calls import Call
from simulator.wire.coinbase.configuration import read
from simulator.wire.coinbase.errors import preview_reason

_NOTHING = Funds(available=Decimal(0), held=Decimal(0))
_SMALL = Decimal(1).scaleb(-16)


def preview(call: Call) -> Any:
    """Sizes, increments and funds are judged; what the book would do is not."""
    exchange = call.exchange
    try:
        asked = read({"client_order_id": "preview", **call.body}, call.account)
    except Refusal as refusal:
        return _document([preview_reason(refusal.rejection)])
    listing = exchange.listings.get(asked.symbol)
    if listing is None:
        return _document([preview_reason(Rejection.UNKNOWN_SYMBOL)])
    depth = exchange.depth(asked.symbol)
    quantity, price = _measure(asked, depth, exchange.house)
    notional = quantity * price
    fee = notional * exchange.house.taker_ratio
    cost = notional + fee if asked.side is Side.BUY else quantity
    asset = listing.quote if asked.side is Side.BUY else listing.base
    errors = _errors(asked, listing, quantity, notional)
    if cost > exchange.funds(call.account).get(asset, _NOTHING).available:
        errors.append(preview_reason(Rejection.INSUFFICIENT_FUNDS))
    total = notional + fee if asked.side is Side.BUY else notional - fee
    if asked.quote_quantity is not None:
        total = asked.quote_quantity
    return {
        **_document(errors),
        "order_total": _text(total),
        "commission_total": _text(fee),
        "quote_size": _text(notional),
        "base_size": _text(quantity),
        "best_bid": to_text(depth.bids[0][0]) if depth.bids else "",
        "best_ask": to_text(depth.asks[0][0]) if depth.asks else "",
        "preview_id": derive("coinbase.preview", call.account, repr(asked)),
    }


def _measure(asked: NewOrder, depth: Depth, house: House) -> tuple[Decimal, Decimal]:
    """Return quantity and price: the limit, or the best of the other side (nothing without one)."""
    levels = depth.asks if asked.side is Side.BUY else depth.bids
    price = asked.limit_price or (levels[0][0] if levels else Decimal(0))
    if asked.quantity is not None:
        return asked.quantity, price
    unit = price * (1 + house.taker_ratio)  # a size in quote includes the fee
    return MONEY.divide(asked.quote_quantity or Decimal(0), unit) if unit else Decimal(0), price


def _errors(asked: NewOrder, listing: Listing, quantity: Decimal, notional: Decimal) -> list[str]:
    is_sized = asked.quantity is not None
    breaches = {
        Rejection.MARKET_CLOSED: not listing.is_trading,
        Rejection.PRICE_INCREMENT: bool((asked.limit_price or 0) % listing.tick_size),
        Rejection.QUANTITY_INCREMENT: is_sized and bool(quantity % listing.lot_size),
        Rejection.MIN_QUANTITY: quantity < listing.min_quantity,
        Rejection.MAX_QUANTITY: quantity > listing.max_quantity,
        Rejection.MIN_NOTIONAL: notional < listing.min_notional,
    }
    return [preview_reason(one) for one, is_breached in breaches.items() if is_breached]


def _document(errors: list[str]) -> dict[str, Any]:
    return {
        "order_total": "0",
        "commission_total": "0",
        "errs": errors,
        "warning": [],
        "quote_size": "0",
        "base_size": "0",
        "best_bid": "",
        "best_ask": "",
        "is_max": False,
        "order_margin_total": "0",
        "leverage": "0",
        "long_leverage": "0",
        "short_leverage": "0",
        "slippage": "0",
        "preview_id": "",
        "current_liquidation_buffer": "0",
        "projected_liquidation_buffer": "0",
        "max_leverage": "",
        "pnl_configuration": None,
    }


def _text(value: Decimal) -> str:
    return to_text(plain(value.quantize(_SMALL, context=MONEY)))
