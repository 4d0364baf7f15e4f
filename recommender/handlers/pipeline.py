"""Keeps the view of the account, and decides on a candle once signals and account both reach it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recommender.core.book import Book, KnownOrder, Policy, Position, changed, filled, follow
from recommender.core.proposal import decide
from recommender.core.status import RecommendationStatus
from recommender.handlers.rebalancing import Rebalancer
from recommender.repository import account, pending, proposals
from recommender.repository.proposals import Progress
from shared.bus.consumer import Handler
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import (
    EquityMarked,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
    PositionChanged,
    RebalanceWanted,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationExpired,
    RecommendationsIssued,
    SignalsAggregated,
    TradingStateChanged,
)
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.recommendation import Recommendation
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

ORDER_FACTS = (
    OrderSubmitted,
    OrderAccepted,
    OrderUnknown,
    OrderFilled,
    OrderRejected,
    OrderCanceled,
    OrderExpired,
)
log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommenderHandlers:
    """`max_book_age`: how far the account's view may lag behind a candle that is decided on."""

    policy: Policy
    venue: str
    max_book_age: timedelta
    metrics: Metrics

    @property
    def rebalancer(self) -> Rebalancer:
        def counted(issued: Sequence[Recommendation], uow: UnitOfWork) -> None:
            count_issued(issued, self.metrics, uow)

        return Rebalancer(policy=self.policy, counted=counted)

    def by_topic(self) -> Mapping[str, Handler]:
        """Return the handlers, what is known of the account before what is decided by it."""
        orders: dict[str, Handler] = {fact.topic: self.on_orders for fact in ORDER_FACTS}
        return {
            RecommendationApproved.topic: self.on_verdicts,
            RecommendationDenied.topic: self.on_verdicts,
            RecommendationExpired.topic: self.on_verdicts,
            **orders,
            PositionChanged.topic: self.on_positions_changed,
            TradingStateChanged.topic: self.on_trading_state_changed,
            RebalanceWanted.topic: self.rebalancer.on_rebalance_wanted,
            EquityMarked.topic: self.on_equity_marked,
            SignalsAggregated.topic: self.on_signals_aggregated,
        }

    def on_verdicts(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        proposals.advance(uow.connection, [_progress(envelope) for envelope in batch])

    def on_orders(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, ORDER_FACTS)
            and envelope.event.order.account == self.policy.account
        ]
        known = account.load_orders(uow.connection, [fact.order.client_order_id for fact in facts])
        followed: dict[ClientOrderId, KnownOrder] = {}
        for fact in facts:
            identity = fact.order.client_order_id
            followed[identity] = follow(followed.get(identity, known.get(identity)), fact.order)
        account.save_orders(uow.connection, self.policy.account, followed.values())
        proposals.stand_as(uow.connection, followed.values())
        self._book_fills([fact for fact in facts if isinstance(fact, OrderFilled)], uow)

    def _book_fills(self, facts: Sequence[OrderFilled], uow: UnitOfWork) -> None:
        if not facts:
            return
        held = account.load_positions(uow.connection, self.policy.account)
        changes: dict[Symbol, Position | None] = {}
        for fact in facts:
            held[fact.fill.symbol] = filled(held.get(fact.fill.symbol), fact.order, fact.fill)
            changes[fact.fill.symbol] = held[fact.fill.symbol]
        account.save_positions(uow.connection, self.policy.account, changes)

    def on_positions_changed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        held: dict[Symbol, Position | None] = {
            **account.load_positions(uow.connection, self.policy.account)
        }
        changes: dict[Symbol, Position | None] = {}
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, PositionChanged) and fact.account == self.policy.account:
                held[fact.symbol] = changed(held.get(fact.symbol), fact)
                changes[fact.symbol] = held[fact.symbol]
        account.save_positions(uow.connection, self.policy.account, changes)

    def on_trading_state_changed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        known = account.lock_freshness(uow.connection, self.policy.account).state_version
        heard = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, TradingStateChanged)
            and envelope.event.account == self.policy.account
            and envelope.event.version > known
        ]
        if heard:
            latest = max(heard, key=lambda fact: fact.version)
            state = {"trading_state": latest.state, "state_version": latest.version}
            account.save_freshness(uow.connection, self.policy.account, state)

    def on_equity_marked(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        known = account.lock_freshness(uow.connection, self.policy.account)
        newer = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, EquityMarked)
            and envelope.event.account == self.policy.account
            and (known.as_of is None or envelope.event.as_of > known.as_of)
        ]
        if not newer:
            return
        marked = max(newer, key=lambda fact: fact.as_of)
        as_of = marked.as_of
        account.save_freshness(uow.connection, self.policy.account, {"as_of": as_of})
        if known.is_rebalancing:
            self.rebalancer.on_equity_marked(marked, uow)
        ready = pending.take_pending(uow.connection, self.policy.account, as_of + self.max_book_age)
        self._decide(ready, known, uow)

    def on_signals_aggregated(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        ours = [
            envelope
            for envelope in batch
            if isinstance(envelope.event, SignalsAggregated)
            and envelope.event.venue == self.venue
            and envelope.event.interval is self.policy.interval
        ]
        known = account.lock_freshness(uow.connection, self.policy.account)
        ready = [envelope for envelope in ours if self._reaches(known.as_of, envelope)]
        early = [envelope for envelope in ours if envelope not in ready]
        pending.save_pending(uow.connection, self.policy.account, early)
        if known.is_rebalancing:
            self.rebalancer.on_signals_aggregated(ours, known.as_of, uow)
        self._decide(ready, known, uow)

    def _reaches(self, as_of: datetime | None, envelope: Envelope) -> bool:
        fact = envelope.event
        assert isinstance(fact, SignalsAggregated)
        return as_of is not None and fact.closed_at <= as_of + self.max_book_age

    def _decide(self, ready: Sequence[Envelope], known: account.Freshness, uow: UnitOfWork) -> None:
        """Decide candle by candle; what one shard proposes is pending for the next."""
        facts = [
            (envelope.event, envelope)
            for envelope in ready
            if isinstance(envelope.event, SignalsAggregated)
        ]
        fresh = [one for one in facts if not self._is_stale(one[0], uow)]
        _tell_of_stale([one[0] for one in facts if self._is_stale(one[0], uow)])
        if not fresh:
            return
        book = account.load_book(uow.connection, self.policy.account, known.state)
        for fact, envelope in sorted(fresh, key=lambda one: (one[0].closed_at, one[0].shard)):
            book = self._issue(fact, envelope, book, uow)

    def _is_stale(self, fact: SignalsAggregated, uow: UnitOfWork) -> bool:
        return uow.now >= self.policy.expires_at(fact.closed_at)

    def _issue(
        self, fact: SignalsAggregated, envelope: Envelope, book: Book, uow: UnitOfWork
    ) -> Book:
        issued = decide(fact.signals, book, self.policy)
        if not issued:
            return book
        proposals.add_recommendations(uow.connection, issued)
        uow.caused_by(envelope)
        uow.emit(
            RecommendationsIssued(
                account=self.policy.account,
                decided_at=fact.closed_at,
                origin=f"pipeline:{fact.shard}",
                recommendations=issued,
            )
        )
        count_issued(issued, self.metrics, uow)
        return book.after(issued)


def count_issued(issued: Sequence[Recommendation], metrics: Metrics, uow: UnitOfWork) -> None:
    by_action = Counter(one.purpose.value for one in issued)

    def count() -> None:
        for action, number in by_action.items():
            metrics.recommendations_total.labels(action=action).inc(number)

    uow.after_commit(count)


def _progress(envelope: Envelope) -> Progress:
    match envelope.event:
        case RecommendationApproved(approved=approved):
            return Progress(
                recommendation_id=approved.recommendation_id,
                status=RecommendationStatus.APPROVED,
                verdict=approved,
            )
        case RecommendationDenied(denied=denied):
            return Progress(
                recommendation_id=denied.recommendation_id,
                status=RecommendationStatus.DENIED,
                verdict=denied,
            )
        case RecommendationExpired(recommendation_id=identity):
            return Progress(recommendation_id=identity, status=RecommendationStatus.EXPIRED)
        case _:
            raise TypeError(f"{envelope.topic} is not a verdict")


def _tell_of_stale(facts: Sequence[SignalsAggregated]) -> None:
    """Say in one line that candles were too old to act on: a first start brings a whole day."""
    if facts:
        closed = sorted(fact.closed_at.isoformat() for fact in facts)
        log.info("signals.stale", candles=len(closed), first=closed[0], last=closed[-1])
