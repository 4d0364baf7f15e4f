"""Claims approved orders one by one, and sends each exactly once.

The claim is a transaction of its own: trading state and lease locked against change, the order
dated on the venue's clock and fixed as it will be asked for. Only after its commit is anything
sent, with that date, and only while it is fresh. Whatever the answer is, it becomes facts; an
answer that is none (or a process that dies before it) leaves an order that is asked about, never
one that is sent again.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Event

from executor.core.answering import answered
from executor.core.book import InstrumentBook
from executor.core.claiming import (
    Decision,
    Lapse,
    Ready,
    Signing,
    Situation,
    Wait,
    decide,
    request_of,
)
from executor.core.order import Order, OrderState
from executor.core.protecting import is_locked_up, unsold
from executor.core.steps import Step, claim_approved, give_up
from executor.handlers.journal import Seen
from executor.repository import orders, requests
from executor.repository.freezes import reason_frozen
from executor.repository.leases import holds
from executor.repository.requests import Dispatch
from executor.tasks.line import SENDER, Line, attempt
from shared.bus.unit_of_work import UnitOfWork
from shared.db.control import lock_trading_state
from shared.db.dialect import db_now
from shared.domain.enums import OrderStatus, Purpose, TradingState
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.venue import Accepted, Ambiguous, Answer, OrderRequest, TopOfBook
from shared.runtime.logging import get_logger

log = get_logger()

WINDOW = timedelta(seconds=5)  # how long after its date the venue itself takes a request
SEND_WITHIN_SECONDS = 2.0  # how long after its claim a request may leave
_MINUTE = timedelta(minutes=1)
# of any rate limit: beyond it nothing is claimed, because what is claimed and then held up by the
# limit is lost; a tenth more is kept for what others ask between the look and the request
_MOST_USED = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    request: OrderRequest
    reference_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    line: Line

    def run(self, stop: Event) -> None:
        doorbell = self.line.transactions.doorbell
        while not stop.is_set():
            pause = attempt(lambda: self.send_waiting(stop), "sending")
            if pause:
                stop.wait(pause)
            doorbell.wait(SENDER, self.line.pauses.poll)

    def send_waiting(self, stop: Event) -> None:
        """Send everything that may be sent now."""
        with self.line.transactions.read() as connection:
            waiting = requests.approved(connection, self.line.account)
        for identity, symbol in waiting:
            token = self.line.leadership.token
            if token is None or stop.is_set() or not self._has_room():
                return
            attempt(lambda one=(identity, symbol, token): self.send_one(*one), "sending")

    def _has_room(self) -> bool:
        """Tell whether the venue's rate limits leave room for an order; without it all wait."""
        used = self.line.venue.rate_use().used_ratio
        if used >= _MOST_USED and self.line.board.is_news("orders.wait"):
            log.warning("orders.wait", why="the venue's rate limit", used_ratio=round(used, 3))
        return used < _MOST_USED

    def send_one(self, identity: ClientOrderId, symbol: Symbol, token: int) -> None:
        self.line.fresh_quote(symbol)
        with self.line.leadership.request_under_way:
            claimed = self._claim(identity, token)
            if claimed is not None:
                self._send(claimed)

    def _claim(self, identity: ClientOrderId, token: int) -> Claimed | None:
        """Return the order committed to be sent; None where it lapsed, waits, or is not ours."""
        # tried again after a deadlock; where a commit's fate is unknown, the order is not found
        # approved the next time, and not sent
        claimed = self.line.transactions.attempt(lambda uow: self._claim_in(uow, identity, token))
        self.line.reach("executor.claim_after_commit")
        return claimed

    def _claim_in(self, uow: UnitOfWork, identity: ClientOrderId, token: int) -> Claimed | None:
        state = lock_trading_state(uow.connection, self.line.account)
        if not holds(uow.connection, self.line.account, self.line.leadership.holder, token):
            self.line.leadership.lose()
            return None
        found = orders.load_state(uow.connection, self.line.account, identity)
        if found is None or found.status is not OrderStatus.APPROVED:
            return None
        decision = self._decide(found, state, token, uow)
        claimed = self._settle(found, decision, token, uow)
        self.line.reach("executor.claim_before_commit")
        return claimed

    def _decide(
        self, found: OrderState, state: TradingState, token: int, uow: UnitOfWork
    ) -> Decision:
        order, line = found.order, self.line
        now = db_now(uow.connection)
        rules = line.board.rules(order.symbol)
        book = self._book(order, uow)
        freeze = reason_frozen(uow.connection, line.account, order.symbol)
        situation = Situation(
            state=state,
            now=now,
            sent_last_minute=requests.entries_sent(uow.connection, line.account, now - _MINUTE),
            quote=self._quote(order.symbol, now),
            rules=rules,
            doubt=line.board.problem(token),
            frozen=freeze or line.board.mismatch,
            is_locked_up=bool(
                book and rules and is_locked_up(book, order, rules.instrument.lot_size)
            ),
            unsold=None if book is None else unsold(book, order),
        )
        return decide(order, situation, line.ceilings)

    def _quote(self, symbol: Symbol, now: datetime) -> TopOfBook | None:
        """Return the price as it is known, dated by the database's clock: ours may be off it."""
        quote, board = self.line.board.quote(symbol), self.line.board
        return None if quote is None else replace(quote, at=now - (board.clock.now() - quote.at))

    def _book(self, order: Order, uow: UnitOfWork) -> InstrumentBook | None:
        """Return all there is of the instrument where something of it is to be sold."""
        if order.purpose is not Purpose.EXIT:
            return None
        return orders.see_book(uow.connection, self.line.account, order.symbol)

    def _settle(
        self, found: OrderState, decision: Decision, token: int, uow: UnitOfWork
    ) -> Claimed | None:
        match decision:
            case Wait(reason=reason):
                log.debug("order.waits", client_order_id=found.order.client_order_id, reason=reason)
                return None
            case Lapse(reason=reason):
                self.line.journal.write(uow, found, [give_up(found, reason, uow.now)])
                return None
            case Ready():
                return self._dispatch(found, decision, token, uow)

    def _dispatch(self, found: OrderState, ready: Ready, token: int, uow: UnitOfWork) -> Claimed:
        line = self.line
        limit = found.order.limit_price if ready.limit_price is None else ready.limit_price
        order = replace(found.order, quantity=ready.quantity, limit_price=limit)
        signing = Signing(
            signed_at=line.board.venue_now(),
            window=WINDOW,
            send_by=time.monotonic() + SEND_WITHIN_SECONDS,
        )
        request = request_of(order, ready, signing)
        claimed = claim_approved(replace(found, order=order), uow.now)
        line.journal.write(uow, found, [claimed])
        sent = Dispatch(
            lease_token=token,
            signed_at=signing.signed_at,
            claimed_at=db_now(uow.connection),
            final_after=signing.signed_at + line.venue.finality,
            reference_price=ready.reference_price,
            quantity=ready.quantity,
            limit_price=limit,
            stop_price=ready.stop_price,
        )
        requests.save_dispatch(uow.connection, order.client_order_id, sent)
        return Claimed(request=request, reference_price=ready.reference_price)

    def _send(self, claimed: Claimed) -> None:
        line = self.line
        line.reach("executor.signed")
        started = time.perf_counter()
        answer = line.venue.submit(claimed.request)
        line.metrics.order_ack_seconds.observe(time.perf_counter() - started)
        line.reach("executor.answered")
        line.journal.apply(
            claimed.request.client_order_id,
            lambda state, now: self._learned(state, answer, claimed.reference_price, now),
        )
        line.reach("executor.facts_after_commit")
        if isinstance(answer, Accepted | Ambiguous):
            line.to_look_at.put(claimed.request.client_order_id)

    def _learned(
        self, state: OrderState, answer: Answer, reference: Decimal, now: datetime
    ) -> list[Step]:
        """Return the steps of an answer, and of the fills that some venues tell along with it."""
        step = answered(state, answer, now)
        if not isinstance(answer, Accepted) or answer.report is None:
            return [step]
        seen = Seen(report=answer.report, fills=answer.report.fills)
        return [step, *self.line.journal.seen_of(step.state, seen, reference, now)]
