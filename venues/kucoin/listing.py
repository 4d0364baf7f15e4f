"""What KuCoin lists, as trading rules."""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.venue import TradingRules
from venues.kucoin.order import ORDER_TYPES, SYMBOL, TIME_IN_FORCES
from venues.kucoin.parse import word
from venues.port import VenueName
from venues.reading import Document, Unreadable


def trading_rules(data: Document) -> Sequence[TradingRules]:
    """Return the instruments whose names are ours too.

    Left out are what was renamed after its listing (the venue keeps the old name as its symbol, and
    the new one would be another asset's), and what is not traded and cannot be read either.
    """
    found = [_rules(one) for one in data.items()]
    return [rules for rules in found if rules is not None]


def _rules(data: Document) -> TradingRules | None:
    symbol, is_trading = data["symbol"].text(), data["enableTrading"].boolean()
    if not SYMBOL.fullmatch(symbol):
        return None
    try:
        rules = _read(data, Symbol(symbol), is_trading=is_trading)
    except Unreadable:
        if is_trading:
            raise
        return None
    return rules if symbol == f"{rules.instrument.base}-{rules.instrument.quote}" else None


def _read(data: Document, symbol: Symbol, *, is_trading: bool) -> TradingRules:
    auction = data.maybe("callauctionIsEnabled")
    return TradingRules(
        instrument=Instrument(
            symbol=symbol,
            venue=VenueName.KUCOIN,
            base=word(data["baseCurrency"]),
            quote=word(data["quoteCurrency"]),
            tick_size=data["priceIncrement"].positive(),
            lot_size=data["baseIncrement"].positive(),
            min_notional=_min_notional(data),
        ),
        venue_symbol=symbol,
        min_quantity=data["baseMinSize"].amount(),
        max_quantity=data["baseMaxSize"].positive(),
        max_notional=data["quoteMaxSize"].positive(),
        market_lot_size=None,
        is_trading=is_trading,
        is_limit_only=auction is not None and auction.boolean(),
        is_post_only=False,
        is_cancel_only=False,
        order_types=ORDER_TYPES,
        time_in_forces=TIME_IN_FORCES,
    )


def _min_notional(data: Document) -> Decimal:
    """Return the minimum of all orders, or where none is listed, of those over quote funds."""
    funds = data.maybe("minFunds")
    return data["quoteMinSize"].amount() if funds is None else funds.amount()
