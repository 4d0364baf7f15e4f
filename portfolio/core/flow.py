"""What one booking moves in and out of a position."""

from dataclasses import dataclass
from decimal import Decimal

from portfolio.core.booking import Booking, booking_of, source_of
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

__all__ = ["Flow", "divide", "flow_of", "flow_of_booking", "source_of", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Signed changes of base and quote, fees in; `notional` is what was traded.

    `fee_quote` is the fee valued in quote: one paid in base at the price of the trade, one paid in
    a third asset at the price that was known of it. Of the latter `quote` holds the value, though
    no cash moved; without a price it stays in its own asset and is in neither. `slippage` is what
    the fill cost beside fees, against the market it was made in; negative where it was better.
    """

    base: Decimal
    quote: Decimal
    notional: Decimal
    fee_quote: Decimal
    slippage: Decimal = ZERO


def times(quantity: Decimal, price: Decimal) -> Decimal:
    """Return the exact product as the tables hold it."""
    return exact(MONEY.multiply(quantity, price))


def flow_of(fill: Fill) -> Flow:
    return flow_of_booking(booking_of(fill, None))


def flow_of_booking(booking: Booking) -> Flow:
    """Return what a trade, or coins that come, do to the position; what goes has its cost there."""
    assert booking.symbol is not None
    base_asset, quote_asset = split_symbol(booking.symbol)
    base = booking.amount
    value = times(booking.amount, booking.price or ZERO)
    quote, fee_quote, slippage = MONEY.minus(value), ZERO, _slippage(booking)
    if booking.fee_asset == quote_asset:
        fee_quote = booking.fee
    elif booking.fee_asset == base_asset:
        base = MONEY.subtract(base, booking.fee)
        # what was bought or sold has been paid or counted with its fee already
        return Flow(
            base=base,
            quote=quote,
            notional=abs(value),
            fee_quote=times(booking.fee, booking.price or ZERO),
            slippage=slippage,
        )
    elif booking.fee_price is not None:
        fee_quote = times(booking.fee, booking.fee_price)
    if fee_quote:
        quote = MONEY.subtract(quote, fee_quote)
    return Flow(base=base, quote=quote, notional=abs(value), fee_quote=fee_quote, slippage=slippage)


def _slippage(booking: Booking) -> Decimal:
    if booking.price is None or booking.reference_price is None:
        return ZERO
    return times(booking.amount, MONEY.subtract(booking.price, booking.reference_price))


def divide(flow: Flow, base: Decimal) -> tuple[Flow, Flow]:
    """Return the part of a flow that moves `base`, and the rest; nothing is lost between them."""
    first = Flow(
        base=base,
        quote=_share(flow.quote, base, flow.base),
        notional=_share(flow.notional, base, flow.base),
        fee_quote=_share(flow.fee_quote, base, flow.base),
        slippage=_share(flow.slippage, base, flow.base),
    )
    rest = Flow(
        base=exact(MONEY.subtract(flow.base, base)),
        quote=exact(MONEY.subtract(flow.quote, first.quote)),
        notional=exact(MONEY.subtract(flow.notional, first.notional)),
        fee_quote=exact(MONEY.subtract(flow.fee_quote, first.fee_quote)),
        slippage=exact(MONEY.subtract(flow.slippage, first.slippage)),
    )
    return first, rest


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return exact(MONEY.divide(MONEY.multiply(amount, part), whole)) if amount else ZERO
