"""What happens to the executors of one seed, and how it ends."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from executor.core.planning import OrderPolicy, plan
from executor.core.steps import approve, request_cancel
from shared.domain.enums import OrderType, Purpose, Side, TimeInForce, TradingState
from shared.domain.ids import AccountId, DecisionId, client_order_id
from shared.domain.venue import OrderRequest
from tests.builders import APPROVED
from tests.model.checks import Auditor
from tests.model.database import CONTROL, Database, DatabaseError, Row, Transaction
from tests.model.exchange import KINDS, Exchange
from tests.model.executor import Executor
from tests.model.terms import ACCOUNT, MODE, PRICE, SYMBOLS
from tests.model.world import Broken, Doing, Machine, World, instant

CHAOS = 75.0
HEALED = 300.0
_LOOK_EVERY = 15.0
_POLICIES = (
    OrderPolicy(mode=MODE, venue="venue"),
    OrderPolicy(mode=MODE, venue="venue", entry_time_in_force=TimeInForce.GTC),
    OrderPolicy(mode=MODE, venue="venue", exit_type=OrderType.MARKET),
)


class Story:
    def __init__(self, seed: int, breaks: frozenset[str]) -> None:
        self.world = World(seed)
        chance = self.world.chance
        self.breaks = breaks
        self.database = Database(self.world)
        self.exchange = Exchange(self.world, KINDS[seed % len(KINDS)])
        self.exchange.checks_window = "no window" not in breaks
        self.auditor = Auditor(self.world, self.database, self.exchange)
        self.executors: list[Executor] = []
        self.names = 0
        self.human = Machine("human", skew=0.0)
        for _ in range(chance.choice((1, 2))):
            self._start_one()

    def _start_one(self) -> None:
        self.names += 1
        one = Executor(self.world, self.database, self.exchange, f"e{self.names}", self.breaks)
        self.executors.append(one)
        one.start()

    def _watch_over(self) -> None:
        """Start a process for each that has died."""
        for one in [one for one in self.executors if not one.machine.is_alive]:
            self.executors.remove(one)
            self.world.call(self.world.now + self.world.chance.uniform(0.5, 12), self._start_one)
        self.world.call(self.world.now + 1.0, self._watch_over)

    def plan(self) -> None:
        """Decide everything that chance decides beforehand."""
        world, chance = self.world, self.world.chance
        self._watch_over()
        approvals = [chance.uniform(1, 45) for _ in range(chance.randint(2, 7))]
        for number, at in enumerate(approvals):
            world.call(at, self._approve, number)
        if chance.random() < 0.3:  # just as something is being claimed
            world.call(chance.choice(approvals) + chance.uniform(0, 0.1), self._halt)
        for _ in range(chance.randint(0, 2)):
            world.call(chance.uniform(5, 65), self._pause)
        for share, since, until, what in (
            (0.4, 5, 60, self._crash),
            (0.25, 2, 50, self._halt),
            (0.3, 2, 60, self._step_clock),
            (0.2, 2, 60, self._lose_database),
            (0.3, 2, 60, self._place_strange),
            (0.5, 10, 70, self._wish_cancel),
            (0.1, 30, 70, self._restore),
        ):
            if chance.random() < share:
                world.call(chance.uniform(since, until), what)
        self.exchange.overfills = chance.random() < 0.03

    # --- what happens

    def _approve(self, number: int) -> None:
        chance = self.world.chance
        decision = DecisionId(f"decision-{self.world.seed}-{number}")
        side = chance.choice((Side.BUY, Side.BUY, Side.SELL))
        is_entry = side is Side.BUY
        decided_at = instant(self.world.now + self.database.offset)
        approved = replace(
            APPROVED,
            decision_id=decision,
            account=ACCOUNT,
            symbol=chance.choice(SYMBOLS),
            side=side,
            purpose=Purpose.ENTRY if is_entry else Purpose.EXIT,
            quantity=Decimal(chance.choice((4, 8, 12))),
            price=PRICE,
            limit_price=PRICE,
            decided_at=decided_at,
            expires_at=decided_at + timedelta(seconds=chance.choice((1, 3, 10, 30))),
        )
        order = plan(approved, chance.choice(_POLICIES))
        step = approve(order, decided_at)
        self.database.put(Row(state=step.state, status=step.state.status, updated_at=step.at))
        self.world.note("approved", order.client_order_id[-6:], side)
        for one in self.executors:
            one.ring("sender")

    def _someone(self) -> Executor | None:
        alive = [one for one in self.executors if one.machine.is_alive]
        return self.world.chance.choice(alive) if alive else None

    def _pause(self) -> None:
        one = self._someone()
        if one is not None:
            chance = self.world.chance
            seconds = chance.choice((chance.uniform(0.3, 5), chance.uniform(7, 25), 55.0))
            one.machine.paused_until = self.world.now + seconds
            self.world.note("stands still", one.machine.name, round(seconds, 3))

    def _crash(self) -> None:
        one = self._someone()
        if one is not None:
            self.world.crash(one.machine)

    def _step_clock(self) -> None:
        one = self._someone()
        if one is not None:
            one.machine.skew += self.world.chance.choice((-40.0, -0.6, -0.2, 0.2, 0.6, 2.0, 40.0))
            self.world.note("clock", one.machine.name, round(one.machine.skew, 3))

    def _lose_database(self) -> None:
        self.database.away_until = self.world.now + self.world.chance.uniform(1, 20)

    def _halt(self) -> None:
        self.world.start(self._halting(), self.human)

    def _halting(self) -> Doing:
        while not (yield from self._set_state(TradingState.HALT)):
            yield 0.2
        self.world.note("halted")
        for row in list(self.database.working.values()):
            one = self._someone()
            if row.order.purpose is Purpose.ENTRY and one is not None:
                try:
                    yield from one.intake_stopped(row)
                except DatabaseError:
                    continue
                one.ring("canceler")
        yield self.world.chance.uniform(1, 15)
        while not (yield from self._set_state(TradingState.RUN)):
            yield 0.2

    def _set_state(self, state: TradingState) -> Doing:
        uow = Transaction(self.database, self.human)
        try:
            yield from uow.lock(CONTROL)
            uow.changes.append(lambda: setattr(self.database, "state", state))
            yield from uow.commit()
        except DatabaseError:
            return self.database.state is state
        finally:
            uow.release()
        return True

    def _wish_cancel(self) -> None:
        one = self._someone()
        working = [
            row
            for row in self.database.working.values()
            if row.order.time_in_force is TimeInForce.GTC
        ]
        if one is not None and working:
            row = self.world.chance.choice(working)
            wish = one.apply(
                row.order.client_order_id, lambda state, now: [request_cancel(state, now)]
            )
            self.world.start(self._ignored(wish), one.machine)
            one.ring("canceler")

    def _ignored(self, work: Doing) -> Doing:
        try:
            yield from work
        except DatabaseError:
            return

    def _place_strange(self) -> None:
        """Have orders of other environments and accounts rest at the venue."""
        mode, account = self.world.chance.choice(
            (("mock", ACCOUNT), ("live", ACCOUNT), (MODE, AccountId("another")))
        )
        identity = client_order_id(mode, account, DecisionId(f"strange-{self.world.seed}"))
        request = OrderRequest(
            client_order_id=identity, symbol=SYMBOLS[0], side=Side.BUY, order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC, quantity=Decimal(1), limit_price=PRICE,
            signed_at=instant(self.world.now), window=timedelta(seconds=5), send_by=0.0,
        )  # fmt: skip
        self.exchange.place(request)

    def _restore(self) -> None:
        """Lose the row of an order that rests at the venue, as an older backup would."""
        for listed in self.exchange.orders:
            identity = listed.request.client_order_id
            row = self.database.working.get(identity)
            if row is None or not listed.is_live or listed.trades or row.venue_order_id is None:
                continue
            del self.database.rows[identity], self.database.working[identity]
            self.world.note("restored without", identity[-6:])
            return

    # --- from the first second to the last

    def tell(self) -> None:
        world = self.world
        self.plan()
        world.run(CHAOS)
        world.is_healing = True
        self.database.away_until = 0.0
        for one in self.executors:
            one.machine.skew = 0.0
            one.machine.paused_until = min(one.machine.paused_until, CHAOS)
        last: Broken | None = None
        while world.now < CHAOS + HEALED:
            world.run(world.now + _LOOK_EVERY)
            try:
                self.auditor.settle()
            except Broken as broken:
                last = broken
            else:
                if world.now >= CHAOS + 2 * _LOOK_EVERY:
                    return
        if last is not None:
            self.auditor.settle()
