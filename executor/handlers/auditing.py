"""What the audit says of orders: every command, once, in the chain of the executor.

A claim is told with the answer to it, or with what is found out after a crash: the order's row
holds it meanwhile, and between a claim and the first byte on the wire nobody waits for the chain.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from executor.core.steps import Happening, Step
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import OrderStatus
from shared.domain.values import to_text

EXECUTOR = "executor"

_COMMANDS: Mapping[Happening, str] = {
    Happening.CANCEL_REQUESTED: "order.cancel_requested",
    Happening.CANCELED: "order.canceled",
    Happening.NOT_SENT: "order.not_sent",
    Happening.ABSENT: "order.absent",
}


def audit_steps(steps: Sequence[Step], uow: UnitOfWork, actor: str = EXECUTOR) -> None:
    """Have the audit say what was commanded; what the venue did by itself is no command."""
    for step in steps:
        identity = step.state.order.client_order_id
        if step.was is None:
            action = "adopted" if step.happening is Happening.REPORTED else "taken_in"
            uow.audit(actor, f"order.{action}", identity, _terms(step))
        elif _has_left(step):
            uow.audit(EXECUTOR, "order.sent", identity, _terms(step))
        command = _COMMANDS.get(step.happening)
        if command is not None:
            uow.audit(actor, command, identity, {"reason": step.state.detail})


def _has_left(step: Step) -> bool:
    """Tell whether this is the first that is known of an order since it was claimed."""
    return (
        step.was is OrderStatus.SENDING
        and step.state.status is not OrderStatus.SENDING
        and step.happening is not Happening.NOT_SENT
    )


def _terms(step: Step) -> Mapping[str, Any]:
    order = step.state.order
    return {
        "decision_id": order.decision_id,
        "symbol": order.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "quantity": to_text(order.quantity),
        "limit_price": to_text(order.limit_price),
        "exit_reason": order.exit_reason,
        "status": step.state.status,
    }
