"""The database of the model: rows, locks, read committed, and commits of which nobody is told."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from executor.core.absence import Search
from executor.core.leading import Lease
from executor.core.order import Order, OrderState
from shared.domain.clock import EPOCH
from shared.domain.enums import OrderStatus, TradingState
from shared.domain.order import Fill
from shared.domain.venue import OrderRef
from tests.model.world import Doing, Machine, World, instant

CONTROL, LEASE = "control", "lease"
_LOCK_WAIT = 3.0
_UNDATED = Search(final_after=None)


class DatabaseError(Exception):
    """Transient, as a deadlock or a lost connection is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the table of orders holds of one; reads like `executor.repository.requests.Standing`."""

    state: OrderState
    status: OrderStatus
    updated_at: datetime
    claimed_at: datetime | None = None
    lease_token: int | None = None
    signed_at: datetime | None = None
    reference_price: Decimal | None = None
    search: Search = _UNDATED

    @property
    def order(self) -> Order:
        return self.state.order

    @property
    def filled_quantity(self) -> Decimal:
        return self.state.facts.filled_quantity

    @property
    def venue_order_id(self) -> str | None:
        return min(self.state.facts.venue_order_ids, default=None)

    @property
    def ref(self) -> OrderRef:
        order = self.state.order
        return OrderRef(
            symbol=order.symbol,
            client_order_id=order.client_order_id,
            placed_at=self.signed_at or order.decided_at,
            venue_order_id=self.venue_order_id,
        )


@dataclass(slots=True)
class _Lock:
    owner: "Transaction | None" = None
    shared_by: "set[Transaction]" = field(default_factory=set)
    wanted: int = 0


class Database:
    """What is committed. `watch` hears of every order's change, `claimed` of every claim."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.offset = world.chance.uniform(-0.8, 0.8)
        self.rows: dict[str, Row] = {}
        self.working: dict[str, Row] = {}
        self.fills: dict[str, Fill] = {}
        self.frozen: dict[str, str] = {}
        self.state = TradingState.RUN
        self.lease = Lease(name="account", holder="nobody", token=0, expires_at=EPOCH)
        self.away_until = 0.0
        self.watch: Callable[[Row | None, Row], None] = lambda _before, _after: None
        self.took_lease: Callable[[Lease], None] = lambda _lease: None
        self.locks: dict[str, _Lock] = {}

    def now(self) -> datetime:
        return instant(self.world.now + self.offset)

    def check(self) -> None:
        """Fail as a statement does when the server is away."""
        if self.world.now < self.away_until or self.world.happens(0.004):
            raise DatabaseError("server has gone away")

    def put(self, row: Row) -> None:
        identity = row.state.order.client_order_id
        before = self.rows.get(identity)
        self.rows[identity] = row
        if row.status.is_terminal:
            self.working.pop(identity, None)
        else:
            self.working[identity] = row
        self.watch(before, row)

    def book(self, fill: Fill) -> None:
        if fill.trade_id in self.fills:
            raise DatabaseError(f"duplicate key {fill.trade_id}")
        self.fills[fill.trade_id] = fill


class Transaction:
    """Changes that are kept together or not at all; locks are held to the end."""

    def __init__(self, database: Database, machine: Machine) -> None:
        self.database = database
        self.machine = machine
        self.rows: dict[str, Row] = {}
        self.fills: list[Fill] = []
        self.changes: list[Callable[[], None]] = []
        self._held: list[_Lock] = []
        self._lands_later = False

    def row(self, identity: str) -> Row | None:
        return self.rows.get(identity) or self.database.rows.get(identity)

    def lock(self, key: str, *, shared: bool = False) -> Doing:
        database = self.database
        database.check()
        lock = database.locks.setdefault(key, _Lock())
        deadline = database.world.now + _LOCK_WAIT
        if not self._take(lock, shared):
            lock.wanted += not shared
            try:
                while not self._take(lock, shared, waited=not shared):
                    if database.world.now > deadline:
                        raise DatabaseError("lock wait timeout")
                    yield 0.05
            finally:
                lock.wanted -= not shared
        self._held.append(lock)

    def _take(self, lock: _Lock, shared: bool, waited: bool = False) -> bool:
        if lock.owner not in (None, self):
            return False
        if shared:
            if lock.wanted:
                return False
            lock.shared_by.add(self)
            return True
        if lock.shared_by - {self} or (lock.wanted and not waited):
            return False
        lock.owner = self
        return True

    def commit(self) -> Doing:
        """Keep everything; an error may come before it is kept or after."""
        database, world = self.database, self.database.world
        yield world.chance.uniform(0.0005, 0.004)
        database.check()
        if world.happens(0.012):
            self._lose_the_answer()
            raise DatabaseError("connection lost while committing")
        self._keep()

    def _lose_the_answer(self) -> None:
        """Be kept at once, not at all, or only after the client has given up: locked until then."""
        chance = self.database.world.chance
        fate = chance.choice(("kept", "lost", "late"))
        if fate == "kept":
            self._keep()
        elif fate == "late":
            self._lands_later = True
            self.database.world.call(self.database.world.now + chance.uniform(0.1, 2), self._land)

    def _land(self) -> None:
        self._lands_later = False
        self._keep()

    def _keep(self) -> None:
        database = self.database
        for fill in self.fills:
            database.book(fill)
        for row in self.rows.values():
            database.put(row)
        for change in self.changes:
            change()
        self.release()

    def release(self) -> None:
        if self._lands_later:
            return
        for lock in self._held:
            if lock.owner is self:
                lock.owner = None
            lock.shared_by.discard(self)
        self._held.clear()


def changed(row: Row, state: OrderState, at: datetime) -> Row:
    return replace(row, state=state, status=state.status, updated_at=at)
