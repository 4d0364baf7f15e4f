"""Takes in orders with our tag that only the venue knows, or that were concluded to be absent.

Those that rest show among the open orders. One that has filled already shows by its executions
alone, and venues tell those without our id: the order of each execution nobody here knows is looked
up among the venue's recent ones. What rests and is not ours is kept beside the books.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from executor.core.planning import adopt
from executor.core.steps import adopt as adopted
from executor.handlers.journal import Seen
from executor.repository import account, requests
from executor.tasks.line import Line
from executor.tasks.looking import Looker
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import Interval, SurpriseKind
from shared.domain.events import ExternalOrdersSeen
from shared.domain.ids import Symbol, VenueOrderId, is_client_order_id_of
from shared.domain.venue import OrderReport, VenueFill

_PLACED_BEFORE = timedelta(hours=24)  # how long before its execution an order may have been placed
_LOOKS = 5  # a list may lag; what is never found was placed long ago, and not by us


def _no_looks() -> defaultdict[tuple[Symbol, VenueOrderId], int]:
    return defaultdict(int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopter:
    """`_looks`: how often the order of an execution was looked for in vain.

    Some venues count the orders of each instrument apart.
    """

    line: Line
    looker: Looker
    interval: Interval
    _looks: defaultdict[tuple[Symbol, VenueOrderId], int] = field(default_factory=_no_looks)

    def is_ours(self, report: OrderReport) -> bool:
        identity = report.client_order_id
        return identity is not None and is_client_order_id_of(
            self.line.mode, self.line.account, identity
        )

    def meet(self, report: OrderReport) -> None:
        """Meet an order of ours at the venue that should not be there."""
        line = self.line
        assert report.client_order_id is not None
        with line.transactions.read() as connection:
            standing = requests.find(connection, line.account, report.client_order_id)
        if standing is not None:
            self.looker.look_at(standing)
            return
        order = adopt(report, line.account, line.venue.name, self.interval)

        def work(uow: UnitOfWork) -> None:
            line.reach("executor.adopting")
            line.journal.take_in(uow, [adopted(order, report, uow.now)])
            detail = f"order {order.client_order_id} was at the venue and in no row"
            line.journal.surprise(uow, order.symbol, SurpriseKind.ADOPTED, detail)

        line.transactions.attempt(work)

    def note_strangers(self, seen: Sequence[OrderReport]) -> None:
        """Keep the open orders that are not ours beside the books, and say when they change."""
        line = self.line

        def work(uow: UnitOfWork) -> None:
            place = (line.venue.name, line.account)
            if account.replace_external(uow.connection, place, seen, uow.now):
                fact = ExternalOrdersSeen(
                    account=line.account,
                    venue=line.venue.name,
                    seen_at=uow.now,
                    orders=tuple(account.external_of(one) for one in seen),
                )
                uow.emit(fact)

        line.transactions.attempt(work)

    def trace(self, symbol: Symbol, told: Mapping[VenueOrderId, Sequence[VenueFill]]) -> None:
        """Find out whose executions these are, of orders no row names; take in what is ours."""
        looks = self._looks
        wanted = {one: fills for one, fills in told.items() if looks[symbol, one] < _LOOKS}
        if not wanted:
            return
        for report in self.line.venue.recent_orders(symbol, _since(wanted)):
            fills = wanted.pop(report.venue_order_id, None)
            if fills is None:
                continue
            if self.is_ours(report):
                self._take_in(report, fills)
            else:
                looks[symbol, report.venue_order_id] = _LOOKS
        for identity in wanted:
            looks[symbol, identity] += 1

    def _take_in(self, report: OrderReport, fills: Sequence[VenueFill]) -> None:
        line = self.line
        self.meet(report)
        with line.transactions.read() as connection:
            standing = requests.find(connection, line.account, report.client_order_id or "")
        if standing is not None:
            line.journal.see(standing, Seen(report=report, fills=tuple(fills)))


def _since(told: Mapping[VenueOrderId, Sequence[VenueFill]]) -> datetime:
    return min(one.filled_at for fills in told.values() for one in fills) - _PLACED_BEFORE
