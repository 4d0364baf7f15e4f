"""What is traded in the model, and under which limits."""

from datetime import timedelta
from decimal import Decimal

from executor.core.claiming import Ceilings
from shared.domain.enums import OrderType, TimeInForce
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.venue import TradingRules

MODE = "paper"
ACCOUNT = AccountId("model-main")
SYMBOLS = (Symbol("BTC-USDT"), Symbol("ETH-USDT"))
PRICE = Decimal(100)
CEILINGS = Ceilings(
    max_order_notional=None,
    max_orders_per_minute=10,
    max_quote_age=timedelta(seconds=5),
    collar_ratio=Decimal("0.01"),
)


def _rules(symbol: Symbol) -> TradingRules:
    base, quote = split_symbol(symbol)
    return TradingRules(
        instrument=Instrument(
            symbol=symbol,
            venue="venue",
            base=base,
            quote=quote,
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.01"),
            min_notional=Decimal(1),
        ),
        venue_symbol=symbol,
        min_quantity=Decimal("0.01"),
        max_quantity=None,
        max_notional=None,
        market_lot_size=None,
        is_trading=True,
        is_limit_only=False,
        is_post_only=False,
        is_cancel_only=False,
        order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
        time_in_forces=frozenset({TimeInForce.IOC, TimeInForce.GTC}),
    )


RULES = {symbol: _rules(symbol) for symbol in SYMBOLS}
