"""How trading has gone lately: losses in a row, and orders that failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from shared.domain.enums import OrderStatus
from shared.domain.ids import ClientOrderId
from shared.domain.order import OrderSnapshot, progress
from shared.domain.values import ZERO

_FAILED = frozenset(
    {OrderStatus.UNKNOWN, OrderStatus.REJECTED, OrderStatus.NOT_SENT, OrderStatus.ABSENT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """`losses_in_row`: losing round trips since the last winning one; `lost_at`: the latest.

    `ended`, `failed`: orders of the failure window that have ended or are in doubt, and those of
    them that were refused, never sent, or whose outcome is unknown.
    """

    losses_in_row: int = 0
    lost_at: datetime | None = None
    ended: int = 0
    failed: int = 0


CLEAN = Conduct()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrip:
    """One round trip that is over, and what it earned after fees."""

    trip_id: str
    closed_at: datetime
    pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an order stood by the latest fact heard of it, said at `changed_at`."""

    client_order_id: ClientOrderId
    status: OrderStatus
    filled_quantity: Decimal
    changed_at: datetime


def heard(before: Outcome | None, order: OrderSnapshot) -> Outcome:
    """Return the outcome after one more fact of the order, in whatever order facts arrive."""
    if before is not None and order.progress <= progress(before.status, before.filled_quantity):
        return before
    return Outcome(
        client_order_id=order.client_order_id,
        status=order.status,
        filled_quantity=order.filled_quantity,
        changed_at=order.updated_at,
    )


def is_win(trip: ClosedTrip) -> bool:
    return trip.pnl > ZERO


def conduct_of(newest_first: Iterable[ClosedTrip], outcomes: Mapping[OrderStatus, int]) -> Conduct:
    """Return the conduct from round trips, newest first, and the outcomes of the failure window.

    A trip that earned nothing and lost nothing neither ends a row of losses nor makes it longer. An
    order that still waits says nothing yet. `outcomes`: how many orders stand how.
    """
    since_win = takewhile(lambda trip: not is_win(trip), newest_first)
    losses = [trip.closed_at for trip in since_win if trip.pnl < ZERO]
    failed = sum(count for status, count in outcomes.items() if status in _FAILED)
    ended = sum(count for status, count in outcomes.items() if status.is_terminal)
    return Conduct(
        losses_in_row=len(losses),
        lost_at=max(losses, default=None),
        ended=ended + outcomes.get(OrderStatus.UNKNOWN, 0),
        failed=failed,
    )
