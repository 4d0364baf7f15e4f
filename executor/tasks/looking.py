"""Asks the venue what became of orders: right after an answer, on a hint, and every few seconds.

An order whose request may or may not have arrived is asked for by our id until it is found, or
until its absence is conclusive (`core.absence`). Errors count as nothing, and nothing is ever sent
again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty
from threading import Event

from executor.core.absence import Search, missed
from executor.core.order import OrderState
from executor.core.steps import Step, conclude_absence, doubt
from executor.handlers.journal import Seen
from executor.repository import orders, requests
from executor.repository.requests import Standing
from executor.tasks.line import Line, attempt
from shared.bus.unit_of_work import UnitOfWork
from shared.db.dialect import db_now
from shared.domain.enums import OrderStatus, OrderType, TimeInForce
from shared.domain.ids import ClientOrderId
from shared.domain.venue import OrderReport, VenueFill
from shared.runtime.logging import get_logger

log = get_logger()

ANSWERED_WITHIN = timedelta(seconds=15)  # longer than any request may take, retries being none
_LOOKED_BACK = timedelta(minutes=1)
_LOST = frozenset({OrderStatus.UNKNOWN, OrderStatus.SENDING})
_UNSENT = frozenset({OrderStatus.APPROVED, OrderStatus.SENDING})
_RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL})
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    line: Line

    def run(self, stop: Event) -> None:
        """Look at what is named, at once."""
        while not stop.is_set():
            try:
                identity = self.line.to_look_at.get(timeout=0.5)
            except Empty:
                continue
            attempt(lambda identity=identity: self.look(identity), "looking")

    def run_rounds(self, stop: Event) -> None:
        """Look at everything that is in doubt, again and again."""
        while not stop.is_set():
            stop.wait(max(attempt(self.resolve, "resolving"), self.line.pauses.resolve))

    def look(self, identity: ClientOrderId) -> OrderState | None:
        """Ask for one order and write down what is found."""
        with self.line.transactions.read() as connection:
            standing = requests.find(connection, self.line.account, identity)
        if standing is None or standing.status in _UNSENT or not self.line.may_act():
            return None
        return self.look_at(standing)

    def resolve(self) -> None:
        """Look at every order that has not ended and is not simply resting."""
        if not self.line.may_act():
            return
        with self.line.transactions.read() as connection:
            working = requests.working(connection, self.line.account)
            now = db_now(connection)
        unknown = [one for one in working if one.status in _LOST]
        self.line.metrics.order_unknown_outcomes.set(len(unknown))
        for standing in working:
            attempt(lambda standing=standing: self._resolve(standing, now), "resolving")

    def _resolve(self, standing: Standing, now: datetime) -> None:
        known = self._doubted(standing, now)
        if _wants_looking_after(known):
            self.look_at(known)

    def recover(self) -> None:
        """Doubt whatever an earlier holder of the lease claimed and left without an answer."""
        with self.line.transactions.read() as connection:
            working = requests.working(connection, self.line.account)
        token = self.line.leadership.token
        for standing in working:
            if standing.status is OrderStatus.SENDING and standing.lease_token != token:
                self._doubt(standing, "the executor that sent it is gone")

    def _doubted(self, standing: Standing, now: datetime) -> Standing:
        """Return the order, in doubt if it was sent too long ago for an answer to come."""
        claimed = standing.claimed_at
        is_sending = standing.status is OrderStatus.SENDING
        if not is_sending or claimed is None or now - claimed < ANSWERED_WITHIN:
            return standing
        self._doubt(standing, "no answer was written down")
        with self.line.transactions.read() as connection:
            again = requests.find(connection, self.line.account, standing.order.client_order_id)
        return standing if again is None else again

    def _doubt(self, standing: Standing, reason: str) -> None:
        def change(state: OrderState, now: datetime) -> list[Step]:
            return [doubt(state, reason, now)] if state.status is OrderStatus.SENDING else []

        self.line.journal.apply(standing.order.client_order_id, change)

    def look_at(self, standing: Standing) -> OrderState | None:
        # dated before it is asked: a slow answer may be older than the horizon it ends after
        search = missed(standing.search, self.line.board.venue_now())
        found = self._find(standing, search)
        self.line.reach("executor.looked")
        if found is None:
            return self._not_found(standing, search)
        fills: tuple[VenueFill, ...] = ()
        if found.filled_quantity > standing.filled_quantity or found.fills:
            fills = found.fills or self._fills(standing, found)
        return self.line.journal.see(standing, Seen(report=found, fills=fills))

    def _find(self, standing: Standing, search: Search) -> OrderReport | None:
        report = self.line.venue.find_order(standing.ref)
        would_count = standing.status is OrderStatus.UNKNOWN and search != standing.search
        if report is not None or not would_count:
            return report
        # before absence is believed, a second endpoint: one may read from a copy that lags
        since = standing.ref.placed_at - _LOOKED_BACK
        recent = self.line.venue.recent_orders(standing.order.symbol, since)
        identity = standing.order.client_order_id
        return next((one for one in recent if one.client_order_id == identity), None)

    def _fills(self, standing: Standing, found: OrderReport) -> tuple[VenueFill, ...]:
        ref = replace(standing.ref, venue_order_id=found.venue_order_id)
        since = ref.placed_at - _LOOKED_BACK
        told = self.line.venue.fills(standing.order.symbol, since, ref)
        return tuple(one for one in told if one.venue_order_id == found.venue_order_id)

    def _not_found(self, standing: Standing, search: Search) -> OrderState | None:
        """Count a clear miss of an order in doubt; an order that was there is not made absent."""
        if standing.status is not OrderStatus.UNKNOWN:
            log.warning("order.not_found", client_order_id=standing.order.client_order_id)
            return None
        if self.line.board.clock_problem() is not None or search == standing.search:
            return None

        def work(uow: UnitOfWork) -> OrderState | None:
            identity = standing.order.client_order_id
            state = orders.load_state(uow.connection, self.line.account, identity)
            if state is None or state.status is not OrderStatus.UNKNOWN:
                return state
            requests.save_search(uow.connection, identity, search)
            if not search.is_conclusive:
                return state
            reason = f"{search.misses} clear looks after {search.final_after} did not find it"
            after = self.line.journal.write(uow, state, [conclude_absence(state, reason, uow.now)])
            self.line.reach("executor.absent_before_commit")
            return after

        return self.line.transactions.attempt(work)


def _wants_looking_after(standing: Standing) -> bool:
    """Tell whether something must come soon: what simply rests is compared with all the others."""
    if standing.status in _RESTING:
        order = standing.order
        return order.order_type is OrderType.MARKET or order.time_in_force in _AT_ONCE
    return standing.status not in _UNSENT
