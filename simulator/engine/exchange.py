"""The simulated exchange for any number of threads: one lock, one order of events.

Every call first lets the time that has passed do its work: prices move, stops trigger, orders rest
or expire, a dead man's orders go. Every change is followed by a proof of the books.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from threading import RLock

from shared.domain.candle import Candle
from shared.domain.clock import Clock
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.values import MONEY
from simulator.engine.admission import Admission, RefusedOrder
from simulator.engine.book import Books
from simulator.engine.clocks import SkewedClock
from simulator.engine.dead_man import DeadMen
from simulator.engine.desk import Desk
from simulator.engine.hearing import Hear, Hearers
from simulator.engine.ledger import ConservationBroken, Ledger
from simulator.engine.model import (
    Depth,
    Execution,
    Funds,
    House,
    Listing,
    NewOrder,
    Refusal,
    Rejection,
    SimulatedOrder,
    State,
)
from simulator.engine.reading import as_read, executions_as_read
from simulator.engine.resting import expire, move
from simulator.market import Market, Pin, next_step

_MOST_LOOKS = 10_000


class Exchange:
    """Keeps `simulator.engine.port.ExchangePort`, and what the faults and the oracle need.

    `seed` decides every id, queue and depth.
    """

    def __init__(
        self, house: House, markets: Mapping[Symbol, Market], clock: Clock, seed: int = 1
    ) -> None:
        self._house = house
        self._markets = dict(markets)
        self.clock = SkewedClock(clock)
        self.seed = seed
        self.lag = timedelta(0)
        self._desk = Desk(seed=seed, house=house, books=Books(self._markets), ledger=Ledger())
        self._admission = Admission(desk=self._desk)
        self._dead_men = DeadMen()
        self._moved_to = clock.now()
        self._lock = RLock()
        self._hearers = Hearers()

    @property
    def house(self) -> House:
        return self._house

    @property
    def listings(self) -> Mapping[Symbol, Listing]:
        return {symbol: market.listing for symbol, market in self._markets.items()}

    def now(self) -> datetime:
        return self.clock.now()

    def depth(self, symbol: Symbol) -> Depth:
        with self._turn():
            return self._desk.books.depth(symbol, self._moved_to)

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        return self._markets[symbol].candles(interval, start, end, self.now())

    def funds(self, account: str) -> Mapping[str, Funds]:
        with self._turn():
            return self._desk.ledger.funds(account)

    def submit(self, order: NewOrder) -> SimulatedOrder:
        with self._turn():
            return self._admission.admit(order, self._moved_to)

    def cancel(self, account: str, venue_order_id: str) -> SimulatedOrder:
        with self._turn():
            order = self._desk.open.get(venue_order_id)
            if order is None or order.asked.account != account:
                raise Refusal(Rejection.UNKNOWN_ORDER, f"no open order '{venue_order_id}'")
            self._desk.end(order, State.CANCELED, self._moved_to)
            return self._desk.snapshots[venue_order_id]

    def orders(self, account: str) -> Sequence[SimulatedOrder]:
        with self._turn():
            mine = [one for one in self._desk.snapshots.values() if one.asked.account == account]
            return as_read(reversed(mine), self._read_until())

    def executions(self, account: str) -> Sequence[Execution]:
        with self._turn():
            mine = [one for one in reversed(self._desk.executions) if one.account == account]
            return executions_as_read(mine, self._read_until())

    def _read_until(self) -> datetime | None:
        return self._moved_to - self.lag if self.lag else None

    def arm_dead_man(self, account: str, seconds: float, symbols: Sequence[Symbol]) -> None:
        with self._turn():
            self._dead_men.arm(account, symbols, self._moved_to, seconds)

    def subscribe(self, account: str, hear: Hear) -> Callable[[], None]:
        with self._lock:
            hearer = self._hearers.enter(account, hear)

        def leave() -> None:
            with self._lock:
                self._hearers.leave(hearer)

        return leave

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring in money; a negative amount takes it out.

        Raises:
            Refusal: INSUFFICIENT_FUNDS.
        """
        with self._turn():
            if self._desk.ledger.available(account, asset) + amount < 0:
                raise Refusal(Rejection.INSUFFICIENT_FUNDS, f"less than {-amount} {asset} is free")
            self._desk.ledger.deposit(account, asset, amount)
            self._prove()

    def set_price(
        self, symbol: Symbol, price: Decimal | None, level_quantity: Decimal | None = None
    ) -> None:
        """Hold the price from now on, or let it walk again where it is None.

        `level_quantity`, in base, is then the depth of every level of the book.
        """
        with self._turn():
            self._markets[symbol].pin(
                Pin(at=self._moved_to, price=price, level_quantity=level_quantity)
            )
            move(self._desk, self._moved_to)

    def advance(self) -> datetime:
        """Let the time that has passed do its work, and return the exchange's time."""
        with self._turn():
            return self._moved_to

    def set_offset(self, offset: timedelta) -> None:
        """Move the exchange's clock against the machine's."""
        with self._lock:
            self.clock.offset = offset

    def set_lag(self, lag: timedelta) -> None:
        """Hide from reads of orders and executions what is younger than this."""
        with self._lock:
            self.lag = lag

    def everything(self) -> tuple[Sequence[SimulatedOrder], Sequence[RefusedOrder]]:
        """Return all orders that were ever accepted and all that were refused, oldest first."""
        with self._turn():
            return tuple(self._desk.snapshots.values()), tuple(self._admission.refused)

    def accounts(self) -> Sequence[str]:
        with self._turn():
            return sorted(self._desk.ledger.totals)

    def breaches(self) -> Sequence[str]:
        """Return what is wrong with the books; nothing, unless the simulator itself is."""
        with self._lock, localcontext(MONEY):
            return self._desk.ledger.breaches(self._desk.expected_holds())

    @contextmanager
    def _turn(self) -> Generator[None]:
        """Do one thing at a time, in the exchange's present, and prove the books after it."""
        try:
            with self._lock, localcontext(MONEY):
                try:
                    self._catch_up()
                    yield
                finally:
                    if self._desk.outbox:
                        self._hearers.post(self._desk.outbox)
                        self._desk.outbox.clear()
                        self._prove()
        finally:
            self._hearers.deliver()

    def _catch_up(self) -> None:
        now = max(self.now(), self._moved_to)  # a clock put back does not undo what has happened
        stride = (now - self._moved_to) / _MOST_LOOKS  # a long sleep is looked at more coarsely
        while self._desk.open or self._dead_men.are_any:
            step = max(next_step(self._moved_to), self._moved_to + stride)
            due = min((step, *self._deadlines()))
            if due > now:
                break
            self._moved_to = max(due, self._moved_to)
            self._at_moment(self._moved_to)
        self._moved_to = now

    def _deadlines(self) -> Iterable[datetime]:
        yield from self._dead_men.deadlines()
        for order in self._desk.open.values():
            if order.asked.good_until is not None:
                yield order.asked.good_until

    def _at_moment(self, at: datetime) -> None:
        expire(self._desk, at)
        self._dead_men.strike(self._desk, at)
        move(self._desk, at)

    def _prove(self) -> None:
        breaches = self._desk.ledger.breaches(self._desk.expected_holds())
        if breaches:
            raise ConservationBroken("; ".join(breaches))
