"""Facts in a person's words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.domain.candle import Candle
from shared.domain.enums import OrderType, Side
from shared.domain.events import (
    BalanceFound,
    BalanceMoved,
    CandlesClosed,
    Event,
    ModelPromoted,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
    PositionChanged,
    RebalanceWanted,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationExpired,
    RecommendationsIssued,
    RoundTripClosed,
    SignalsAggregated,
    SignalsGenerated,
    TradingAlarmed,
    TradingStateChanged,
    VenueSurprised,
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
    tell = _TELLERS.get(type(event))
    return [] if tell is None else tell(event, symbol)


def _candles(fact: CandlesClosed, symbol: str | None) -> list[str]:
    return [_candle(one) for one in of(fact.candles, symbol)]


def _signals(fact: SignalsGenerated | SignalsAggregated, symbol: str | None) -> list[str]:
    return [line for one in of(fact.signals, symbol) for line in signal_lines(one)]


def _issued(fact: RecommendationsIssued, symbol: str | None) -> list[str]:
    return [recommendation_line(one) for one in of(fact.recommendations, symbol)]


def _ordered(fact: Any, _symbol: str | None) -> list[str]:
    return [order_line(fact.order)]


def _candle(one: Candle) -> str:
    gap = " (bridges a gap)" if one.is_filled else ""
    prices = f"open {one.open} high {one.high} low {one.low} close {one.close}"
    return f"{one.symbol} {prices} volume {one.volume}{gap}"


def signal_lines(one: Signal) -> list[str]:
    belief = f"{one.source}: {one.action} {one.symbol}, confidence {one.confidence:.3f}"
    lines = [f"{belief}, coverage {one.coverage:.3f}, {one.signal_id}"]
    if one.edge is not None:
        edge = one.edge
        chances = f"probability {edge.probability_raw:.4f}, calibrated {edge.probability:.4f}"
        payoff = f"win {edge.gross_win:.4f}, loss {edge.gross_loss:.4f} before costs"
        lines.append(f"model {edge.release_id}: {chances}; {payoff}")
        lines.append(confidence_line(edge.factors))
    if one.reasons:
        lines.append("because " + ", ".join(one.reasons))
    return lines


def confidence_line(one: Confidence) -> str:
    return (
        f"confidence {one.product:.3f} = coverage {one.coverage:.3f} x drift {one.drift:.3f} "
        f"x age {one.age:.3f} x live {one.live:.3f} x standing {one.standing:.3f}"
    )


def recommendation_line(one: Recommendation) -> str:
    why = f" ({one.exit_reason})" if one.exit_reason else ""
    return f"{one.purpose} {one.side} {one.symbol} near {one.price}{why}, {one.recommendation_id}"


def approved_lines(one: Approved) -> list[str]:
    bound = "up to" if one.side is Side.BUY else "down to"
    order = f"{one.side} {to_text(one.quantity)} {one.symbol} {bound} {to_text(one.limit_price)}"
    return [
        f"{order}, by limits version {one.limits_version}, {one.decision_id}",
        *sizing_lines(one.sizing),
    ]


def denied_lines(one: Denied) -> list[str]:
    breaches = [
        f"{breach.check}: {breach.value} against {breach.limit}, headroom {breach.headroom}; "
        f"{breach.remedy}"
        for breach in one.breaches
    ]
    judged = f"denied by limits version {one.limits_version}, {one.decision_id}"
    return [judged, *breaches, *sizing_lines(one.sizing)]


def sizing_lines(one: Sizing) -> list[str]:
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
    made_of = () if one.factors is None else (confidence_line(one.factors),)
    return [
        chances,
        *made_of,
        f"net win {one.net_win:.4f}, net loss {one.net_loss:.4f}; {factors}",
        f"asks for {one.raw_ratio:.4f}, gets {one.capped_ratio:.4f} of equity: {size}",
    ]


def fill_line(one: Fill) -> str:
    done = f"{one.side} {to_text(one.quantity)} {one.symbol} at {to_text(one.price)}"
    return f"{done}, fee {to_text(one.fee)} {one.fee_asset}, {one.trade_id}"


def order_line(one: OrderSnapshot) -> str:
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


def _expired(fact: RecommendationExpired, symbol: str | None) -> list[str]:
    if symbol not in (None, fact.symbol):
        return []
    return [f"{fact.symbol} came to nothing: its time was over, {fact.recommendation_id}"]


def _position(fact: PositionChanged, _symbol: str | None) -> list[str]:
    held = f"{to_text(fact.quantity)} {fact.symbol} held"
    cost = f" at {to_text(fact.average_cost)} each" if fact.quantity else ""
    return [f"{held}{cost}, realised so far {to_text(fact.realized_pnl)}"]


def _trip(fact: RoundTripClosed, _symbol: str | None) -> list[str]:
    why = f" by {fact.exit_reason}" if fact.exit_reason else ""
    earned = f"earned {to_text(fact.pnl)} on {to_text(fact.cost)}, fees in"
    return [f"{fact.symbol} flat again{why}: {earned}, {fact.trip_id}"]


def _rebalance(fact: RebalanceWanted, symbol: str | None) -> list[str]:
    asked = f"{fact.actor} asked for target weights, {fact.rebalance_id}"
    steps = [
        f"{one.side} {to_text(one.quantity)} {one.symbol} near {to_text(one.price)}"
        for one in of(fact.steps, symbol)
    ]
    return [asked, *steps]


def _surprised(fact: VenueSurprised, _symbol: str | None) -> list[str]:
    return [f"{fact.symbol} at {fact.venue}: {fact.kind}, {fact.detail}"]


def _alarmed(fact: TradingAlarmed, _symbol: str | None) -> list[str]:
    return [f"{fact.kind} of {fact.subject}: {fact.detail}"]


def _state(fact: TradingStateChanged, _symbol: str | None) -> list[str]:
    return [f"trading is {fact.state} by {fact.actor}: {fact.reason}"]


def _balance_found(fact: BalanceFound, _symbol: str | None) -> list[str]:
    found = f"{fact.venue} holds {to_text(fact.amount)} {fact.asset} more than was booked"
    return [f"{found}: {fact.kind} by {fact.actor}, {fact.reference}"]


def _balance_moved(fact: BalanceMoved, _symbol: str | None) -> list[str]:
    return [f"{to_text(fact.amount)} {fact.asset}: {fact.kind} by {fact.actor}, {fact.reference}"]


def _promoted(fact: ModelPromoted, _symbol: str | None) -> list[str]:
    return [f"{fact.release_id} became {fact.role} of {fact.scope}"]


_TELLERS: Mapping[type[Event], Callable[[Any, str | None], list[str]]] = {
    CandlesClosed: _candles,
    SignalsGenerated: _signals,
    SignalsAggregated: _signals,
    RecommendationsIssued: _issued,
    RecommendationApproved: lambda fact, _symbol: approved_lines(fact.approved),
    RecommendationDenied: lambda fact, _symbol: denied_lines(fact.denied),
    RecommendationExpired: _expired,
    **dict.fromkeys(ORDER_FACTS, _ordered),
    OrderFilled: lambda fact, _symbol: [fill_line(fact.fill)],
    PositionChanged: _position,
    RoundTripClosed: _trip,
    RebalanceWanted: _rebalance,
    VenueSurprised: _surprised,
    TradingAlarmed: _alarmed,
    TradingStateChanged: _state,
    BalanceFound: _balance_found,
    BalanceMoved: _balance_moved,
    ModelPromoted: _promoted,
}
