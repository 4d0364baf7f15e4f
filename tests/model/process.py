"""A process of the model: its transactions, its requests, and how both may fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from executor.core.order import OrderState
from executor.core.steps import (
    Step,
    adds_to,
)
from executor.handlers.journal import _NEVER_THERE, _NOT_THERE, _SURPRISING, Journal
from executor.tasks.board import Board
from executor.tasks.leading import Leadership
from shared.domain.venue import (
    Ambiguous,
    Answer,
    NotSent,
    OrderRequest,
)
from tests.model.database import Database, DatabaseError, Row, Transaction, changed
from tests.model.exchange import Exchange
from tests.model.terms import ACCOUNT, RULES
from tests.model.world import Doing, Killed, Machine, Task, World, instant

JOURNAL = Journal(transactions=None, account=ACCOUNT, venue="venue", metrics=None, lots={})
_TIMEOUT = 10.0
_TRIES = 5


class Away(Exception):
    """The venue did not answer, or not clearly."""


@dataclass(frozen=True, slots=True)
class LocalClock:
    world: World
    machine: Machine

    def now(self) -> datetime:
        return instant(self.world.now + self.machine.skew)


class Process:
    """One executor's process. `breaks` names what is broken on purpose (`tests.model.breaking`)."""

    def __init__(
        self,
        world: World,
        database: Database,
        exchange: Exchange,
        name: str,
        breaks: frozenset[str],
    ) -> None:
        self.world, self.database, self.exchange = world, database, exchange
        self.breaks = breaks
        self.machine = Machine(name, skew=world.chance.uniform(-0.5, 0.5))
        self.clock = LocalClock(world, self.machine)
        self.board = Board(clock=self.clock)
        self.board.learn_rules(dict(RULES))
        self.leadership = Leadership(holder=name)
        self.to_look_at: list[str] = []
        self.is_in_doubt = False
        self.early: dict[str, list[Answer]] = {}
        self.next_open_orders = 0.0
        self.next_balances = 0.0
        self.is_suspected = False
        self.tasks: dict[str, Task] = {}

    def ring(self, name: str) -> None:
        if self.machine.is_alive:
            self.world.ring(self.tasks[name])

    def reach(self, point: str) -> None:
        """Pass a point at which the process may die."""
        if self.world.happens(0.012):
            self.world.note("dies at", point)
            self.world.crash(self.machine)
            raise Killed

    # --- the database

    def attempt(self, work: Callable[[Transaction], Doing]) -> Doing:
        for attempt in range(1, _TRIES + 1):
            try:
                return (yield from self.begin(work))
            except DatabaseError:
                if attempt == _TRIES:
                    raise
            yield self.world.chance.uniform(0.01, 0.2)
        raise AssertionError

    def begin(self, work: Callable[[Transaction], Doing]) -> Doing:
        uow = Transaction(self.database, self.machine)
        try:
            self.database.check()
            result = yield from work(uow)
            yield from uow.commit()
        finally:
            uow.release()
        return result

    def working(self) -> list[Row]:
        self.database.check()
        return list(self.database.working.values())

    def apply(
        self, identity: str, change: Callable[[OrderState, datetime], Sequence[Step]]
    ) -> Doing:
        def work(uow: Transaction) -> Doing:
            yield from uow.lock(identity)
            row = uow.row(identity)
            if row is not None:
                now = self.clock.now()
                self.write(uow, row, change(row.state, now), now)

        return (yield from self.attempt(work))

    def write(self, uow: Transaction, row: Row, steps: Sequence[Step], now: datetime) -> None:
        state, was = row.state, row.status
        for step in steps:
            if not adds_to(state, step):
                continue
            if step.fill is not None:
                uow.fills.append(step.fill)
            status = step.state.status
            kind = _SURPRISING.get(status)
            if kind is not None or (was in _NEVER_THERE and status not in _NOT_THERE):
                symbol = state.order.symbol
                uow.changes.append(partial(self.database.frozen.setdefault, symbol, str(status)))
            state, was = step.state, status
        if state is not row.state:
            identity = state.order.client_order_id
            uow.rows[identity] = changed(row, state, now)
            self.world.note("wrote", self.machine.name, identity[-6:], was)

    # --- the venue

    def ask(self, *, in_public: bool = False) -> Doing:
        """Ask the venue something; what it knows of the account may be silent for long."""
        yield self.world.chance.uniform(0.01, 0.15)
        is_silent = self.exchange.is_silent() and not in_public
        if is_silent or self.world.happens(0.08):
            yield self.world.chance.uniform(0.1, 5)
            raise Away

    def submit(self, request: OrderRequest) -> Doing:
        """Return what the executor hears; the request arrives once, later, or never."""
        world = self.world
        if "send before commit" in self.breaks:
            return self.early[request.client_order_id][0]
        if world.now > request.send_by:
            return NotSent(reason="held up too long")
        if world.happens(0.05):
            return NotSent(reason="connection refused, or no room within the rate limit")
        if world.happens(0.05):  # the lane stands still after its last look at the clock
            yield world.chance.choice((0.5, 4.0, 50.0, 60.0))
        if "new timestamp" in self.breaks:
            request = replace(request, signed_at=self.board.venue_now())
        return (yield from self._exchange(request))

    def _exchange(self, request: OrderRequest) -> Doing:
        world, chance, fate = self.world, self.world.chance, self._fate()
        reply: list[Answer] = []
        there = chance.uniform(0.005, 0.1)
        if fate == "late":
            there = chance.choice((chance.uniform(3, 20), chance.uniform(30, 75)))
        if fate != "lost":
            world.call(world.now + there, self.exchange.receive, request, reply)
        if fate in ("lost", "late"):
            yield _TIMEOUT if chance.random() < 0.7 else 0.1
        else:
            yield there + chance.uniform(0.005, 0.1)
        if fate == "cut" or not reply:
            return Ambiguous(reason=f"{fate}: no answer that can be understood")
        return reply[0]

    def _fate(self) -> str:
        if self.world.is_healing:
            return "answered"
        return self.world.chance.choices(("answered", "lost", "late", "cut"), (73, 8, 9, 10))[0]

    def _guarded(self, work: Callable[[], Doing]) -> Doing:
        try:
            yield from work()
        except (Away, DatabaseError):
            return

    def hint(self, identity: str) -> None:
        self.to_look_at.append(identity)
        self.ring("looker")
