"""One line for each fact that a person would want to see pass."""

from shared.bus.envelope import Envelope
from shared.domain.enums import Action
from shared.domain.events import (
    EquityMarked,
    Event,
    OrderFilled,
    OrderRejected,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
    TradingStateChanged,
)


def headline(fact: Envelope) -> str | None:
    """Return the line, or None where nothing notable happened."""
    line = _line(fact.event)
    return None if line is None else f"{fact.occurred_at:%Y-%m-%d %H:%M}  {line}"


def _line(event: Event) -> str | None:
    match event:
        case SignalsAggregated():
            acting = [
                f"{s.action} {s.symbol}" for s in event.signals if s.action is not Action.HOLD
            ]
            line = f"signals     {', '.join(acting)}" if acting else None
        case RecommendationsIssued():
            proposals = [f"{r.purpose} {r.side} {r.symbol}" for r in event.recommendations]
            line = f"recommends  {', '.join(proposals)}"
        case RecommendationApproved() | RecommendationDenied():
            line = _verdict(event)
        case OrderFilled():
            fill = event.fill
            line = f"filled      {fill.side} {fill.quantity} {fill.symbol} at {fill.price}"
        case OrderRejected():
            line = f"rejected    {event.order.side} {event.order.symbol}: {event.order.detail}"
        case TradingStateChanged():
            line = f"trading     {event.state} by {event.actor}: {event.reason}"
        case EquityMarked() if event.as_of.hour == 0 and event.as_of.minute == 0:
            line = f"equity      {event.equity:.2f}, drawdown {event.drawdown_ratio:.2%}"
        case _:
            line = None
    return line


def _verdict(event: RecommendationApproved | RecommendationDenied) -> str:
    if isinstance(event, RecommendationApproved):
        one = event.approved
        return f"approved    {one.side} {one.quantity} {one.symbol} ({one.notional:.2f})"
    checks = ", ".join(breach.check for breach in event.denied.breaches)
    return f"denied      {event.denied.side} {event.denied.symbol}: {checks}"
