"""Whether an approved order may be sent now, and what exactly is then asked of the venue."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from executor.core.order import Order
from executor.core.planning import obstacle
from shared.domain.enums import OrderType, Purpose, Side, TimeInForce, TradingState
from shared.domain.values import MONEY, ZERO, floor_to, to_text
from shared.domain.venue import OrderRequest, TopOfBook, TradingRules

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The executor's own hard limits, whatever was approved.

    `max_order_notional` in quote, None: none. `collar_ratio`: how far from the market a price may
    be. `max_quote_age`: how old the market may be when an order is claimed.
    """

    max_order_notional: Decimal | None
    max_orders_per_minute: int
    max_quote_age: timedelta
    collar_ratio: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known at the claim, all read under its locks or before them.

    `now` is the database's clock. `doubt`: why nothing may be sent at all; `frozen`: why nothing of
    this instrument may be bought. `is_locked_up`: a resting stop still holds what is to be sold.
    `unsold`: what is held that no other order may be selling; None where nothing is to be sold.
    """

    state: TradingState
    now: datetime
    sent_last_minute: int
    quote: TopOfBook | None
    rules: TradingRules | None
    doubt: str | None = None
    frozen: str | None = None
    is_locked_up: bool = False
    unsold: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """It will never be sent."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not now."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What to ask for: as approved, or less, or at a better price, in the venue's steps.

    `reference_price` is what a taker would have got, before slippage.
    """

    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    good_until: datetime | None
    reference_price: Decimal


Decision = Ready | Wait | Lapse


def decide(order: Order, situation: Situation, ceilings: Ceilings) -> Decision:
    reason = obstacle(situation.state, order.purpose, situation.now, order.expires_at)
    if reason is not None:
        return Lapse(reason=reason)
    if situation.frozen is not None and order.purpose is Purpose.ENTRY:
        return Lapse(reason=f"{order.symbol} is frozen: {situation.frozen}")
    waits = situation.doubt or _held_up(order, situation, ceilings)
    if waits is not None:
        return Wait(reason=waits)
    assert situation.quote is not None
    assert situation.rules is not None
    if situation.unsold is not None:  # two may want to leave at once; what is held is sold once
        if situation.unsold <= ZERO:
            return Lapse(reason=f"nothing of {order.symbol} is held that is not being sold already")
        order = replace(order, quantity=min(order.quantity, situation.unsold))
    return fit(order, situation.rules, situation.quote, ceilings)


def _held_up(order: Order, situation: Situation, ceilings: Ceilings) -> str | None:
    if situation.rules is None:
        return f"the venue's rules for {order.symbol} are not known"
    if situation.quote is None or situation.now - situation.quote.at > ceilings.max_quote_age:
        return f"no fresh price of {order.symbol}"
    if situation.is_locked_up:
        return "its stop at the venue is still being canceled"
    if (
        order.purpose is Purpose.ENTRY
        and situation.sent_last_minute >= ceilings.max_orders_per_minute
    ):
        return f"{situation.sent_last_minute} orders were sent within a minute"
    return None


def fit(order: Order, rules: TradingRules, quote: TopOfBook, ceilings: Ceilings) -> Decision:
    """Return the order in the venue's steps, never more and never at a worse price.

    The price keeps within `collar_ratio` of the market as well: a limit far beyond it would pay
    whatever a thin book asks.
    """
    closed = _closed(order, rules)
    if closed is not None:
        return Lapse(reason=closed)
    price = (
        None if order.order_type is OrderType.MARKET else _collared(order, quote, ceilings, rules)
    )
    lot = rules.market_lot_size if price is None and rules.market_lot_size else _lot(rules)
    quantity = floor_to(order.quantity, lot)
    reference = quote.ask if order.side is Side.BUY else quote.bid
    too_odd = _too_odd(quantity, price or reference, order, rules, ceilings)
    if too_odd is not None:
        return Lapse(reason=too_odd)
    stop = None if order.stop_price is None else _to_tick(order.stop_price, Side.SELL, rules)
    time_in_force, good_until = _mortal(order, rules)
    return Ready(
        quantity=quantity,
        limit_price=price,
        stop_price=stop,
        time_in_force=time_in_force,
        good_until=good_until,
        reference_price=reference,
    )


def _mortal(order: Order, rules: TradingRules) -> tuple[TimeInForce, datetime | None]:
    """Give a resting entry an end that the venue keeps, so that a dead platform's entries die."""
    if order.order_type is OrderType.MARKET:  # what cannot be had at once is not waited for
        return TimeInForce.IOC, None
    wants = order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
    if not wants or order.purpose is not Purpose.ENTRY:
        return order.time_in_force, order.good_until
    if TimeInForce.GTD not in rules.time_in_forces:
        return TimeInForce.GTC, None
    return TimeInForce.GTD, order.good_until or order.horizon_at or order.expires_at


