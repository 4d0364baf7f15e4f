"""What one fill moves in and out of an account."""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain.enums import Side
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Signed changes of the account's base and quote, fees in; `notional` is what was traded.

    `fee_quote` is the fee valued in quote at the fill's own price; a fee paid in a third asset
    moves that asset only and has no price here.
    """

    base: Decimal
    quote: Decimal
    notional: Decimal
    fee_quote: Decimal


def times(quantity: Decimal, price: Decimal) -> Decimal:
    """Return the exact product as the tables hold it."""
    return exact(MONEY.multiply(quantity, price))


def flow_of(fill: Fill) -> Flow:
    base_asset, quote_asset = split_symbol(fill.symbol)
    notional = times(fill.quantity, fill.price)
    is_buy = fill.side is Side.BUY
    base = fill.quantity if is_buy else MONEY.minus(fill.quantity)
    quote = MONEY.minus(notional) if is_buy else notional
    fee_quote = ZERO
    if fill.fee_asset == quote_asset:
        quote = MONEY.subtract(quote, fill.fee)
        fee_quote = fill.fee
    elif fill.fee_asset == base_asset:
        base = MONEY.subtract(base, fill.fee)
        fee_quote = times(fill.fee, fill.price)
    return Flow(base=base, quote=quote, notional=notional, fee_quote=fee_quote)


def source_of(fill: Fill) -> str:
    """Return the key under which a fill is booked, once."""
    return f"{fill.venue}:{fill.account}:{fill.trade_id}"
