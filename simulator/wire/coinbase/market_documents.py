"""What the venue says of products, books and candles; every amount is text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.domain.candle import Candle
from shared.domain.ids import Symbol
from shared.domain.values import plain, to_text
from simulator.engine.model import Depth, Listing
from simulator.wire.coinbase.times import stamp

Document = dict[str, Any]

_OF_EVERY_PRODUCT: Mapping[str, Any] = {
    "price_percentage_change_24h": "0",
    "volume_24h": "0",
    "volume_percentage_change_24h": "0",
    "watched": False,
    "is_disabled": False,
    "new": False,
    "status": "online",
    "limit_only": False,
    "post_only": False,
    "auction_mode": False,
    "product_type": "SPOT",
    "fcm_trading_session_details": None,
    "alias": "",
    "alias_to": (),
    "view_only": False,
    "product_venue": "CBE",
    "approximate_quote_24h_volume": "0",
}
_MOST_QUOTE = "150000000"  # per order, of the venue's dollar products


def middle(depth: Depth) -> Decimal | None:
    if not (depth.bids and depth.asks):
        return None
    return plain((depth.bids[0][0] + depth.asks[0][0]) / 2)


def product_document(listing: Listing, depth: Depth) -> Document:
    """The statistics of the last day are not simulated: they are told as none."""
    mid = middle(depth)
    price = "" if mid is None else to_text(mid)
    return {
        "product_id": listing.symbol,
        "price": price,
        "base_increment": to_text(listing.lot_size),
        "quote_increment": to_text(listing.tick_size),
        "quote_min_size": to_text(listing.min_notional),
        "quote_max_size": _MOST_QUOTE,
        "base_min_size": to_text(listing.min_quantity),
        "base_max_size": to_text(listing.max_quantity),
        "base_name": listing.base,
        "quote_name": listing.quote,
        "cancel_only": not listing.is_trading,
        "trading_disabled": not listing.is_trading,
        "quote_currency_id": listing.quote,
        "base_currency_id": listing.base,
        "mid_market_price": price,
        "base_display_symbol": listing.base,
        "quote_display_symbol": listing.quote,
        "price_increment": to_text(listing.tick_size),
        "display_name": listing.symbol,
        **_OF_EVERY_PRODUCT,
    }


def book_document(symbol: Symbol, depth: Depth, levels: int) -> Document:
    return {
        "product_id": symbol,
        "bids": [_level(*one) for one in depth.bids[:levels]],
        "asks": [_level(*one) for one in depth.asks[:levels]],
        "time": stamp(depth.at),
    }


def spread_document(depth: Depth) -> Document:
    mid = middle(depth)
    if mid is None:
        return {"last": "", "mid_market": "", "spread_bps": "", "spread_absolute": ""}
    spread = depth.asks[0][0] - depth.bids[0][0]
    return {
        "last": to_text(mid),
        "mid_market": to_text(mid),
        "spread_bps": to_text((10_000 * spread / mid).quantize(Decimal("0.001"))),
        "spread_absolute": to_text(spread),
    }


def candle_document(candle: Candle) -> Document:
    return {
        "start": str(int(candle.open_at.timestamp())),
        "low": to_text(candle.low),
        "high": to_text(candle.high),
        "open": to_text(candle.open),
        "close": to_text(candle.close),
        "volume": to_text(candle.volume),
    }


def _level(price: Decimal, quantity: Decimal) -> Document:
    return {"price": to_text(price), "size": to_text(quantity)}
