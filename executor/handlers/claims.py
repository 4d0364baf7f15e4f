"""From approvals to claimed orders, and from claimed orders to the venue's answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from executor.core.order import OrderState
from executor.core.planning import OrderPolicy, obstacle, plan
from executor.core.steps import Step, accept, claim, give_up, reject, stop
from executor.handlers.announce import announce
from executor.handlers.auditing import EXECUTOR
from executor.repository import orders
from executor.tasks.comparing import Reconciler
from executor.venues.port import Accepted, Refused, Venue
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.db.control import lock_trading_state
from shared.domain.enums import Purpose, TradingState
from shared.domain.events import (
    OrderSubmitted,
    RecommendationApproved,
    RecommendationExpired,
    TradingStateChanged,
)
from shared.domain.ids import AccountId
from shared.domain.verdict import Approved
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    account: AccountId
    policy: OrderPolicy
    venue: Venue
    reconciler: Reconciler
    metrics: Metrics

    def on_recommendations_approved(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Make each approval an order, or give it back: halted, too late, or books in doubt."""
        wanted = [
            (envelope, envelope.event.approved)
            for envelope in batch
            if isinstance(envelope.event, RecommendationApproved)
            and envelope.event.approved.account == self.account
        ]
        if not wanted:
            return
        state = self._state(uow)
        decisions = [approved.decision_id for _, approved in wanted]
        known = orders.known_decisions(uow.connection, decisions)
        steps: list[Step] = []
        for envelope, approved in wanted:
            if approved.decision_id in known:
                continue
            uow.caused_by(envelope)
            steps += self._claim(approved, state, uow)
        orders.save_steps(uow.connection, steps)

    def on_orders_submitted(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Ask the venue about each order that is still without its answer."""
        causes = {
            envelope.event.order.client_order_id: envelope
            for envelope in batch
            if isinstance(envelope.event, OrderSubmitted)
        }
        steps: list[Step] = []
        for state in orders.load_sending(uow.connection, self.account):
            cause = causes.get(state.order.client_order_id)
            if cause is None:
                continue
            uow.caused_by(cause)
            step = self._answered(state, uow)
            announce([step], uow, self.metrics)
            steps.append(step)
        orders.save_steps(uow.connection, steps)

    def on_trading_state_changed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Cancel open entries unless trading runs; exits and brackets go on protecting."""
        restrained = [
            envelope
            for envelope in batch
            if isinstance(envelope.event, TradingStateChanged)
            and envelope.event.account == self.account
            and envelope.event.state is not TradingState.RUN
        ]
        if not restrained:
            return
        self.settle(uow)
        uow.caused_by(restrained[-1])
        steps = [
            stop(state, uow.now)
            for state in orders.load_working(uow.connection, self.account)
            if state.order.purpose is Purpose.ENTRY
        ]
        orders.save_steps(uow.connection, steps)
        announce(steps, uow, self.metrics)

    def settle(self, uow: UnitOfWork) -> None:
        """Have every claimed order answered now."""
        sending = orders.load_sending(uow.connection, self.account)
        steps = [self._answered(state, uow) for state in sending]
        orders.save_steps(uow.connection, steps)
        announce(steps, uow, self.metrics)

    def _state(self, uow: UnitOfWork) -> TradingState:
        """Return the state in force, locked; while the books are in doubt nothing enters."""
        state = lock_trading_state(uow.connection, self.account)
        if state is TradingState.RUN and not self.reconciler.has_agreed():
            return TradingState.REDUCE
        return state

    def _claim(self, approved: Approved, state: TradingState, uow: UnitOfWork) -> list[Step]:
        reason = obstacle(state, approved.purpose, uow.now, approved.expires_at)
        if reason is None:
            step = claim(plan(approved, self.policy), uow.now)
            announce([step], uow, self.metrics)
            return [step]
        uow.audit(EXECUTOR, "approval.lapsed", approved.decision_id, {"reason": reason})
        log.info("approval.lapsed", decision_id=approved.decision_id, reason=reason)
        lapsed = RecommendationExpired(
            account=approved.account,
            recommendation_id=approved.recommendation_id,
            symbol=approved.symbol,
            expired_at=uow.now,
        )
        uow.emit(lapsed)
        return []

    def _answered(self, state: OrderState, uow: UnitOfWork) -> Step:
        if uow.now >= state.order.expires_at:
            return give_up(state, "its time was over before it could be sent", uow.now)
        asked_at = perf_counter()
        answer = self.venue.submit(state.order)
        self.metrics.order_ack_seconds.observe(perf_counter() - asked_at)
        match answer:
            case Accepted(venue_order_id=identity):
                return accept(state, identity, uow.now)
            case Refused(reason=reason):
                return reject(state, reason, uow.now)
