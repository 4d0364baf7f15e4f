"""What the executor of a venue behind a network does when it hears something: it writes it down.

Approvals become orders that wait to be claimed, a restrained trading state becomes wishes to
cancel, closed candles become marks that are due. Whoever holds the lease acts on the rows; it need
not be the process that heard.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from executor.core.order import OrderState
from executor.core.planning import OrderPolicy, plan
from executor.core.steps import Step, approve, give_up, request_cancel
from executor.handlers.journal import Journal
from executor.repository import account, orders
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import Interval, OrderStatus, Purpose, TradingState
from shared.domain.events import CandlesClosed, RecommendationApproved, TradingStateChanged
from shared.domain.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """`market` is whose candles are heard; `ring_sender`, `ring_canceler` wake whoever acts."""

    account: AccountId
    market: str
    interval: Interval
    policy: OrderPolicy
    journal: Journal
    ring_sender: Callable[[], None]
    ring_canceler: Callable[[], None]

    def on_recommendations_approved(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Make each approval an order, once."""
        wanted = {
            envelope.event.approved.decision_id: envelope
            for envelope in batch
            if isinstance(envelope.event, RecommendationApproved)
            and envelope.event.approved.account == self.account
        }
        if not wanted:
            return
        known = orders.known_decisions(uow.connection, list(wanted))
        for decision, envelope in wanted.items():
            if decision not in known:
                assert isinstance(envelope.event, RecommendationApproved)
                uow.caused_by(envelope)
                order = plan(envelope.event.approved, self.policy)
                self.journal.take_in(uow, [approve(order, uow.now)])
        uow.after_commit(self.ring_sender)

    def on_trading_state_changed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Wish every working entry canceled unless trading runs; exits and stops go on."""
        restrained = [
            envelope
            for envelope in batch
            if isinstance(envelope.event, TradingStateChanged)
            and envelope.event.account == self.account
            and envelope.event.state is not TradingState.RUN
        ]
        if not restrained:
            return
        uow.caused_by(restrained[-1])
        for state in orders.load_working(uow.connection, self.account):
            if state.order.purpose is Purpose.ENTRY:
                self.journal.write(uow, state, [_stopped(state, uow)])
        uow.after_commit(self.ring_canceler)

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Note up to which candle the account is to be declared complete."""
        newest: dict[int, CandlesClosed] = {}
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, CandlesClosed) and self._is_ours(fact):
                known = newest.get(fact.shard)
                if known is None or fact.closed_at > known.closed_at:
                    newest[fact.shard] = fact
        for shard, fact in sorted(newest.items()):
            account.note_due(uow.connection, self.account, shard, fact.closed_at)

    def _is_ours(self, fact: CandlesClosed) -> bool:
        return fact.venue == self.market and fact.interval is self.interval


def _stopped(state: OrderState, uow: UnitOfWork) -> Step:
    if state.status is OrderStatus.APPROVED:
        return give_up(state, "entries were stopped before it was sent", uow.now)
    return request_cancel(state, uow.now)
