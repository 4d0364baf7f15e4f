"""The simulated venue's book of one instrument, and what one closed candle does to it.

Within a candle: exits waiting at the open, then entries, then brackets touched by its range. An
exit sells at most what is held, whatever it asks for, so that a bracket, a horizon and a person
who all want to leave at once cannot sell more than was bought. Leaving ends the trade: what an
older entry still wants is canceled, and so is every exit once nothing is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from executor.core.holdings import Holding, bought, sold
from executor.core.matching import (
    Execution,
    Listing,
    fill_of,
    is_traded,
    match_order,
    portion,
    slipped,
    venue_order_id,
    volume_share,
)
from executor.core.order import Order, OrderState
from executor.core.planning import plan_exit
from executor.core.steps import Step, accept, cancel, claim, record_fill
from shared.domain.bracket import Exit, touch
from shared.domain.candle import Candle
from shared.domain.enums import Liquidity, OrderType, Purpose, Side
from shared.domain.ids import ClientOrderId
from shared.domain.values import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentBook:
    """Accepted orders that may still fill, and what is held; both as they were decided."""

    orders: tuple[OrderState, ...] = ()
    holdings: tuple[Holding, ...] = ()

    @property
    def held(self) -> Decimal:
        return sum((holding.quantity for holding in self.holdings), ZERO)

    @property
    def all_leaving(self) -> Decimal:
        parents = {state.order.parent for state in self.orders}
        return sum((self.leaving(parent) for parent in parents), ZERO)

    def leaving(self, parent: ClientOrderId | None) -> Decimal:
        """What market exits, which only volume can hold up, are going to sell of one entry.

        None: those that belong to no entry in particular.
        """
        wanted = (
            state.remaining
            for state in self.orders
            if state.order.purpose is Purpose.EXIT
            and state.order.order_type is OrderType.MARKET
            and state.order.parent == parent
        )
        return sum(wanted, ZERO)

    def with_order(self, state: OrderState) -> "InstrumentBook":
        orders = tuple(sorted((*self.orders, state), key=_decided))
        return InstrumentBook(orders=orders, holdings=self.holdings)

    def without(self, ended: Sequence[OrderState]) -> "InstrumentBook":
        return replace(self, orders=tuple(one for one in self.orders if one not in ended))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The book after the candle and everything that happened, in order."""

    book: InstrumentBook
    steps: tuple[Step, ...]


def match_candle(book: InstrumentBook, candle: Candle, listing: Listing) -> Matched:
    """Return what the candle does to the book."""
    session = _Session(book, candle, listing)
    session.meet_open(Purpose.EXIT)
    session.meet_open(Purpose.ENTRY)
    session.watch_brackets()
    session.end_pointless_exits()
    return Matched(book=session.book(), steps=tuple(session.steps))


def _decided(state: OrderState) -> tuple[datetime, ClientOrderId]:
    return (state.order.decided_at, state.order.client_order_id)


