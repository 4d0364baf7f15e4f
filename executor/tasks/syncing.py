"""Makes account and books agree: before anything is sent, and again and again afterwards.

What the venue shows of ours is looked up and written down; an order with our tag that no row was
written for is adopted; what is not ours is kept beside, and told to whoever counts exposure.
Nothing is ever invented to make two figures equal.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, RLock
from typing import Any

from executor.core.reconciliation import Difference, DifferenceKind
from executor.handlers.journal import Seen
from executor.repository import requests
from executor.repository.lists import newest_fill
from executor.repository.requests import Standing
from executor.tasks.adopting import Adopter
from executor.tasks.balancing import Balances
from executor.tasks.completing import declare, is_due
from executor.tasks.line import SENDER, Line, attempt
from executor.tasks.looking import Looker
from executor.tasks.missing import Missing
from shared.domain.enums import Interval, OrderStatus
from shared.domain.errors import Unavailable
from shared.domain.ids import ClientOrderId, Symbol, VenueOrderId
from shared.domain.venue import OrderReport, VenueFill
from shared.runtime.logging import get_logger

log = get_logger()

_OVERLAP = timedelta(hours=1)
_LONGEST_LOOK_BACK = timedelta(days=7)
_STILL_WARM = timedelta(minutes=2)
_UNSENT = frozenset({OrderStatus.APPROVED, OrderStatus.SENDING})


@dataclass(slots=True)
class _Due:
    """When each comparison is to be made next, by the monotonic clock.

    `settled`: what the recovery under the token `recovering` need not look at again: a rate limit
    may stop it, and it goes on where it was.
    """

    open_orders: float = 0.0
    balances: float = 0.0
    history: float = 0.0
    recovering: int = 0
    settled: set[ClientOrderId] = field(default_factory=set[ClientOrderId])


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncer:
    line: Line
    looker: Looker
    balances: Balances
    interval: Interval
    _next: _Due = field(default_factory=_Due)
    _one_at_a_time: AbstractContextManager[Any] = field(default_factory=RLock)
    _adopter: Adopter = field(init=False)
    _missing: Missing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_missing", Missing(line=self.line, looker=self.looker))
        adopter = Adopter(line=self.line, looker=self.looker, interval=self.interval)
        object.__setattr__(self, "_adopter", adopter)

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            pause = attempt(self.round, "syncing")
            stop.wait(max(pause, self.line.pauses.poll))

    def round(self) -> None:
        """Do whatever is due: recover under a new lease first, then compare."""
        with self._one_at_a_time:
            self._round()

    def _round(self) -> None:
        line = self.line
        token = line.leadership.token
        if token is None:
            return
        if line.board.recovered != token:
            with line.board.explaining():
                self.recover(token)
        now = time.monotonic()
        if line.account_in_doubt.is_set() or now >= self._next.open_orders:
            line.account_in_doubt.clear()
            self._next.open_orders = now + line.pauses.open_orders
            self.sync_open_orders()
            self.sync_fills(self._active())
        if now >= self._next.balances:
            self._next.balances = now + line.pauses.balances
            if self.balances.compare():  # something happened that nothing here knows of
                self.sync_fills(line.symbols)
        if now >= self._next.history:
            self._next.history = now + line.pauses.history
            self.sync_fills(line.symbols)
        self.declare_complete()

    def reconcile(self) -> tuple[Difference, ...]:
        """Compare everything now, for a person who asks; return what the books cannot explain.

        Raises:
            Unavailable: another executor holds the lease, or the venue does not answer.
        """
        problem = self.line.board.problem(self.line.leadership.token)
        if problem is not None:
            raise Unavailable(f"{problem}; try again when this executor is ready")
        with self._one_at_a_time:
            self.sync_open_orders()
            self._refresh()
            return self.balances.settle(self._refresh)

    def _refresh(self) -> None:
        self.sync_fills(self.line.symbols)

    def recover(self, token: int) -> None:
        """Compare everything, under a lease just taken; until this has ended nothing is sent."""
        started = time.monotonic()
        line = self.line
        if not any(self._is_listed(one) for one in line.symbols):
            raise Unavailable("what the venue lists has not been read yet; try again shortly")
        if self._next.recovering != token:
            self._next.recovering, self._next.settled = token, set()
        self.looker.recover()
        settled = self._next.settled
        settled.update(self.sync_open_orders())
        with line.transactions.read() as connection:
            working = requests.working(connection, line.account)
        for standing in working:
            identity = standing.order.client_order_id
            if standing.status in _UNSENT or identity in settled:
                continue
            if self._is_listed(standing.order.symbol):
                self.looker.look_at(standing)
                settled.add(identity)
        self.sync_fills(line.symbols)
        self.balances.settle(self._refresh)
        self._next.history = time.monotonic() + line.pauses.history
        line.board.recovered = token
        log.info("executor.recovered", fence=token, seconds=round(time.monotonic() - started, 3))
        line.ring(SENDER)

    def sync_open_orders(self) -> set[ClientOrderId]:
        """Compare what rests at the venue with what should; return what rests just as we know."""
        line = self.line
        theirs = line.venue.open_orders()
        with line.transactions.read() as connection:
            working = requests.working(connection, line.account)
        known = {one.order.client_order_id: one for one in working}
        ours = {one.client_order_id: one for one in theirs if self._adopter.is_ours(one)}
        agreed: set[ClientOrderId] = set()
        for identity, report in ours.items():
            assert identity is not None
            if self._compare(report, known.get(identity)):
                agreed.add(identity)
        self._missing.look_for(working, ours.keys())
        strange = line.metrics.reconciliation_divergence.labels(
            venue=line.venue.name, kind=DifferenceKind.ORDER_NOT_IN_BOOKS
        )
        strange.set(len(ours.keys() - known.keys()))
        others = [one for one in theirs if not self._adopter.is_ours(one)]
        self._adopter.note_strangers([one for one in others if not one.status.is_terminal])
        return agreed

    def sync_fills(self, symbols: Iterable[Symbol]) -> None:
        """Read the executions of these instruments since the newest we know, with an overlap."""
        line = self.line
        with line.transactions.read() as connection:
            newest = newest_fill(connection, line.account)
        now = line.board.venue_now()
        since = max(min(newest, now) - _OVERLAP, now - _LONGEST_LOOK_BACK)
        for symbol in filter(self._is_listed, symbols):
            told = line.venue.fills(symbol, since)
            self._book(symbol, line.journal.not_booked(symbol, told))

    def declare_complete(self) -> None:
        """Announce the closes of candles up to which every fill is now written down."""
        if is_due(self.line):
            asked_at = self.line.board.clock.now()
            self.sync_fills(self._active())
            declare(self.line, asked_at)

    def _is_listed(self, symbol: Symbol) -> bool:
        """Tell whether the venue can be asked: to what it no longer lists it answers nothing."""
        return self.line.board.rules(symbol) is not None

    def _compare(self, report: OrderReport, standing: Standing | None) -> bool:
        """Look into what differs; return whether nothing does."""
        if standing is None:
            self._adopter.meet(report)
            return False
        if standing.status in _UNSENT:
            return False  # its answer is on the way
        told = (report.status, report.filled_quantity)
        agrees = told == (standing.status, standing.filled_quantity)
        if not agrees:
            self.looker.look_at(standing)
        return agrees

    def _active(self) -> list[Symbol]:
        """Return the instruments of which anything may have happened lately."""
        line = self.line
        since = line.board.clock.now() - _STILL_WARM
        with line.transactions.read() as connection:
            standings = [
                *requests.working(connection, line.account),
                *requests.touched(connection, line.account, since),
            ]
        return sorted({one.order.symbol for one in standings})

    def _book(self, symbol: Symbol, fills: Sequence[VenueFill]) -> None:
        by_order: defaultdict[VenueOrderId, list[VenueFill]] = defaultdict(list)
        for fill in fills:
            by_order[fill.venue_order_id].append(fill)
        strange: dict[VenueOrderId, list[VenueFill]] = {}
        for identity, told in by_order.items():
            standing = self._order_of(told[0])
            if standing is None:
                strange[identity] = told
            else:
                self.line.journal.see(standing, Seen(report=None, fills=tuple(told)))
        self._adopter.trace(symbol, strange)

    def _order_of(self, fill: VenueFill) -> Standing | None:
        line = self.line
        with line.transactions.read() as connection:
            found = requests.find_by_venue_id(
                connection, line.account, fill.symbol, fill.venue_order_id
            )
            if found is None and fill.client_order_id is not None:
                found = requests.find(connection, line.account, fill.client_order_id)
        return found
