"""How the executor of the model leads, reads clocks, claims and sends: `tasks.{leading,sending}`."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

from executor.core import absence, claiming, leading
from executor.core.steps import (
    claim_approved,
    give_up,
)
from executor.tasks.sending import SEND_WITHIN_SECONDS, WINDOW, Sender
from shared.domain.enums import OrderStatus, Purpose
from shared.domain.venue import (
    Accepted,
    Ambiguous,
    ClockReading,
    NotSent,
    OrderRequest,
    TopOfBook,
)
from tests.model.database import CONTROL, LEASE, Row, Transaction
from tests.model.exchange import FINALITY
from tests.model.process import JOURNAL, Away, Process
from tests.model.terms import CEILINGS, PRICE
from tests.model.world import Doing, Nap

SENDER = Sender(line=SimpleNamespace(journal=JOURNAL))
_ASKED_AGAIN = 1.5  # seconds; three times the real pause: a waiting executor is dull to watch


class Sending(Process):
    """Holds the lease, and sends what is approved."""

    def _leading(self) -> Doing:
        while True:
            yield from self._guarded(self._renew)
            yield (
                leading.RENEWED_EVERY_SECONDS if self.leadership.token is not None else _ASKED_AGAIN
            )

    def lease_now(self) -> datetime:
        return self.clock.now() if "lease by local clock" in self.breaks else self.database.now()

    def _renew(self) -> Doing:
        asked_at = self.world.now

        def work(uow: Transaction) -> Doing:
            yield from uow.lock(LEASE)
            held = leading.next_lease(self.database.lease, self.leadership.holder, self.lease_now())
            if held is not None:
                uow.changes.append(lambda: self.database.took_lease(held))
            return held

        held = yield from self.attempt(work)
        if held is None:
            self.leadership.lose()
        elif self.leadership.take(held.token, asked_at):
            self.world.note("leads", self.machine.name, held.token)
            self.ring("syncer")

    def _timing(self) -> Doing:
        while True:
            yield from self._guarded(self._read_clock)
            yield 20.0

    def _read_clock(self) -> Doing:
        asked_at, started = self.clock.now(), self.world.now
        yield from self.ask(in_public=True)
        theirs = self.exchange.now()
        round_trip = timedelta(seconds=self.world.now - started)
        offset = theirs - (asked_at + round_trip / 2)
        self.board.learn_clock(ClockReading(offset=offset, round_trip=round_trip))

    def _sending(self) -> Doing:
        while True:
            yield from self._guarded(self._send_waiting)
            yield Nap(0.5 if self._has_waiting() else 3.0)

    def _has_waiting(self) -> bool:
        return any(row.status is OrderStatus.APPROVED for row in self.database.working.values())

    def _send_waiting(self) -> Doing:
        waiting = [row for row in self.working() if row.status is OrderStatus.APPROVED]
        for row in sorted(waiting, key=lambda one: one.order.purpose, reverse=True):
            token = self.leadership.token
            if token is None:
                return
            yield from self._send_one(row.order.client_order_id, row.order.symbol, token)

    def _send_one(self, identity: str, symbol: str, token: int) -> Doing:
        yield from self._fresh_quote(symbol)
        claimed: list[tuple[OrderRequest, object]] = []
        yield from self.attempt(lambda uow: self._claim(identity, token, uow, claimed))
        self.reach("claim_after_commit")
        for request, reference in claimed:
            yield from self._send(request, reference)

    def _fresh_quote(self, symbol: str) -> Doing:
        quote = self.board.quote(symbol)
        if quote is not None and self.clock.now() - quote.at < CEILINGS.max_quote_age / 2:
            return
        try:
            yield from self.ask(in_public=True)
        except Away:
            return
        at = self.clock.now()
        one = PRICE / 100
        self.board.learn_quote(
            TopOfBook(
                symbol=symbol, bid=PRICE, bid_quantity=one, ask=PRICE, ask_quantity=one, at=at
            )
        )

    def _claim(self, identity: str, token: int, uow: Transaction, claimed: list) -> Doing:
        database, board = self.database, self.board
        claimed.clear()
        if "plain read of control" not in self.breaks:
            yield from uow.lock(CONTROL, shared=True)
        state = database.state
        yield from uow.lock(LEASE, shared=True)
        if not database.lease.is_held_by(self.leadership.holder, token, self.lease_now()):
            self.leadership.lose()
            return
        yield from uow.lock(identity)
        row = uow.row(identity)
        if row is None or row.status is not OrderStatus.APPROVED:
            return
        yield self.world.chance.uniform(0.0005, 0.004)
        order = row.order
        now = self.clock.now() if "TTL by local clock" in self.breaks else database.now()
        since = now - timedelta(minutes=1)
        situation = claiming.Situation(
            state=state,
            now=now,
            sent_last_minute=sum(
                one.claimed_at is not None
                and one.claimed_at >= since
                and one.order.purpose is Purpose.ENTRY
                for one in database.rows.values()
            ),
            quote=board.quote(order.symbol),
            rules=board.rules(order.symbol),
            doubt=board.problem(token),
            frozen=database.frozen.get(order.symbol),
        )
        decision = claiming.decide(order, situation, CEILINGS)
        if isinstance(decision, claiming.Lapse):
            self.write(
                uow, row, [give_up(row.state, decision.reason, self.clock.now())], self.clock.now()
            )
        elif isinstance(decision, claiming.Ready):
            claimed.append(self._dispatch(row, decision, token, uow))
            if "send before commit" in self.breaks:
                self.early[identity] = reply = []
                self.world.call(self.world.now + 0.02, self.exchange.receive, claimed[0][0], reply)
                yield 0.05
            self.reach("claim_before_commit")
            if self.world.happens(0.03):
                yield self.world.chance.uniform(0.5, 12)

    def _dispatch(self, row: Row, ready: claiming.Ready, token: int, uow: Transaction) -> tuple:
        limit = row.order.limit_price if ready.limit_price is None else ready.limit_price
        order = replace(row.order, quantity=ready.quantity, limit_price=limit)
        signing = claiming.Signing(
            signed_at=self.board.venue_now(),
            window=WINDOW,
            send_by=self.world.now + SEND_WITHIN_SECONDS,
        )
        step = claim_approved(replace(row.state, order=order), self.clock.now())
        claimed_at = self.database.now()
        uow.rows[order.client_order_id] = replace(
            row,
            state=step.state,
            status=step.state.status,
            updated_at=step.at,
            claimed_at=claimed_at,
            lease_token=token,
            signed_at=signing.signed_at,
            reference_price=ready.reference_price,
            search=absence.Search(final_after=signing.signed_at + FINALITY[self.exchange.kind]),
        )
        quote = self.board.quote(order.symbol)
        self.world.note("claims", self.machine.name, order.client_order_id[-6:], token)
        uow.changes.append(
            lambda: self.database.world.note("claimed", order.client_order_id[-6:], str(quote.at))
        )
        return claiming.request_of(order, ready, signing), ready.reference_price

    def _send(self, request: OrderRequest, reference: object) -> Doing:
        self.reach("signed")
        answer = yield from self.submit(request)
        if isinstance(answer, Ambiguous) and "send again" in self.breaks:
            again = replace(request, signed_at=self.board.venue_now(), send_by=self.world.now + 2)
            answer = yield from self.submit(again)
        if isinstance(answer, Ambiguous) and "failed on exception" in self.breaks:
            answer = NotSent(reason=answer.reason)
        self.world.note("answered", request.client_order_id[-6:], type(answer).__name__)
        self.reach("answered")
        identity = request.client_order_id
        yield from self.apply(
            identity, lambda state, now: SENDER._learned(state, answer, reference, now)
        )
        self.reach("facts_after_commit")
        if isinstance(answer, Accepted | Ambiguous):
            self.hint(identity)
