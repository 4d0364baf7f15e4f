"""Symbols as the venue writes them, and what it lists of each."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.domain.enums import OrderType
from shared.domain.values import ZERO
from simulator.engine.model import House, Listing, NewOrder
from simulator.engine.port import ExchangePort
from simulator.wire.binance_us.documents import amount
from simulator.wire.binance_us.errors import VenueError, illegal
from simulator.wire.binance_us.house import DECIMALS
from simulator.wire.binance_us.parameters import Parameters

_ONE = Decimal(1)
_LARGEST_PRICE = Decimal(10_000_000)
_LARGEST_NOTIONAL = Decimal(9_000_000)
_AVERAGE_MINUTES = 5


def venue_symbol(listing: Listing) -> str:
    return f"{listing.base}{listing.quote}"


def by_venue_symbol(exchange: ExchangePort) -> Mapping[str, Listing]:
    return {venue_symbol(listing): listing for listing in exchange.listings.values()}


def find(exchange: ExchangePort, name: str) -> Listing:
    listing = by_venue_symbol(exchange).get(name)
    if listing is None:
        raise VenueError(-1121, "Invalid symbol.")
    return listing


def required_listing(exchange: ExchangePort, parameters: Parameters) -> Listing:
    return find(exchange, parameters.required("symbol"))


def chosen(exchange: ExchangePort, parameters: Parameters) -> tuple[Sequence[Listing], bool]:
    """Return the listings asked for by `symbol` or `symbols`, and whether one alone was named."""
    one, many = parameters.text("symbol"), parameters.text("symbols")
    if one is not None and many is not None:
        raise VenueError(-1128, "Combination of optional parameters invalid.")
    if one is not None:
        return [find(exchange, one)], True
    if many is None:
        return list(exchange.listings.values()), False
    inside = many.strip().removeprefix("[").removesuffix("]")
    if not inside or inside == many.strip():
        raise illegal("symbols", r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$')
    return [find(exchange, name.strip().strip('"')) for name in inside.split(",")], False


def order_types(house: House) -> list[str]:
    names = {
        OrderType.LIMIT: ["LIMIT", "LIMIT_MAKER"],
        OrderType.MARKET: ["MARKET"],
        OrderType.STOP_LIMIT: ["STOP_LOSS_LIMIT"],
    }
    return [name for one in names if one in house.order_types for name in names[one]]


def check_ceilings(order: NewOrder) -> None:
    """Look at the listed maxima that no exchange setting holds.

    Raises:
        VenueError: the filter that fails.
    """
    prices = [one for one in (order.limit_price, order.stop_price) if one is not None]
    if any(one > _LARGEST_PRICE for one in prices):
        raise VenueError(-1013, "Filter failure: PRICE_FILTER")
    notional = (order.limit_price or ZERO) * (order.quantity or ZERO)
    if notional > _LARGEST_NOTIONAL:
        raise VenueError(-1013, "Filter failure: NOTIONAL")


def symbol_document(listing: Listing, house: House) -> dict[str, Any]:
    """What is not supported here is listed as not allowed, as the venue does symbol by symbol."""
    return {
        "symbol": venue_symbol(listing),
        "status": "TRADING" if listing.is_trading else "BREAK",
        "baseAsset": listing.base,
        "baseAssetPrecision": DECIMALS,
        "quoteAsset": listing.quote,
        "quotePrecision": DECIMALS,
        "quoteAssetPrecision": DECIMALS,
        "baseCommissionPrecision": DECIMALS,
        "quoteCommissionPrecision": DECIMALS,
        "orderTypes": order_types(house),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "quoteOrderQtyMarketAllowed": OrderType.MARKET in house.order_types,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing, house),
        "permissions": ["SPOT"],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(listing: Listing, house: House) -> list[dict[str, Any]]:
    up = f"{_ONE + house.price_band_ratio:f}"
    down = f"{_ONE - house.price_band_ratio:f}"
    lot = {
        "minQty": amount(listing.min_quantity),
        "maxQty": amount(listing.max_quantity),
        "stepSize": amount(listing.lot_size),
    }
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": amount(listing.tick_size),
            "maxPrice": amount(_LARGEST_PRICE),
            "tickSize": amount(listing.tick_size),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": _AVERAGE_MINUTES,
        },
        {"filterType": "LOT_SIZE", **lot},
        {
            "filterType": "NOTIONAL",
            "minNotional": amount(listing.min_notional),
            "applyMinToMarket": True,
            "maxNotional": amount(_LARGEST_NOTIONAL),
            "applyMaxToMarket": False,
            "avgPriceMins": _AVERAGE_MINUTES,
        },
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": house.max_open_orders},
    ]
