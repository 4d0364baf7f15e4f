"""What a read shows while the exchange's answers lag behind its matching."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from simulator.engine.model import Execution, SimulatedOrder, State


def executions_as_read(
    executions: Iterable[Execution], until: datetime | None
) -> Sequence[Execution]:
    return [one for one in executions if until is None or one.at <= until]


def as_read(orders: Iterable[SimulatedOrder], until: datetime | None) -> Sequence[SimulatedOrder]:
    """Return the orders as they stood at `until`; those accepted later are not there yet."""
    if until is None:
        return list(orders)
    return [_as_of(one, until) for one in orders if one.accepted_at <= until]


def _as_of(order: SimulatedOrder, until: datetime) -> SimulatedOrder:
    if order.updated_at <= until:
        return order
    seen = [one for one in order.executions if one.at <= until]
    was_pending = order.asked.stop_price is not None and not seen
    return replace(
        order,
        state=State.PENDING if was_pending else State.OPEN,
        executions=seen,
        updated_at=seen[-1].at if seen else order.accepted_at,
        has_triggered=order.has_triggered and not was_pending,
    )
