"""How the executor of the model compares and adopts, and all of it together."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from executor.core.order import OrderState
from executor.core.planning import adopt
from executor.core.steps import (
    Step,
    give_up,
    request_cancel,
)
from executor.core.steps import adopt as adopted
from executor.handlers.journal import Seen
from executor.tasks.looking import _UNSENT
from executor.tasks.missing import _AT_VENUE, _SETTLING
from shared.domain.enums import Interval, OrderStatus
from shared.domain.ids import is_client_order_id_of
from shared.domain.venue import (
    OrderReport,
)
from tests.model.database import Row, Transaction
from tests.model.exchange import OPEN, RECENT
from tests.model.looking import Looking
from tests.model.sending import Sending
from tests.model.terms import ACCOUNT, MODE, SYMBOLS
from tests.model.world import Doing, Nap


class Executor(Sending, Looking):
    """One executor of the model: the tasks of `executor.tasks` in virtual time.

    Whatever is decided is decided by the executor's own functions; only what is not pure
    (transactions, requests, threads) is done here by hand, in the same order as there.
    """

    def start(self) -> None:
        duties = {
            "leader": self._leading,
            "timekeeper": self._timing,
            "syncer": self._syncing,
            "sender": self._sending,
            "canceler": self._canceling,
            "looker": self._looking,
            "resolver": self._resolving,
        }
        for name, duty in duties.items():
            self.tasks[name] = self.world.start(duty(), self.machine)

    def _syncing(self) -> Doing:
        while True:
            yield from self._guarded(self._sync)
            yield Nap(2.5)

    def _sync(self) -> Doing:
        token = self.leadership.token
        if token is None:
            return
        if self.board.recovered != token:
            yield from self._recover(token)
        if self.is_in_doubt or self.world.now >= self.next_open_orders:
            self.is_in_doubt = False
            self.next_open_orders = self.world.now + 10.0
            yield from self._sync_open_orders()
            yield from self._sync_fills(self._active())
        if self.world.now >= self.next_balances:
            self.next_balances = self.world.now + 60.0
            yield from self._compare_balances()

    def _compare_balances(self) -> Doing:
        """Read every execution where what is held differs twice from what the fills explain."""
        yield from self.ask()
        differs = self.exchange.moved() != sum(
            (one.side.sign * one.quantity for one in self.database.fills.values()), Decimal(0)
        )
        if differs and self.is_suspected:
            yield from self._sync_fills(SYMBOLS)
        self.is_suspected = differs

    def _recover(self, token: int) -> Doing:
        for row in self.working():
            if row.status is OrderStatus.SENDING and row.lease_token != token:
                yield from self._doubt(row, "the executor that sent it is gone")
        yield from self._sync_open_orders()
        for row in self.working():
            if row.status not in _UNSENT:
                yield from self._look_at(row)
        yield from self._sync_fills(SYMBOLS)
        self.board.recovered = token
        self.world.note("recovered", self.machine.name, token)
        self.ring("sender")

    def _sync_open_orders(self) -> Doing:
        yield from self.ask()
        theirs = self.exchange.shown(OPEN)
        known = {one.order.client_order_id: one for one in self.working()}
        ours = [one for one in theirs if is_client_order_id_of(MODE, ACCOUNT, one.client_order_id)]
        for report in ours:
            row = known.get(report.client_order_id)
            if row is None:
                yield from self._unexpected(report)
            elif row.status not in _UNSENT and (row.status, row.filled_quantity) != (
                report.status,
                report.filled_quantity,
            ):
                yield from self._look_at(row)
        here, now = {one.client_order_id for one in ours}, self.clock.now()
        for row in known.values():
            is_gone = row.status in _AT_VENUE and row.order.client_order_id not in here
            if is_gone and now - row.updated_at > _SETTLING:
                yield from self._look_at(row)

    def _unexpected(self, report: OrderReport) -> Doing:
        if "no adoption" in self.breaks:
            return
        row = self.database.rows.get(report.client_order_id)
        if row is not None:
            yield from self._look_at(row)
            return
        order = adopt(report, ACCOUNT, "venue", Interval.H1)

        def work(uow: Transaction) -> Doing:
            yield from uow.lock(order.client_order_id)
            if uow.row(order.client_order_id) is None:
                self.reach("adopting")
                step = adopted(order, report, self.clock.now())
                uow.rows[order.client_order_id] = Row(
                    state=step.state, status=step.state.status, updated_at=step.at
                )

        yield from self.attempt(work)
        self.world.note("adopted", order.client_order_id[-6:])

    def _active(self) -> list[str]:
        now = self.clock.now()
        return sorted(
            {
                row.order.symbol
                for row in self.database.rows.values()
                if not row.status.is_terminal or now - row.updated_at < timedelta(minutes=2)
            }
        )

    def _sync_fills(self, symbols: Iterable[str]) -> Doing:
        for symbol in symbols:
            yield from self.ask()
            by_order: dict[str, list] = {}
            for told in self.exchange.fills(symbol):
                by_order.setdefault(told.venue_order_id, []).append(told)
            strange = {}
            for venue_id, told in by_order.items():
                row = self._by_venue_id(venue_id)
                if row is None:
                    strange[venue_id] = told
                else:
                    yield from self._see(row, Seen(report=None, fills=tuple(told)))
            yield from self._trace(strange)

    def _trace(self, strange: dict[str, list]) -> Doing:
        """Find out whose executions these are, as `executor.tasks.adopting` does."""
        if not strange or "no adoption" in self.breaks:
            return
        yield from self.ask()
        for report in self.exchange.shown(RECENT):
            told = strange.get(report.venue_order_id)
            identity = report.client_order_id
            if told is None or not is_client_order_id_of(MODE, ACCOUNT, identity):
                continue
            yield from self._unexpected(report)
            row = self.database.rows.get(identity)
            if row is not None:
                yield from self._see(row, Seen(report=report, fills=tuple(told)))

    def _by_venue_id(self, venue_id: str) -> Row | None:
        self.database.check()
        rows = self.database.rows.values()
        return next((one for one in rows if one.venue_order_id == venue_id), None)

    def intake_stopped(self, row: Row) -> Doing:
        """Do what `Intake` does with a working entry when trading is restrained."""

        def change(state: OrderState, now: datetime) -> list[Step]:
            if state.status is OrderStatus.APPROVED:
                return [give_up(state, "entries were stopped before it was sent", now)]
            return [request_cancel(state, now)]

        yield from self.apply(row.order.client_order_id, change)
