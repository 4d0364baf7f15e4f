"""Says what happened, and counts it once it is committed."""

from collections.abc import Sequence
from typing import Any

from executor.core.order import snapshot
from executor.core.steps import Happening, Step
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
)
from shared.domain.order import Fill
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

_FACTS: dict[Happening, Any] = {
    Happening.CLAIMED: OrderSubmitted,
    Happening.ACCEPTED: OrderAccepted,
    Happening.REJECTED: OrderRejected,
    Happening.CANCELED: OrderCanceled,
    Happening.NOT_SENT: OrderExpired,
}
_BPS = 10_000


def announce(steps: Sequence[Step], uow: UnitOfWork, metrics: Metrics) -> None:
    for step in steps:
        order = snapshot(step.state, step.at)
        if step.fill is not None:
            uow.emit(OrderFilled(order=order, fill=step.fill))
        elif step.happening in _FACTS:  # a wish to cancel changes nothing for others
            uow.emit(_FACTS[step.happening](order=order))
    uow.after_commit(lambda: _count(steps, metrics))


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
    metrics.fees_quote_total.inc(float(fill.fee))
    worse = (fill.price / fill.reference_price - 1) * fill.side.sign
    metrics.order_slippage_bps.observe(float(worse) * _BPS)
