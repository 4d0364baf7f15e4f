"""Facts in a person's words."""

from collections.abc import Sequence
from typing import Any

from shared.domain.candle import Candle
from shared.domain.enums import OrderType
from shared.domain.events import (
    CandlesClosed,
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
    SignalsGenerated,
)
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Confidence, Signal
from shared.domain.values import to_text
from shared.domain.verdict import Approved, Denied, Sizing

ORDER_FACTS = (
    OrderSubmitted,
    OrderAccepted,
    OrderRejected,
    OrderFilled,
    OrderCanceled,
    OrderExpired,
    OrderUnknown,
)


def of(items: Sequence[Any], symbol: str | None) -> list[Any]:
    """Return the items of one instrument, or all of them."""
    return [item for item in items if symbol is None or item.symbol == symbol]


def told(event: Event, symbol: str | None) -> list[str]:
    """Return what a fact says about one instrument; nothing where it is silent."""
    match event:
        case CandlesClosed():
            lines = [_candle(one) for one in of(event.candles, symbol)]
        case SignalsGenerated() | SignalsAggregated():
            lines = [line for one in of(event.signals, symbol) for line in _signal(one)]
        case RecommendationsIssued():
            lines = [_recommendation(one) for one in of(event.recommendations, symbol)]
        case RecommendationApproved():
            lines = _approved(event.approved)
        case RecommendationDenied():
            lines = _denied(event.denied)
        case OrderFilled():
            lines = [_fill(event.fill)]
        case _ if isinstance(event, ORDER_FACTS):
            lines = [_order(event.order)]
        case _:
            lines = []
    return lines


def _candle(one: Candle) -> str:
    gap = " (bridges a gap)" if one.is_filled else ""
    prices = f"open {one.open} high {one.high} low {one.low} close {one.close}"
    return f"{one.symbol} {prices} volume {one.volume}{gap}"


def _signal(one: Signal) -> list[str]:
    belief = f"{one.source}: {one.action} {one.symbol}, confidence {one.confidence:.3f}"
    lines = [f"{belief}, coverage {one.coverage:.3f}, {one.signal_id}"]
    if one.edge is not None:
        edge = one.edge
        chances = f"probability {edge.probability_raw:.4f}, calibrated {edge.probability:.4f}"
        payoff = f"win {edge.gross_win:.4f}, loss {edge.gross_loss:.4f} before costs"
        lines.append(f"model {edge.release_id}: {chances}; {payoff}")
        lines.append(_confidence(edge.factors))
    if one.reasons:
        lines.append("because " + ", ".join(one.reasons))
    return lines


def _confidence(one: Confidence) -> str:
    return (
        f"confidence {one.product:.3f} = coverage {one.coverage:.3f} x drift {one.drift:.3f} "
        f"x age {one.age:.3f} x live {one.live:.3f} x standing {one.standing:.3f}"
    )


def _recommendation(one: Recommendation) -> str:
    why = f" ({one.exit_reason})" if one.exit_reason else ""
    return f"{one.purpose} {one.side} {one.symbol} near {one.price}{why}, {one.recommendation_id}"


def _approved(one: Approved) -> list[str]:
    return [
        f"{one.side} {one.quantity} {one.symbol} up to {one.limit_price}, {one.decision_id}",
        *_sizing(one.sizing),
    ]


def _denied(one: Denied) -> list[str]:
    breaches = [
        f"{breach.check}: {breach.value} against {breach.limit}; {breach.remedy}"
        for breach in one.breaches
    ]
    return [*breaches, *_sizing(one.sizing)]


def _sizing(one: Sizing) -> list[str]:
    size = f"{to_text(one.notional)} of {to_text(one.equity)}, quantity {to_text(one.quantity)}"
    if one.kind != "kelly":
        return [f"sized as {one.kind}: {size}"]
    chances = (
        f"probability {one.probability:.4f}, used {one.probability_used:.4f}, "
        f"break-even {one.breakeven_probability:.4f}"
    )
    factors = (
        f"Kelly {one.kelly_full:.3f} x fraction {one.kelly_fraction:.4f} "
        f"x confidence {one.confidence:.3f} x correlation {one.correlation_haircut:.3f}"
    )
    made_of = () if one.factors is None else (_confidence(one.factors),)
    return [
        chances,
        *made_of,
        f"net win {one.net_win:.4f}, net loss {one.net_loss:.4f}; {factors}",
        f"asks for {one.raw_ratio:.4f}, gets {one.capped_ratio:.4f} of equity: {size}",
    ]


def _fill(one: Fill) -> str:
    done = f"{one.side} {to_text(one.quantity)} {one.symbol} at {to_text(one.price)}"
    return f"{done}, fee {to_text(one.fee)} {one.fee_asset}, {one.trade_id}"


def _order(one: OrderSnapshot) -> str:
    order = f"{one.side} {to_text(one.quantity)} {one.symbol} {_terms(one)}: {one.status}"
    if one.filled_quantity:
        order = f"{order}, {to_text(one.filled_quantity)} filled"
    return f"{order}, {one.client_order_id} {one.detail}".rstrip()


def _terms(one: OrderSnapshot) -> str:
    """Return how an order was placed; a stop's `price` is what triggers it."""
    limit = to_text(one.limit_price)
    if one.order_type is OrderType.STOP_LIMIT:
        return f"as a stop at {to_text(one.price)}, limit {limit}, on {one.venue}"
    if one.order_type is OrderType.MARKET:
        return f"at the market on {one.venue}"
    return f"at {limit} or better ({one.time_in_force}) on {one.venue}"
