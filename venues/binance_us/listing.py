"""The instruments the venue lists, from its exchange information (filters.md)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from shared.domain.enums import OrderType, TimeInForce
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.values import ZERO
from shared.domain.venue import TradingRules
from venues.port import VenueName
from venues.reading import Document

_ORDER_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
}
_TIMES_IN_FORCE = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
_MOST_DECIMALS = 18


def venue_symbol(symbol: Symbol) -> str:
    """Return the venue's name of an instrument.

    Raises:
        BadInput: not `BASE-QUOTE`.
    """
    return "".join(split_symbol(symbol))


def trading_rules(document: Document) -> Sequence[TradingRules]:
    """Return every instrument whose name can be one of ours (ASCII, upper case)."""
    listed = document["symbols"].items()
    return tuple(_rules(one) for one in listed if _is_nameable(one))


def _is_nameable(document: Document) -> bool:
    names = (document["baseAsset"].text(30), document["quoteAsset"].text(30))
    return all(name.isascii() and name.isalnum() and name == name.upper() for name in names)


def _rules(document: Document) -> TradingRules:
    base, quote = document["baseAsset"].text(30), document["quoteAsset"].text(30)
    filters = {one["filterType"].text(60): one for one in document["filters"].items()}
    types = {one.text(60) for one in document["orderTypes"].items()}
    tick = _step(filters, "PRICE_FILTER", "tickSize") or _precision(document["quotePrecision"])
    lot = _step(filters, "LOT_SIZE", "stepSize") or _precision(document["baseAssetPrecision"])
    is_trading = document["status"].text(40) == "TRADING"
    return TradingRules(
        instrument=Instrument(
            symbol=Symbol(f"{base}-{quote}"),
            venue=VenueName.BINANCE_US,
            base=base,
            quote=quote,
            tick_size=tick,
            lot_size=lot,
            min_notional=_least_notional(filters),
        ),
        venue_symbol=document["symbol"].text(40),
        min_quantity=_step(filters, "LOT_SIZE", "minQty") or lot,
        max_quantity=_step(filters, "LOT_SIZE", "maxQty"),
        max_notional=_step(filters, "NOTIONAL", "maxNotional"),
        market_lot_size=_step(filters, "MARKET_LOT_SIZE", "stepSize"),
        is_trading=is_trading and document["isSpotTradingAllowed"].boolean(),
        is_limit_only="MARKET" not in types,
        is_post_only=False,
        is_cancel_only=False,
        order_types=frozenset(ours for name, ours in _ORDER_TYPES.items() if name in types),
        time_in_forces=_TIMES_IN_FORCE,
    )


def _step(filters: Mapping[str, Document], name: str, field: str) -> Decimal | None:
    """Return a limit of a filter; a missing filter and a zero both mean that there is none."""
    told = filters.get(name)
    return (told[field].amount() or None) if told else None


def _least_notional(filters: Mapping[str, Document]) -> Decimal:
    told = (
        _step(filters, "NOTIONAL", "minNotional"),
        _step(filters, "MIN_NOTIONAL", "minNotional"),
    )
    return max((one for one in told if one is not None), default=ZERO)


def _precision(document: Document) -> Decimal:
    decimals = document.integer()
    if not 0 <= decimals <= _MOST_DECIMALS:
        document.refuse("a number of decimals")
    return Decimal(1).scaleb(-decimals)