class _Session:
    """One candle in progress: the book while it changes."""

    def __init__(self, book: InstrumentBook, candle: Candle, listing: Listing) -> None:
        self._candle = candle
        self._listing = listing
        self._orders = {state.order.client_order_id: state for state in book.orders}
        self._holdings = {one.entry.client_order_id: one for one in book.holdings}
        self._share = volume_share(candle, listing)
        self._made: set[ClientOrderId] = set()  # entries met within the candle, not at its open
        self.steps: list[Step] = []

    def book(self) -> InstrumentBook:
        return InstrumentBook(orders=self._standing(), holdings=tuple(self._holdings.values()))

    def meet_open(self, purpose: Purpose) -> None:
        for identity in [state.order.client_order_id for state in self._standing()]:
            state = self._orders.get(identity)
            if state is not None and state.order.purpose is purpose and self._may_meet(purpose):
                self._meet(state)

    def watch_brackets(self) -> None:
        if not is_traded(self._candle):
            return
        before = self.book()
        spare = before.leaving(None)
        for holding in sorted(before.holdings, key=lambda one: one.bracket is None):
            own = before.leaving(holding.entry.client_order_id)
            bare = max(holding.quantity - own, ZERO)
            covered = min(spare, bare)
            spare -= covered
            found = self._touched(holding)
            if found is not None and bare > covered:
                self._leave(holding, found, bare - covered)

    def end_pointless_exits(self) -> None:
        if self._holdings:
            return
        for state in self._standing():
            if state.order.purpose is Purpose.EXIT:
                self._cancel(state, "nothing is left to sell")

    def _standing(self) -> tuple[OrderState, ...]:
        return tuple(sorted(self._orders.values(), key=_decided))

    def _may_meet(self, purpose: Purpose) -> bool:
        return purpose is Purpose.ENTRY or bool(self._holdings)

    def _meet(self, state: OrderState) -> None:
        is_exit = state.order.purpose is Purpose.EXIT
        room = min(self._share, self.book().held) if is_exit else self._share
        match = match_order(state, self._candle, self._listing, room)
        if match.execution is not None:
            state = self._fill(state, match.execution)
        if match.cancel and not state.status.is_terminal:
            self._cancel(state, match.cancel)

    def _fill(self, state: OrderState, execution: Execution) -> OrderState:
        order = state.order
        fill = fill_of(order, execution, self._candle, self._listing)
        filled = self._keep(record_fill(state, fill, self._candle.closed_at))
        self._share -= execution.quantity
        if order.side is Side.BUY:
            self._hold(order, execution)
        else:
            self._sell(order, execution.quantity)
            self._end_entries(order.decided_at)
        return filled

    def _hold(self, entry: Order, execution: Execution) -> None:
        is_known = entry.client_order_id in self._holdings
        price = execution.reference_price
        self._holdings = bought(self._holdings, entry, execution.quantity, price)
        if not is_known and execution.liquidity is Liquidity.MAKER:
            self._made.add(entry.client_order_id)

    def _sell(self, order: Order, quantity: Decimal) -> None:
        self._holdings, missing = sold(self._holdings, quantity, order.parent)
        assert missing == ZERO, "sold more than was held"

    def _end_entries(self, before: datetime) -> None:
        for state in self._standing():
            if state.order.purpose is Purpose.ENTRY and state.order.decided_at < before:
                self._cancel(state, "the trade has ended")

    def _touched(self, holding: Holding) -> Exit | None:
        bracket, candle = holding.bracket, self._candle
        if bracket is None:
            return None
        if holding.entry.client_order_id in self._made:
            # entered somewhere inside this candle: its high may be older than the trade, its low
            # must be assumed not to be
            return touch(bracket, candle.low, holding.anchor_price, holding.anchor_price)
        return touch(bracket, candle.low, candle.high, candle.open)

    def _leave(self, holding: Holding, found: Exit, quantity: Decimal) -> None:
        at = self._candle.closed_at
        mode = self._listing.policy.mode
        order = plan_exit(holding.entry, found.reason, quantity, found.price, at, mode)
        claimed = self._keep(claim(order, at))
        state = self._keep(accept(claimed, venue_order_id(order), at))
        self._end_entries(at)
        sellable = portion(quantity, self._share, self._listing.instrument)
        if sellable > ZERO:
            price = slipped(found.price, Side.SELL, self._listing)
            execution = Execution(
                quantity=sellable,
                price=price,
                reference_price=found.price,
                liquidity=Liquidity.TAKER,
                at=at,
            )
            self._fill(state, execution)

    def _cancel(self, state: OrderState, reason: str) -> None:
        self._keep(cancel(state, reason, self._candle.closed_at))

    def _keep(self, step: Step) -> OrderState:
        self.steps.append(step)
        identity = step.state.order.client_order_id
        if step.state.status.is_terminal:
            self._orders.pop(identity, None)
        else:
            self._orders[identity] = step.state
        return step.state
