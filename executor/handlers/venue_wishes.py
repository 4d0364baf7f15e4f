"""What people ask of an executor whose venue is behind a network: written down, then acted on."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from executor.core.order import OrderState
from executor.core.planning import ForcedExit, plan_forced_exit
from executor.core.steps import Step, approve, close, give_up, request_cancel
from executor.handlers.auditing import EXECUTOR
from executor.handlers.journal import Journal
from executor.handlers.wishes import Wish
from executor.repository import orders
from executor.repository.freezes import frozen, thaw
from executor.repository.lists import held_symbols
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.control import lock_trading_state
from shared.domain.enums import OrderStatus, OrderType, Purpose, SurpriseKind, TradingState
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.ids import AccountId, ClientOrderId, RecommendationId, Symbol
from shared.domain.values import ZERO
from shared.http.idempotency import Asked, once

_RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING})
_IN_DOUBT = frozenset({OrderStatus.UNKNOWN, OrderStatus.CONFLICT, OrderStatus.FILLS_MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWishes:
    account: AccountId
    mode: str
    transactions: Transactions
    journal: Journal
    ring_sender: Callable[[], None]
    ring_canceler: Callable[[], None]

    def cancel(self, identity: str, actor: str = EXECUTOR) -> None:
        """Wish an order canceled; what the venue says about it comes later.

        Raises:
            NotFound: no such order on this account.
            Conflict: it has ended.
            Refused: it is the stop or the exit of a bracket, which protects a position.
        """
        self.transactions.attempt(lambda uow: self._cancel(identity, actor, uow))

    def force_exit(self, wish: Wish) -> list[ClientOrderId]:
        """Make a market exit for what is held and not leaving already; return the orders.

        Raises:
            NotFound: nothing (or nothing of this instrument) is held that is not leaving already.
            IdempotencyConflict: the key was used for another wish.
            Refused: trading is halted.
        """

        def work(uow: UnitOfWork) -> list[ClientOrderId]:
            leave = partial(self._force_exit, wish, uow)
            return once(uow, wish.asked, list[ClientOrderId], leave)

        return self.transactions.attempt(work)

    def close(self, identity: str, evidence: str, asked: Asked) -> None:
        """End an order of which the venue's word is missing or contradicts itself.

        Raises:
            NotFound: no such order on this account.
            Conflict: the venue and this executor can still end it themselves.
        """

        def work(uow: UnitOfWork) -> None:
            end = partial(self._close, identity, evidence, asked.actor, uow)
            once(uow, asked, type(None), end)

        self.transactions.attempt(work)

    def _close(self, identity: str, evidence: str, actor: str, uow: UnitOfWork) -> None:
        state = orders.load_state(uow.connection, self.account, identity)
        if state is None:
            raise NotFound(f"no order {identity} on this account; GET /orders lists them")
        if state.status not in _IN_DOUBT and not self._is_missing(state, uow):
            raise Conflict(
                f"order {identity} is {state.status}, which is not in doubt; let it take its course"
            )
        self.journal.write(uow, state, [close(state, evidence, uow.now)])
        uow.audit(actor, "order.closed", identity, {"evidence": evidence, "was": state.status})

    def _is_missing(self, state: OrderState, uow: UnitOfWork) -> bool:
        """Tell whether it rests here while the venue was found not to know it."""
        return state.status in _RESTING and any(
            one.kind is SurpriseKind.MISSING and state.order.client_order_id in one.detail
            for one in frozen(uow.connection, self.account)
        )

    def thaw(self, symbol: Symbol, actor: str) -> None:
        """Let an instrument be bought again that a surprise has frozen.

        Raises:
            NotFound: it is not frozen.
        """

        def work(uow: UnitOfWork) -> None:
            if not thaw(uow.connection, self.account, symbol):
                raise NotFound(f"{symbol} is not frozen; GET /freezes lists what is")
            uow.audit(actor, "symbol.thawed", symbol, {})

        self.transactions.attempt(work)

    def _cancel(self, identity: str, actor: str, uow: UnitOfWork) -> None:
        state = orders.load_state(uow.connection, self.account, identity)
        if state is None:
            raise NotFound(f"no order {identity} on this account; GET /orders lists them")
        if state.status.is_terminal:
            raise Conflict(f"order {identity} has ended: {state.status}; nothing is left to cancel")
        if state.order.parent is not None:
            raise Refused(
                "this order is the exit of a bracket and protects a position; "
                "POST /forceexit leaves it"
            )
        self.journal.write(uow, state, [_canceled(state, uow)], actor)
        uow.after_commit(self.ring_canceler)

    def _force_exit(self, wish: Wish, uow: UnitOfWork) -> list[ClientOrderId]:
        request = wish.request(self.account)
        trading = lock_trading_state(uow.connection, self.account)
        if trading is TradingState.HALT:
            raise Refused("trading is halted; resume or reduce before leaving positions")
        symbols = held_symbols(uow.connection, self.account)
        wanted = [one for one in symbols if wish.symbol in (None, one)]
        steps = [step for symbol in wanted for step in self._leave(symbol, request, uow)]
        if not steps:
            raise NotFound(
                f"nothing of {wish.symbol or 'anything'} is held that is not leaving; "
                "GET /orders shows what is"
            )
        self.journal.take_in(uow, steps, wish.actor)
        uow.after_commit(self.ring_sender)
        return [step.state.order.client_order_id for step in steps]

    def _leave(self, symbol: Symbol, request: RecommendationId, uow: UnitOfWork) -> list[Step]:
        book = orders.load_book(uow.connection, self.account, symbol)
        leaving = sum((_leaving(state) for state in book.orders), ZERO)
        quantity = book.held - leaving
        if quantity <= ZERO or not book.holdings:
            return []
        first = book.holdings[0]
        exit_ = ForcedExit(
            request_id=request, account=self.account, quantity=quantity, price=first.anchor_price
        )
        return [approve(plan_forced_exit(exit_, first.entry, uow.now, self.mode), uow.now)]


def _leaving(state: OrderState) -> Decimal:
    order = state.order
    is_exit = order.purpose is Purpose.EXIT and order.order_type is not OrderType.STOP_LIMIT
    return state.remaining if is_exit else ZERO


def _canceled(state: OrderState, uow: UnitOfWork) -> Step:
    if state.status is OrderStatus.APPROVED:
        return give_up(state, "canceled on request before it was sent", uow.now)
    return request_cancel(state, uow.now)
