"""Keeps the view of the account: fills, ends of orders, positions and marks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from risk.core.book import Book, Holding, Reservation, adopted, filled, follow, lapse
from risk.core.brakes import brake
from risk.core.exposure import Scope, money_counters, trades_on
from risk.core.limits import RiskLimits
from risk.handlers.state import current_state, pull_brake, show_state
from risk.repository import account, policy, promises
from risk.repository.policy import Opening
from risk.repository.view import view
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import (
    EquityMarked,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionChanged,
    RecommendationExpired,
)
from shared.domain.ids import DecisionId, Symbol
from shared.domain.order import OrderSnapshot
from shared.domain.values import ZERO
from shared.domain.verdict import decision_id
from shared.runtime.metrics import Metrics

# an order that is accepted may have been taken for absent, or be known to the venue alone
ORDER_FACTS = (OrderAccepted, OrderFilled, OrderRejected, OrderCanceled, OrderExpired)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookKeeper:
    """`fee_factor`: what a unit costs with its fee, in units of its price."""

    opening: Opening
    fee_factor: Decimal
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
        promised = self._follow(known, [fact.order for fact in facts])
        holdings = account.load_holdings(uow.connection, self.opening.account)
        changed: dict[Symbol, Holding] = {}
        for fact in facts:
            if isinstance(fact, OrderFilled):
                symbol = fact.fill.symbol
                holdings[symbol] = changed[symbol] = filled(holdings.get(symbol), fact.fill)
        if promised or changed:
            promises.save(uow.connection, self.opening.account, promised.values(), uow.now)
            account.save_holdings(uow.connection, self.opening.account, changed.values())
            self.count(uow)

    def _follow(
        self, known: Mapping[DecisionId, Reservation], orders: Sequence[OrderSnapshot]
    ) -> dict[DecisionId, Reservation]:
        """Return the reservations that these orders change."""
        changed: dict[DecisionId, Reservation] = {}
        for order in orders:
            decision = order.decision_id
            before = changed.get(decision) or known.get(decision)
            promised = before or adopted(order, self.fee_factor)
            after = promised and follow(promised, order)
            if after is not None and after is not before:
                changed[decision] = after
        return changed

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
        self.count(uow)

    def on_positions_changed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Take the portfolio's figure for the last fill heard: it knows fees paid in the asset."""
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
        changed: list[Holding] = []
        for fact in facts:
            held = holdings.get(fact.symbol)
            if held is None or held.trade_id != fact.trade_id:
                continue
            if held.quantity != fact.quantity:
                changed.append(replace(held, quantity=fact.quantity))
        if changed:
            account.save_holdings(uow.connection, self.opening.account, changed)
            self.count(uow)

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

    def count(self, uow: UnitOfWork) -> None:
        """Bring the counters up to date with the rows they follow from, and brake if need be."""
        limits = limits_in_force(uow, self.opening)
        book = count(uow, self.opening, limits, self.metrics)
        reason = brake(book, limits)
        if reason is not None:
            pull_brake(uow, self.opening, self.metrics, reason)


def limits_in_force(uow: UnitOfWork, opening: Opening) -> RiskLimits:
    """Return the limits; the first to ask, under the account's lock, opens the account."""
    found = policy.find_limits(uow.connection, opening.account)
    if found is None:
        policy.open_account(uow, opening)
        found = policy.find_limits(uow.connection, opening.account)
        assert found is not None
    return found.limits


def count(uow: UnitOfWork, opening: Opening, limits: RiskLimits, metrics: Metrics) -> Book:
    """Write the counters that follow from the book, under the account's lock, and return it."""
    day = uow.now.date()
    state = current_state(uow.connection, opening.account)
    known = account.load_counters(uow.connection, opening.account, day)
    trades = trades_on(known, day)
    book = account.load_book(uow.connection, opening, state, trades, uow.now, view(limits))
    counted = {Symbol(key) for scope, key in known if scope is Scope.SYMBOL}
    symbols = counted | book.active | book.external.symbols
    counters = money_counters(book, limits, symbols)
    account.save_counters(uow.connection, opening.account, counters, known)
    uow.after_commit(lambda: show_book(metrics, book))
    return book


def show_book(metrics: Metrics, book: Book) -> None:
    metrics.risk_drawdown_ratio.set(float(book.drawdown_ratio))
    show_state(metrics, book.state)
    if book.equity <= ZERO:
        return
    positions = float(book.position_total / book.equity)
    metrics.risk_exposure_ratio.labels(scope=Scope.TOTAL).set(float(book.exposure / book.equity))
    metrics.risk_exposure_ratio.labels(scope="position").set(positions)
    external = float(book.external.total / book.equity)
    metrics.risk_exposure_ratio.labels(scope="external").set(external)
