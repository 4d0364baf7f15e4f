"""Keeps the view of the account: fills, ends of orders, positions and marks."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from risk.core.book import Book
from risk.core.brakes import brake
from risk.core.exposure import (
    Counters,
    all_keys,
    entries_of,
    is_of_money,
    is_past,
    keys_of,
)
from risk.core.exposure import count as counters_of
from risk.core.funds import ONE, quote_of
from risk.core.holding import Holding, filled, moved
from risk.core.limits import Costs
from risk.core.reservation import Reservation, adopted, follow, lapse
from risk.core.spending import Spending
from risk.core.usage import asset_of
from risk.handlers.shown import show_book
from risk.handlers.state import pull_brake
from risk.repository import account, counters, policy, promises
from risk.repository.policy import Opening
from risk.repository.spending import change_spending
from risk.repository.standing import Standing, find_standing
from risk.repository.view import view
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import (
    BalanceMoved,
    EquityMarked,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionChanged,
    RecommendationExpired,
)
from shared.domain.ids import AccountId, DecisionId, Symbol
from shared.domain.order import OrderSnapshot
from shared.domain.verdict import decision_id
from shared.runtime.metrics import Metrics

# an order that is accepted may have been taken for absent, or be known to the venue alone
ORDER_FACTS = (OrderAccepted, OrderFilled, OrderRejected, OrderCanceled, OrderExpired)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookKeeper:
    opening: Opening
    costs: Costs
    metrics: Metrics

    def on_orders(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Move what a fill bought from promised to held; give back what an ended order left."""
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, ORDER_FACTS)
            and envelope.event.order.account == self.opening.account
        ]
        if not facts:
            return
        account.lock_account(uow.connection, self.opening.account)
        known = promises.load(uow.connection, [fact.order.decision_id for fact in facts])
        promised = self._follow(known, [fact.order for fact in facts], uow)
        holdings = account.load_holdings(uow.connection, self.opening.account)
        changed: dict[Symbol, Holding] = {}
        fills = [fact for fact in facts if isinstance(fact, OrderFilled)]
        for fact in fills:
            symbol = fact.fill.symbol
            held = filled(holdings.get(symbol), fact.fill, fact.order.source)
            holdings[symbol] = changed[symbol] = held
        if fills:
            taken, quotes = [fact.fill for fact in fills], self.opening.quotes
            self._spend(uow, lambda known: known.filled(taken, quotes))
        if promised or changed:
            promises.save(uow.connection, self.opening.account, promised.values(), uow.now)
            account.save_holdings(uow.connection, self.opening.account, changed.values())
            self.count(uow, {fact.order.symbol for fact in facts})

    def _follow(
        self,
        known: Mapping[DecisionId, Reservation],
        orders: Sequence[OrderSnapshot],
        uow: UnitOfWork,
    ) -> dict[DecisionId, Reservation]:
        """Return the reservations that these orders change."""
        changed: dict[DecisionId, Reservation] = {}
        for order in orders:
            decision = order.decision_id
            before = changed.get(decision) or known.get(decision)
            promised = before or self._adopt(order, uow)
            after = promised and follow(promised, order)
            if after is not None and after is not before:
                changed[decision] = after
        return changed

    def _adopt(self, order: OrderSnapshot, uow: UnitOfWork) -> Reservation | None:
        """Take in an order that no approval is known of, at the worth of its quote now."""
        if quote_of(order.symbol) == self.opening.quote:
            return adopted(order, self.costs)
        funds = standing_in_force(uow, self.opening).mark.funds
        return adopted(order, self.costs, funds.rate(order.symbol) or ONE)

    def on_recommendations_expired(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Take back what was promised to approvals that no order was made of, nor will be."""
        lapsed = [
            decision_id(envelope.event.recommendation_id)
            for envelope in batch
            if isinstance(envelope.event, RecommendationExpired)
            and envelope.event.account == self.opening.account
        ]
        if not lapsed:
            return
        account.lock_account(uow.connection, self.opening.account)
        promised = promises.load(uow.connection, lapsed).values()
        released = [lapse(one) for one in promised]
        promises.save(uow.connection, self.opening.account, released, uow.now)
        self.count(uow, {one.symbol for one in released})

    def on_positions_changed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Take the portfolio's figure for the last fill heard: it knows fees paid in the asset.

        What moved beside our fills is added to whatever is known by now.
        """
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, PositionChanged)
            and envelope.event.account == self.opening.account
        ]
        if not facts:
            return
        account.lock_account(uow.connection, self.opening.account)
        holdings = account.load_holdings(uow.connection, self.opening.account)
        changed: dict[Symbol, Holding] = {}
        for fact in facts:
            after = moved(holdings.get(fact.symbol), fact)
            if after is not None:
                holdings[fact.symbol] = changed[fact.symbol] = after
        self._spend(uow, lambda known: known.numbered(facts))
        if changed:
            account.save_holdings(uow.connection, self.opening.account, changed.values())
            self.count(uow, set(changed))

    def on_balances_moved(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Take what went out of the account off the cash, until a mark knows of it."""
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, BalanceMoved)
            and envelope.event.account == self.opening.account
        ]
        if facts:
            account.lock_account(uow.connection, self.opening.account)
            quotes = self.opening.quotes
            self._spend(uow, lambda known: known.moved(facts, quotes))

    def on_equity_marked(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        account.lock_account(uow.connection, self.opening.account)
        known = account.marked_until(uow.connection, self.opening.account)
        marks = [
            (envelope.event, envelope)
            for envelope in batch
            if isinstance(envelope.event, EquityMarked)
            and envelope.event.account == self.opening.account
            and (known is None or envelope.event.as_of > known)
        ]
        for marked, envelope in sorted(marks, key=lambda one: one[0].as_of):
            uow.caused_by(envelope)
            self._mark(marked, uow)

    def _mark(self, marked: EquityMarked, uow: UnitOfWork) -> None:
        account.save_mark(uow.connection, marked)
        self._spend(uow, lambda known: known.marked(marked.bookings))
        holdings = account.load_holdings(uow.connection, self.opening.account)
        valued = [
            # an instrument no fill was heard of came with the account
            replace(holdings[mark.symbol], price=mark.price)
            if mark.symbol in holdings
            else Holding(symbol=mark.symbol, quantity=mark.quantity, price=mark.price)
            for mark in marked.positions
        ]
        account.save_holdings(uow.connection, self.opening.account, valued)
        self.count(uow)

    def _spend(self, uow: UnitOfWork, change: Callable[[Spending], Spending]) -> None:
        change_spending(uow.connection, self.opening.account, change)

    def count(self, uow: UnitOfWork, symbols: AbstractSet[Symbol] | None = None) -> None:
        """Bring the counters up to date with the rows they follow from, and brake if need be.

        `symbols`: the only instruments of which a row has changed.
        """
        standing = standing_in_force(uow, self.opening)
        book = count(uow, self.opening, standing, self.metrics, symbols)
        reason = brake(book, standing.limits)
        if reason is not None:
            pull_brake(uow, self.opening, self.metrics, reason)


def standing_in_force(uow: UnitOfWork, opening: Opening) -> Standing:
    """Return where the account stands; the first to ask, under its lock, opens it."""
    found = find_standing(uow.connection, opening.account)
    if found is None:
        policy.open_account(uow, opening)
        found = find_standing(uow.connection, opening.account)
        assert found is not None
    return found


def count(
    uow: UnitOfWork,
    opening: Opening,
    standing: Standing,
    metrics: Metrics,
    symbols: AbstractSet[Symbol] | None = None,
) -> Book:
    """Write the counters that follow from the book, under the account's lock, and return it.

    `symbols`: the only instruments of which a row has changed; None where all may have.
    """
    connection, owner, limits = uow.connection, opening.account, standing.limits
    known = _known(connection, owner, symbols)
    entries = entries_of(known, uow.now.date(), uow.now)
    book = account.load_book(connection, opening, standing, entries, uow.now, view(limits))
    keys = all_keys(book, limits) if symbols is None else keys_of(symbols, book, limits)
    keys |= {key for key in known if is_of_money(key)}
    counters.follow_book(connection, owner, counters_of(keys, book, limits), known)
    counters.forget(connection, owner, [key for key in known if is_past(key, uow.now)])
    uow.after_commit(lambda: show_book(metrics, book, limits))
    return book


def _known(
    connection: Connection, owner: AccountId, symbols: AbstractSet[Symbol] | None
) -> Counters:
    if symbols is None:
        return counters.load_all(connection, owner)
    assets = {asset_of(symbol) for symbol in symbols}
    return counters.load_some(connection, owner, {*symbols, *assets})