def _closed(order: Order, rules: TradingRules) -> str | None:
    if not rules.is_trading or rules.is_cancel_only:
        return f"{order.symbol} is not trading"
    if order.order_type not in rules.order_types:
        return f"the venue has no {order.order_type} orders of {order.symbol}"
    wanted, _until = _mortal(order, rules)
    if order.order_type is not OrderType.MARKET and wanted not in rules.time_in_forces:
        return f"the venue has no {wanted} orders of {order.symbol}"
    if rules.is_post_only and not order.is_post_only:
        return f"{order.symbol} takes only orders that rest"
    if rules.is_limit_only and order.order_type is OrderType.MARKET:
        return f"{order.symbol} takes only limit orders"
    return None


def _lot(rules: TradingRules) -> Decimal:
    return rules.instrument.lot_size


def _to_tick(price: Decimal, side: Side, rules: TradingRules) -> Decimal:
    """Return the tick that is never worse than `price` for this side."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    tick = rules.instrument.tick_size
    return max((price / tick).to_integral_value(rounding) * tick, tick)


def _collared(order: Order, quote: TopOfBook, ceilings: Ceilings, rules: TradingRules) -> Decimal:
    if order.order_type is OrderType.STOP_LIMIT:  # it is meant for another market than today's
        return _to_tick(order.limit_price, order.side, rules)
    if order.side is Side.BUY:
        worst = MONEY.multiply(quote.ask, _ONE + ceilings.collar_ratio)
        return _to_tick(min(order.limit_price, worst), Side.BUY, rules)
    worst = MONEY.multiply(quote.bid, _ONE - ceilings.collar_ratio)
    return _to_tick(max(order.limit_price, worst), Side.SELL, rules)


def _too_odd(
    quantity: Decimal, price: Decimal, order: Order, rules: TradingRules, ceilings: Ceilings
) -> str | None:
    notional = MONEY.multiply(quantity, price)
    ceiling = ceilings.max_order_notional
    if quantity <= ZERO or quantity < rules.min_quantity:
        return f"the quantity {to_text(quantity)} is below {to_text(rules.min_quantity)}"
    if rules.max_quantity is not None and quantity > rules.max_quantity:
        return f"the quantity {to_text(quantity)} is above {to_text(rules.max_quantity)}"
    if notional < rules.instrument.min_notional:
        return f"the notional {to_text(notional)} is below {to_text(rules.instrument.min_notional)}"
    if order.purpose is Purpose.ENTRY and ceiling is not None and notional > ceiling:
        return f"the notional {to_text(notional)} is above the executor's {to_text(ceiling)}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """When a claimed order is dated, and until when it may leave (`time.monotonic()`)."""

    signed_at: datetime
    window: timedelta
    send_by: float


def request_of(order: Order, ready: Ready, signing: Signing) -> OrderRequest:
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        time_in_force=ready.time_in_force,
        quantity=ready.quantity,
        limit_price=ready.limit_price,
        stop_price=ready.stop_price,
        good_until=ready.good_until,
        is_post_only=order.is_post_only,
        signed_at=signing.signed_at,
        window=signing.window,
        send_by=signing.send_by,
    )
