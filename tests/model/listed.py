"""An order as the venue of the model keeps it: how it stood when, and what it traded."""

from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.enums import OrderStatus
from shared.domain.ids import VenueOrderId
from shared.domain.venue import OrderRequest, VenueFill

LIVE = (OrderStatus.OPEN, OrderStatus.PARTIAL)


@dataclass(slots=True)
class Seen:
    """How an order stood from `at` on."""

    at: float
    status: OrderStatus
    filled: Decimal


@dataclass(slots=True, eq=False)
class Listed:
    """An order that the venue accepted; `lags`: how late each endpoint shows it, in seconds."""

    request: OrderRequest
    venue_id: VenueOrderId
    history: list[Seen]
    lags: dict[str, float]
    trades: list[tuple[float, VenueFill]] = field(default_factory=list)

    @property
    def last(self) -> Seen:
        return self.history[-1]

    @property
    def is_live(self) -> bool:
        return self.last.status in LIVE

    def at(self, when: float) -> Seen | None:
        for seen in reversed(self.history):
            if seen.at <= when:
                return seen
        return None
