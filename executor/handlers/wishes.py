"""What people ask of the executor: cancel an order, leave a position."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from executor.core.book import InstrumentBook
from executor.core.order import OrderState
from executor.core.planning import (
    ForcedExit,
    forced_exit_request,
    plan_forced_exit,
)
from executor.core.steps import Step, cancel, claim, request_cancel
from executor.handlers.announce import announce
from executor.handlers.auditing import EXECUTOR
from executor.handlers.claims import Claims
from executor.repository import orders
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.control import lock_trading_state
from shared.domain.enums import OrderStatus, TradingState
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.ids import AccountId, ClientOrderId, RecommendationId, Symbol
from shared.domain.values import ZERO
from shared.http.idempotency import Asked, once


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`symbol` None means everything; `asked` makes asking twice the same as asking once."""

    asked: Asked
    symbol: Symbol | None = None

    @property
    def actor(self) -> str:
        return self.asked.actor

    def request(self, account: AccountId) -> RecommendationId:
        return forced_exit_request(account, f"{self.asked.actor}:{self.asked.key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    claims: Claims
    transactions: Transactions

    def cancel(self, identity: str, actor: str = EXECUTOR) -> None:
        """Cancel an order that has not ended.

        Raises:
            NotFound: no such order on this account.
            Conflict: it has ended, or has not been answered yet.
            Refused: it is the exit of a touched bracket, which protects a position.
        """
        self.transactions.attempt(lambda uow: self._cancel(identity, actor, uow))

    def force_exit(self, wish: Wish) -> list[ClientOrderId]:
        """Claim a market exit for what is held and not being sold already; return the orders.

        Raises:
            NotFound: nothing (or nothing of this instrument) is held that is not leaving already.
            IdempotencyConflict: the key was used for another wish.
            Refused: trading is halted.
        """

        def work(uow: UnitOfWork) -> list[ClientOrderId]:
            leave = partial(self._force_exit, wish, uow)
            return once(uow, wish.asked, list[ClientOrderId], leave)

        return self.transactions.attempt(work)

    def _cancel(self, identity: str, actor: str, uow: UnitOfWork) -> None:
        state = orders.load_state(uow.connection, self.claims.account, identity)
        if state is None:
            raise NotFound(f"no order {identity} on this account; GET /orders lists them")
        _check_cancelable(state)
        requested = request_cancel(state, uow.now)
        ended = cancel(requested.state, "canceled on request", uow.now)
        steps = [requested, ended]
        orders.save_steps(uow.connection, steps)
        announce(steps, uow, self.claims.metrics, actor)

    def _force_exit(self, wish: Wish, uow: UnitOfWork) -> list[ClientOrderId]:
        request = wish.request(self.claims.account)
        state = lock_trading_state(uow.connection, self.claims.account)
        books = orders.load_books(uow.connection, self.claims.account)
        if state is TradingState.HALT:
            raise Refused("trading is halted; resume or reduce before leaving positions")
        return self._leave(wish, request, books, uow)

    def _leave(
        self,
        wish: Wish,
        request: RecommendationId,
        books: Mapping[Symbol, InstrumentBook],
        uow: UnitOfWork,
    ) -> list[ClientOrderId]:
        steps: list[Step] = []
        unanswered = orders.load_sending(uow.connection, self.claims.account)
        for symbol, book in books.items():
            waiting = [state for state in unanswered if state.order.symbol == symbol]
            quantity = book.held - replace(book, orders=(*book.orders, *waiting)).all_leaving
            if wish.symbol in (None, symbol) and quantity > ZERO:
                first = book.holdings[0]
                exit_ = ForcedExit(
                    request_id=request,
                    account=self.claims.account,
                    quantity=quantity,
                    price=first.anchor_price,
                )
                mode = self.claims.policy.mode
                steps.append(claim(plan_forced_exit(exit_, first.entry, uow.now, mode), uow.now))
        if not steps:
            raise NotFound(
                f"nothing of {wish.symbol or 'anything'} is held that is not leaving; "
                "GET /orders shows what is"
            )
        orders.save_steps(uow.connection, steps)
        announce(steps, uow, self.claims.metrics, wish.actor)
        return [step.state.order.client_order_id for step in steps]


def _check_cancelable(state: OrderState) -> None:
    identity, status = state.order.client_order_id, state.status
    if status.is_terminal:
        raise Conflict(f"order {identity} has ended: {status}; nothing is left to cancel")
    if status not in (OrderStatus.OPEN, OrderStatus.PARTIAL):
        raise Conflict(f"order {identity} is {status}; try again when the venue has answered")
    if state.order.parent is not None:
        raise Refused(
            "this order is the exit of a touched bracket and protects a position; let it fill"
        )
