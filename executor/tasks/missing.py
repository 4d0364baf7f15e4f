"""Orders that rest in the books and in no list of the venue: looked for by our id, then told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from executor.core.reconciliation import DifferenceKind
from executor.repository.requests import Standing
from executor.tasks.line import Line
from executor.tasks.looking import Looker
from shared.domain.enums import OrderStatus, SurpriseKind
from shared.domain.ids import ClientOrderId

_SETTLING = timedelta(seconds=5)  # a venue's list may lag behind what we know already
_AT_VENUE = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """`_before`: what was not found the last time; twice in a row is no lag any more."""

    line: Line
    looker: Looker
    _before: set[ClientOrderId] = field(default_factory=set[ClientOrderId])

    def look_for(self, working: Sequence[Standing], listed: Iterable[ClientOrderId | None]) -> None:
        """Look at every order that should rest and is not listed; most have simply ended."""
        gone = [one for one in self._unlisted(working, listed) if self.looker.look_at(one) is None]
        now = {one.order.client_order_id for one in gone}
        for standing in gone:
            if standing.order.client_order_id in self._before:
                self._tell(standing)
        self._before.clear()
        self._before.update(now)
        gauge = self.line.metrics.reconciliation_divergence
        kind = DifferenceKind.ORDER_NOT_AT_VENUE
        gauge.labels(venue=self.line.venue.name, kind=kind).set(len(gone))

    def _unlisted(
        self, working: Sequence[Standing], listed: Iterable[ClientOrderId | None]
    ) -> list[Standing]:
        here, now = set(listed), self.line.board.clock.now()
        return [
            one
            for one in working
            if one.status in _AT_VENUE
            and one.order.client_order_id not in here
            and self.line.board.rules(one.order.symbol) is not None
            and now - one.updated_at > _SETTLING
        ]

    def _tell(self, standing: Standing) -> None:
        order = standing.order
        detail = f"order {order.client_order_id} is {standing.status} here and unknown at the venue"
        self.line.transactions.attempt(
            lambda uow: self.line.journal.surprise(uow, order.symbol, SurpriseKind.MISSING, detail)
        )
