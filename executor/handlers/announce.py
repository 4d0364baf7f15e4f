"""Says what happened, and counts it once it is committed."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from executor.core.order import snapshot
from executor.core.steps import Happening, Step
from executor.handlers.auditing import EXECUTOR, audit_steps
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import OrderStatus, Side, SurpriseKind
from shared.domain.events import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
)
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import ZERO
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

_FACTS: dict[Happening, Any] = {
    Happening.CLAIMED: OrderSubmitted,
    Happening.AMBIGUOUS: OrderUnknown,
    Happening.ACCEPTED: OrderAccepted,
    Happening.REJECTED: OrderRejected,
    Happening.CANCELED: OrderCanceled,
    Happening.NOT_SENT: OrderExpired,
    Happening.ABSENT: OrderExpired,
}
_UNSEEN = frozenset(
    {
        None,
        OrderStatus.APPROVED,
        OrderStatus.SENDING,
        OrderStatus.UNKNOWN,
        OrderStatus.NOT_SENT,
        OrderStatus.ABSENT,
    }
)
_NEVER_THERE = frozenset({OrderStatus.NOT_SENT, OrderStatus.ABSENT, OrderStatus.REJECTED})
_GONE_WRONG = _NEVER_THERE | {OrderStatus.UNKNOWN}
_ENDED_SHORT = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED})
_BPS = 10_000


def announce(
    steps: Sequence[Step], uow: UnitOfWork, metrics: Metrics, actor: str = EXECUTOR
) -> None:
    """Say what happened; `actor` is who commanded it."""
    audit_steps(steps, uow, actor)
    for step in steps:
        order = snapshot(step.state, step.at)
        if step.fill is not None:
            uow.emit(OrderFilled(order=order, fill=step.fill))
        fact = None if _had_ended(step) else _FACTS.get(step.happening) or _by_status(step)
        if fact is not None:  # a wish to cancel changes nothing for others
            uow.emit(fact(order=order))
    uow.after_commit(lambda: _count(steps, metrics))


def _had_ended(step: Step) -> bool:
    """Tell whether its end was said before: a late sender may yet tell that it never left."""
    return step.was in _NEVER_THERE and step.state.status in _NEVER_THERE


def _by_status(step: Step) -> Any:
    """Return what a report or a fill says by how the order stands now and stood before."""
    if step.happening not in (Happening.REPORTED, Happening.FILLED, Happening.CLOSED):
        return None
    status = step.state.status
    if step.happening is Happening.CLOSED and status is OrderStatus.ABSENT:
        return OrderExpired
    if status in _ENDED_SHORT:
        return None if step.was is status else OrderCanceled
    if step.fill is not None:
        return None
    return OrderAccepted if step.was in _UNSEEN or _is_back(step) else None


def _is_back(step: Step) -> bool:
    """Tell whether an order that had ended is found to have more to come."""
    was = step.was
    return was is not None and was.is_terminal and not step.state.status.is_terminal


def count_from_zero(venue: str, metrics: Metrics) -> None:
    """Begin the counts of what goes wrong: a first failure would otherwise look like no change."""
    for side in Side:
        for status in _GONE_WRONG:
            metrics.orders_total.labels(venue=venue, side=side, status=status)
    for kind in SurpriseKind:
        metrics.execution_surprises_total.labels(venue=venue, kind=kind)


def _count(steps: Sequence[Step], metrics: Metrics) -> None:
    for step in steps:
        order, status = step.state.order, step.state.status
        labels = {"venue": order.venue, "side": order.side, "status": status}
        metrics.orders_total.labels(**labels).inc()
        if step.fill is not None:
            _count_fill(step.fill, metrics)
        name = f"order.{step.happening}"
        log.info(
            name,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            status=status,
            detail=step.state.detail,
        )


def _count_fill(fill: Fill, metrics: Metrics) -> None:
    metrics.fills_total.labels(venue=fill.venue, liquidity=fill.liquidity).inc()
    metrics.fees_quote_total.inc(max(float(_fee_in_quote(fill)), 0.0))  # a rebate is no fee
    worse = (fill.price / fill.reference_price - 1) * fill.side.sign
    metrics.order_slippage_bps.observe(float(worse) * _BPS)


def _fee_in_quote(fill: Fill) -> Decimal:
    """Return the fee at the fill's own price; what is paid in a third asset has no price here."""
    base, quote = split_symbol(fill.symbol)
    if fill.fee_asset == base:
        return fill.fee * fill.price
    return fill.fee if fill.fee_asset == quote else ZERO
