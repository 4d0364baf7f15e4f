"""Writes down what is learned of orders at a venue behind a network: one place, one transaction.

Whoever learns something (the answer to a request, a look at the venue, a person's wish) hands over
steps; what is not new is left out, fills move what is held, facts are said, and what no order may
do freezes its instrument.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from executor.core.holdings import bought, sold
from executor.core.order import Order, OrderState
from executor.core.steps import Step, adds_to, learn_trade, record_fill, report
from executor.handlers.announce import announce
from executor.handlers.auditing import EXECUTOR
from executor.repository import account, orders
from executor.repository.freezes import Freeze, freeze
from executor.repository.requests import Standing
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.enums import OrderStatus, Purpose, SurpriseKind
from shared.domain.events import VenueSurprised
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import ZERO
from shared.domain.venue import OrderReport, VenueFill
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

Change = Callable[[OrderState, datetime], Sequence[Step]]

_SURPRISING = {
    OrderStatus.OVERFILLED: SurpriseKind.OVERFILLED,
    OrderStatus.CONFLICT: SurpriseKind.CONTRADICTED,
}
_NEVER_THERE = frozenset({OrderStatus.ABSENT, OrderStatus.NOT_SENT})
_NOT_THERE = _NEVER_THERE | {OrderStatus.REJECTED}  # a refusal that comes late brings nothing back


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look at the venue found of an order."""

    report: OrderReport | None
    fills: tuple[VenueFill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    transactions: Transactions
    account: AccountId
    venue: str
    metrics: Metrics
    lots: Mapping[Symbol, Decimal] = field(default_factory=dict[Symbol, Decimal])
    reach: Callable[[str], None] = lambda _point: None

    def apply(self, identity: ClientOrderId, change: Change) -> OrderState | None:
        """Let `change` see the order, locked, and write down what it says; None: no such order."""

        def work(uow: UnitOfWork) -> OrderState | None:
            state = orders.load_state(uow.connection, self.account, identity)
            if state is None:
                return None
            after = self.write(uow, state, change(state, uow.now))
            self.reach("executor.facts_before_commit")
            return after

        return self.transactions.attempt(work)

    def see(self, standing: Standing, seen: Seen) -> OrderState | None:
        """Write down what a look at the venue found: fills first, then how the order stands."""
        reference = standing.reference_price

        def change(state: OrderState, now: datetime) -> Sequence[Step]:
            return self.seen_of(state, seen, reference, now)

        return self.apply(standing.order.client_order_id, change)

    def seen_of(
        self, state: OrderState, seen: Seen, reference: Decimal | None, now: datetime
    ) -> list[Step]:
        """Return the steps that a look at the venue adds to an order."""
        steps: list[Step] = []
        for told in sorted(seen.fills, key=lambda one: (one.filled_at, one.trade_id)):
            step = _filled(state, told, reference, now)
            steps.append(step)
            state = step.state
        if seen.report is not None:
            steps.append(report(state, seen.report, now))
        return steps

    def not_booked(self, symbol: Symbol, told: Sequence[VenueFill]) -> list[VenueFill]:
        """Leave out what is written down just as it is told: an hour's fills come every round."""
        names = [trade_id_of(symbol, one) for one in told]
        with self.transactions.read() as connection:
            known = account.booked(connection, (self.venue, self.account), names)
        return [
            one
            for name, one in zip(names, told, strict=True)
            if known.get(name) != (one.quantity, one.price)
        ]

    def write(
        self, uow: UnitOfWork, state: OrderState, steps: Sequence[Step], actor: str = EXECUTOR
    ) -> OrderState:
        """Keep those steps that say something new; return how the order stands after them."""
        new: list[Step] = []
        for step in steps:
            if adds_to(state, step):
                new.append(step)
                state = step.state
        orders.save_steps(uow.connection, new)
        for step in new:
            if step.fill is not None:
                self._hold(uow, step.state.order, step.fill)
            self._look_out(uow, step)
        announce(new, uow, self.metrics, actor)
        return state

    def take_in(self, uow: UnitOfWork, steps: Sequence[Step], actor: str = EXECUTOR) -> None:
        """Keep orders that no row was written for yet."""
        orders.save_steps(uow.connection, steps)
        announce(steps, uow, self.metrics, actor)

    def surprise(self, uow: UnitOfWork, symbol: Symbol, kind: SurpriseKind, detail: str) -> None:
        """Buy nothing more of the instrument, and tell everybody; once."""
        found = Freeze(symbol=symbol, kind=kind, detail=detail, frozen_at=uow.now)
        if freeze(uow.connection, self.account, found):
            uow.audit(EXECUTOR, "symbol.frozen", symbol, {"kind": kind, "detail": detail})
            self.tell(uow, symbol, kind, detail)

    def tell(self, uow: UnitOfWork, symbol: Symbol, kind: SurpriseKind, detail: str) -> None:
        """Tell everybody of a surprise, nothing more: risk stops entries, a person is called."""
        fact = VenueSurprised(
            account=self.account,
            venue=self.venue,
            symbol=symbol,
            kind=kind,
            detail=detail,
            found_at=uow.now,
        )
        uow.emit(fact)
        uow.after_commit(lambda: self._page(symbol, kind, detail))

    def _page(self, symbol: Symbol, kind: SurpriseKind, detail: str) -> None:
        self.metrics.execution_surprises_total.labels(venue=self.venue, kind=kind).inc()
        log.critical("venue.surprised", symbol=symbol, kind=kind, detail=detail)

    def _look_out(self, uow: UnitOfWork, step: Step) -> None:
        order, status = step.state.order, step.state.status
        kind = _SURPRISING.get(status)
        if kind is None and step.state.facts.reported_quantity > order.quantity:
            kind = SurpriseKind.OVERFILLED
        if kind is None and step.was in _NEVER_THERE and status not in _NOT_THERE:
            kind = SurpriseKind.RETURNED
        if kind is not None:
            detail = f"order {order.client_order_id} was {step.was} and is {status}"
            self.surprise(uow, order.symbol, kind, detail)

    def _hold(self, uow: UnitOfWork, order: Order, fill: Fill) -> None:
        held = orders.load_holdings(uow.connection, self.account, order.symbol)
        before = {one.entry.client_order_id: one for one in held}
        if order.purpose is Purpose.ENTRY:
            after, missing = (
                bought(before, order, net_of_fee(fill), fill.reference_price),
                ZERO,
            )
        else:
            after, missing = sold(before, fill.quantity, order.parent)
            lot = self.lots.get(order.symbol, ZERO)
            after = {key: one for key, one in after.items() if one.quantity >= lot}  # no dust
        orders.save_holdings(uow.connection, before.values(), after.values())
        if missing > ZERO:
            detail = f"trade {fill.trade_id} sold {missing} more than was held"
            self.surprise(uow, order.symbol, SurpriseKind.OVERSOLD, detail)


def trade_id_of(symbol: Symbol, told: VenueFill) -> TradeId:
    """Return our name of a trade: venues count those of each instrument apart.

    Two orders of ours that trade with one another have one number for both sides of it.
    """
    return TradeId(f"{symbol}:{told.side}:{told.trade_id}")


def net_of_fee(fill: Fill) -> Decimal:
    """Return what a buy brought: some venues take their fee out of what was bought."""
    base, _quote = split_symbol(fill.symbol)
    return fill.quantity - fill.fee if fill.fee_asset == base else fill.quantity


def _filled(state: OrderState, told: VenueFill, reference: Decimal | None, now: datetime) -> Step:
    order = state.order
    trade_id = trade_id_of(order.symbol, told)
    fill = Fill(
        trade_id=trade_id,
        client_order_id=order.client_order_id,
        account=order.account,
        venue=order.venue,
        symbol=order.symbol,
        side=order.side,
        purpose=order.purpose,
        quantity=told.quantity,
        price=told.price,
        reference_price=reference or told.price,
        fee=told.fee,
        fee_asset=told.fee_asset,
        liquidity=told.liquidity,
        filled_at=told.filled_at,
    )
    if any(trade.trade_id == trade_id for trade in state.facts.trades):
        return learn_trade(state, fill, now)
    return record_fill(state, fill, now)
