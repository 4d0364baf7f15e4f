"""How the simulated venue answers one order with one candle; the backtest uses these very rules.

An order decided on a candle meets the next one at its open, with slippage against the taker. At
most a share of a candle's volume (in base) is ours. A candle without trades fills nothing: a limit
order that must fill at once waits for the first candle with trades, at most until its approval
expires. Market orders wait as long as it takes; a resting entry until the horizon of its trade.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from executor.core.order import Order, OrderState
from executor.core.planning import OrderPolicy
from shared.domain.candle import Candle
from shared.domain.enums import Liquidity, OrderType, Purpose, Side, TimeInForce
from shared.domain.ids import TradeId, VenueOrderId, derive
from shared.domain.instrument import Instrument
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingRules:
    """Ratios: fee of notional, slippage of price, and the share of a candle's volume we may be."""

    fee_ratio: Decimal
    slippage_ratio: Decimal
    participation_ratio: Decimal = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One instrument as the simulated venue trades it for us."""

    instrument: Instrument
    rules: MatchingRules
    policy: OrderPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """`reference_price` is the market before slippage."""

    quantity: Decimal
    price: Decimal
    reference_price: Decimal
    liquidity: Liquidity
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What one candle does to one order: perhaps an execution, and why what is left ends here."""

    execution: Execution | None = None
    cancel: str = ""


NOTHING = Match()


def refusal(order: Order, instrument: Instrument | None) -> str | None:
    """Return why the venue would not take the order, or None.

    Orders that only reduce may have any size: a venue that kept dust from leaving would have it
    forever.
    """
    if instrument is None:
        return f"{order.symbol} is not traded here"
    if order.quantity <= ZERO:
        return "the quantity must be positive"
    is_limit = order.order_type is OrderType.LIMIT
    if is_limit and instrument.price(order.limit_price) != order.limit_price:
        return f"the limit price {order.limit_price} is no multiple of {instrument.tick_size}"
    return None if order.purpose is Purpose.EXIT else _too_odd(order, instrument)


def _too_odd(order: Order, instrument: Instrument) -> str | None:
    if instrument.quantity(order.quantity) != order.quantity:
        return f"the quantity {order.quantity} is no multiple of {instrument.lot_size}"
    notional = instrument.notional(order.limit_price, order.quantity)
    if notional < instrument.min_notional:
        return f"the notional {notional} is below {instrument.min_notional}"
    return None


def venue_order_id(order: Order) -> VenueOrderId:
    return VenueOrderId(derive("venue_order", order.venue, order.client_order_id))


def is_traded(candle: Candle) -> bool:
    return not candle.is_filled and candle.volume > ZERO


def volume_share(candle: Candle, listing: Listing) -> Decimal:
    """Return how much base of the candle may be ours, in whole lots."""
    if not is_traded(candle):
        return ZERO
    return listing.instrument.quantity(candle.volume * listing.rules.participation_ratio)


def match_order(state: OrderState, candle: Candle, listing: Listing, room: Decimal) -> Match:
    """Return what the candle does to an accepted order of which at most `room` may fill."""
    if candle.open_at < state.order.decided_at:
        return NOTHING
    match = _met(state, candle, listing, room)
    if not match.cancel and _is_over(state.order, candle):
        return Match(execution=match.execution, cancel="the horizon of its trade has passed")
    return match


def _is_over(order: Order, candle: Candle) -> bool:
    is_entry = order.purpose is Purpose.ENTRY
    return is_entry and order.horizon_at is not None and candle.closed_at >= order.horizon_at


def _met(state: OrderState, candle: Candle, listing: Listing, room: Decimal) -> Match:
    order = state.order
    if not is_traded(candle):
        is_late = _must_fill_at_once(order) and candle.closed_at >= order.expires_at
        return Match(cancel="expired before anything was traded") if is_late else NOTHING
    if order.order_type is OrderType.MARKET:
        return Match(execution=_taken(state, candle, listing, room))
    return _match_limit(state, candle, listing, room)


def slipped(raw: Decimal, side: Side, listing: Listing) -> Decimal:
    """Return the price a taker gets when the market stands at `raw`."""
    moved = raw * (_ONE + side.sign * listing.rules.slippage_ratio)
    return listing.instrument.fill_price(moved, side)


def portion(remaining: Decimal, room: Decimal, instrument: Instrument) -> Decimal:
    """Return how much of an order fills: all of it where there is room, otherwise whole lots."""
    return remaining if remaining <= room else instrument.quantity(room)


def fill_of(order: Order, execution: Execution, candle: Candle, listing: Listing) -> Fill:
    """Return the fill; an order fills at most once in a candle, so the candle names the trade."""
    notional = MONEY.multiply(execution.price, execution.quantity)
    fee = exact(MONEY.multiply(notional, listing.rules.fee_ratio))
    trade = derive("trade", order.client_order_id, candle.closed_at.isoformat())
    return Fill(
        trade_id=TradeId(trade),
        client_order_id=order.client_order_id,
        account=order.account,
        venue=order.venue,
        symbol=order.symbol,
        side=order.side,
        purpose=order.purpose,
        quantity=execution.quantity,
        price=execution.price,
        reference_price=execution.reference_price,
        fee=fee,
        fee_asset=listing.instrument.quote,
        liquidity=execution.liquidity,
        filled_at=execution.at,
    )


def _must_fill_at_once(order: Order) -> bool:
    return order.order_type is OrderType.LIMIT and order.time_in_force is TimeInForce.IOC


def _match_limit(state: OrderState, candle: Candle, listing: Listing, room: Decimal) -> Match:
    order = state.order
    if not _is_resting(order, candle) and _within(order, slipped(candle.open, order.side, listing)):
        execution = _taken(state, candle, listing, room)
        filled = ZERO if execution is None else execution.quantity
        is_left = _must_fill_at_once(order) and filled < state.remaining
        return Match(execution=execution, cancel="more than the market could take" * is_left)
    if _must_fill_at_once(order):
        return Match(cancel=f"the open {candle.open} was beyond the limit {order.limit_price}")
    return Match(execution=_made(state, candle, listing, room))


def _is_resting(order: Order, candle: Candle) -> bool:
    """Tell whether the order stood in the book before the candle: others then come to it."""
    first_close = order.decided_at + order.interval.delta
    return candle.open_at >= first_close and not _must_fill_at_once(order)


def _within(order: Order, price: Decimal) -> bool:
    return (order.limit_price - price) * order.side.sign >= 0


def _taken(state: OrderState, candle: Candle, listing: Listing, room: Decimal) -> Execution | None:
    quantity = portion(state.remaining, room, listing.instrument)
    if quantity <= ZERO:
        return None
    return Execution(
        quantity=quantity,
        price=slipped(candle.open, state.order.side, listing),
        reference_price=candle.open,
        liquidity=Liquidity.TAKER,
        at=candle.open_at,
    )


def _made(state: OrderState, candle: Candle, listing: Listing, room: Decimal) -> Execution | None:
    order = state.order
    best = candle.low if order.side is Side.BUY else candle.high
    quantity = portion(state.remaining, room, listing.instrument)
    if quantity <= ZERO or not _within(order, best):
        return None
    return Execution(
        quantity=quantity,
        price=order.limit_price,
        reference_price=order.limit_price,
        liquidity=Liquidity.MAKER,
        at=candle.closed_at,
    )
