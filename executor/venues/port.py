"""What the executor asks of a venue; answers are values, because each one leads somewhere else.

There is no look-up of single orders here: the one venue that exists answers within our own
transaction, so a claimed order without an answer is known never to have reached it. Venues behind
a network bring theirs.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from executor.core.order import Order
from executor.core.reconciliation import AccountView
from shared.domain.ids import VenueOrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    venue_order_id: VenueOrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Final: the order does not exist at the venue."""

    reason: str


Answer = Accepted | Refused


class Venue(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def is_in_process(self) -> bool:
        """Whether answers are a rule of ours, booked in the very transaction that asks."""
        ...

    def submit(self, order: Order) -> Answer: ...

    def view(self, since: datetime) -> AccountView:
        """Return open orders, trades since an instant, and balances as the venue has them."""
        ...
