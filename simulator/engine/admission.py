"""Whether an order comes in, and what it then is."""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.engine.desk import Desk
from simulator.engine.model import (
    DuplicateIds,
    NewOrder,
    Refusal,
    Rejection,
    SimulatedOrder,
)
from simulator.engine.rules import review, would_take, would_trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedOrder:
    """An order that never existed, as it was asked for."""

    order: NewOrder
    rejection: Rejection
    detail: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Admission:
    """`refused` is everything that was turned away, oldest first."""

    desk: Desk
    refused: list[RefusedOrder] = field(default_factory=list[RefusedOrder])
    _newest: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def admit(self, order: NewOrder, at: datetime) -> SimulatedOrder:
        """Return the order as it then stands: a new one, or the first with this client id.

        Raises:
            Refusal: nothing of it exists.
        """
        try:
            first = self._first_of(order)
            if first is not None:
                return first
            self._look_at(order, at)
            accepted = self.desk.accept(order, at)
        except Refusal as refusal:
            self.refused.append(
                RefusedOrder(order=order, rejection=refusal.rejection, detail=refusal.detail, at=at)
            )
            raise
        self._newest[order.account, order.client_order_id] = accepted.venue_order_id
        return accepted

    def _first_of(self, order: NewOrder) -> SimulatedOrder | None:
        """Return the order that already has this client id, where the house gives it back."""
        if not order.client_order_id:
            raise Refusal(Rejection.INVALID_CLIENT_ORDER_ID, "the client id is empty")
        known = self._newest.get((order.account, order.client_order_id))
        if known is None:
            return None
        if self.desk.house.duplicate_ids is DuplicateIds.RETURN_FIRST:
            return self.desk.snapshots[known]
        if known in self.desk.open:
            raise Refusal(Rejection.DUPLICATE_CLIENT_ORDER_ID, "an open order has this client id")
        return None

    def _look_at(self, order: NewOrder, at: datetime) -> None:
        market = self.desk.books.markets.get(order.symbol)
        if market is None:
            raise Refusal(Rejection.UNKNOWN_SYMBOL, f"no instrument '{order.symbol}'")
        price = market.price(at)
        review(order, market.listing, self.desk.house, price)
        if order.good_until is not None and order.good_until <= at:
            raise Refusal(Rejection.UNSUPPORTED, "the end time has passed")
        resting = sum(one.asked.account == order.account for one in self.desk.open.values())
        if resting >= self.desk.house.max_open_orders:
            raise Refusal(Rejection.TOO_MANY_ORDERS, f"{resting} orders are open")
        if would_trigger(order, price):
            raise Refusal(Rejection.STOP_WOULD_TRIGGER, f"the price is {price}")
        opposite = self.desk.books.opposite(order.symbol, order.side, at)
        if order.is_post_only and opposite and would_take(order, opposite[0][0]):
            raise Refusal(Rejection.POST_ONLY_WOULD_TAKE, f"the other side is at {opposite[0][0]}")
