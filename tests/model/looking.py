"""How the executor of the model looks for orders and cancels them: `tasks.{looking,canceling}`."""

from dataclasses import replace
from datetime import datetime

from executor.core import absence
from executor.core.order import OrderState
from executor.core.steps import (
    Step,
    conclude_absence,
    doubt,
)
from executor.handlers.journal import Seen
from executor.tasks.looking import _UNSENT, ANSWERED_WITHIN, _wants_looking_after
from shared.domain.enums import OrderStatus
from tests.model.database import Row, Transaction
from tests.model.exchange import FIND, RECENT
from tests.model.process import JOURNAL, Away, Process
from tests.model.world import Doing, Nap


class Looking(Process):
    """Asks what became of orders."""

    def _looking(self) -> Doing:
        while True:
            while self.to_look_at:
                identity = self.to_look_at.pop(0)
                yield from self._guarded(lambda identity=identity: self._look(identity))
            yield Nap(60.0)

    def _look(self, identity: str) -> Doing:
        self.database.check()
        row = self.database.rows.get(identity)
        if row is not None and row.status not in _UNSENT and self.leadership.token is not None:
            yield from self._look_at(row)

    def _resolving(self) -> Doing:
        while True:
            yield from self._guarded(self._resolve)
            yield 2.0

    def _resolve(self) -> Doing:
        if self.leadership.token is None:
            return
        now = self.database.now()
        for row in self.working():
            standing = row
            if row.status is OrderStatus.SENDING and now - row.claimed_at >= ANSWERED_WITHIN:
                yield from self._doubt(row, "no answer was written down")
                standing = self.database.rows[row.order.client_order_id]
            if _wants_looking_after(standing):
                yield from self._guarded(lambda standing=standing: self._look_at(standing))

    def _doubt(self, row: Row, reason: str) -> Doing:
        def change(state: OrderState, now: datetime) -> list[Step]:
            return [doubt(state, reason, now)] if state.status is OrderStatus.SENDING else []

        yield from self.apply(row.order.client_order_id, change)

    def _look_at(self, row: Row) -> Doing:
        try:
            found = yield from self._find(row)
        except Away:
            if "error is a miss" not in self.breaks:
                raise
            found = None
        self.reach("looked")
        if found is None:
            yield from self._not_found(row)
            return
        told = ()
        if found.filled_quantity > row.filled_quantity:
            yield from self.ask()
            told = tuple(self.exchange.fills(row.order.symbol, found.venue_order_id))
        yield from self._see(row, Seen(report=found, fills=told))

    def _see(self, row: Row, seen: Seen) -> Doing:
        reference = row.reference_price
        yield from self.apply(
            row.order.client_order_id,
            lambda state, now: JOURNAL.seen_of(state, seen, reference, now),
        )

    def _find(self, row: Row) -> Doing:
        identity = row.order.client_order_id
        yield from self.ask()
        report = self.exchange.found(identity, FIND)
        if report is not None or row.status is not OrderStatus.UNKNOWN:
            return report
        if "single endpoint" in self.breaks:
            return None
        yield from self.ask()
        return self.exchange.found(identity, RECENT)

    def _not_found(self, row: Row) -> Doing:
        if row.status is not OrderStatus.UNKNOWN:
            return
        search = absence.missed(row.search, self.board.venue_now())
        if self.board.clock_problem() is not None or search == row.search:
            return
        identity = row.order.client_order_id
        self.world.note("missed", identity[-6:], search.misses)

        def work(uow: Transaction) -> Doing:
            yield from uow.lock(identity)
            fresh = uow.row(identity)
            if fresh is None or fresh.status is not OrderStatus.UNKNOWN:
                return
            fresh = uow.rows[identity] = replace(fresh, search=search)
            if search.is_conclusive:
                step = conclude_absence(fresh.state, "not found", self.clock.now())
                self.write(uow, fresh, [step], step.at)
                self.reach("absent_before_commit")

        yield from self.attempt(work)

    def _canceling(self) -> Doing:
        asked: dict[str, float] = {}
        while True:
            yield from self._guarded(lambda: self._cancel_wanted(asked))
            yield Nap(2.0)

    def _cancel_wanted(self, asked: dict[str, float]) -> Doing:
        if self.leadership.token is None:
            return
        for row in [one for one in self.working() if one.state.facts.is_cancel_requested]:
            identity = row.order.client_order_id
            if self.world.now - asked.get(identity, -9.0) >= 2.0:
                asked[identity] = self.world.now
                yield from self._guarded(lambda identity=identity: self._cancel(identity))

    def _cancel(self, identity: str) -> Doing:
        yield from self.ask()
        if not self.world.happens(0.1):
            self.exchange.cancel(identity)
        self.reach("cancel_sent")
        self.hint(identity)
