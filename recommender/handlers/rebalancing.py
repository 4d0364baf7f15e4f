"""Turns target weights into recommendations: sales at once, purchases when the sales have ended.

Everything is in rows: a restart between the two waves loses nothing. All of it happens under the
account's row, as every decision of the recommender does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from recommender.core.book import Policy
from recommender.core.rebalance import Step, StepState, due, recommend_step, repriced, steps_of
from recommender.repository import account, proposals, rebalances
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import (
    EquityMarked,
    RebalanceWanted,
    RecommendationsIssued,
    SignalsAggregated,
)
from shared.domain.ids import Symbol
from shared.domain.recommendation import REBALANCE, Recommendation

Counted = Callable[[Sequence[Recommendation], UnitOfWork], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalancer:
    """`counted` is told of whatever is issued."""

    policy: Policy
    counted: Counted

    def on_rebalance_wanted(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        heard = [
            (envelope, envelope.event)
            for envelope in batch
            if isinstance(envelope.event, RebalanceWanted)
            and envelope.event.account == self.policy.account
        ]
        if not heard:
            return
        account.lock_freshness(uow.connection, self.policy.account)
        for envelope, fact in heard:
            steps = steps_of(fact)
            rebalances.add_steps(uow.connection, steps)
            uow.caused_by(envelope)
            self._issue([one for one in steps if one.state is StepState.ISSUED], uow)
            if any(one.state is StepState.WAITING for one in steps):
                self._note_waiting(uow, is_waiting=True)

    def on_equity_marked(self, marked: EquityMarked, uow: UnitOfWork) -> None:
        """Propose what waited for its sales; the caller holds the account's row."""
        prices = {one.symbol: one.price for one in marked.positions}
        self._look(prices, marked.as_of, marked.as_of, uow)

    def on_signals_aggregated(
        self, batch: Sequence[Envelope], as_of: datetime | None, uow: UnitOfWork
    ) -> None:
        """Take newer prices; `as_of` is the account's last mark, the caller holds its row."""
        facts = [one.event for one in batch if isinstance(one.event, SignalsAggregated)]
        for fact in sorted(facts, key=lambda fact: fact.closed_at):
            prices = {one.symbol: one.price for one in fact.signals}
            self._look(prices, fact.closed_at, as_of, uow)

    def _look(
        self,
        prices: Mapping[Symbol, Decimal],
        at: datetime,
        as_of: datetime | None,
        uow: UnitOfWork,
    ) -> None:
        connection = uow.connection
        waiting = rebalances.waiting_steps(connection, self.policy.account)
        newer = {one.recommendation_id: one for one in repriced(waiting, prices, at)}
        waiting = [newer.get(one.recommendation_id, one) for one in waiting]
        sales = rebalances.sales_beside(connection, self.policy.account, waiting)
        ready = due(waiting, sales, as_of, self.policy)
        rebalances.save_steps(connection, newer.values())
        rebalances.save_steps(connection, ready)
        self._issue(ready, uow, is_second=True)
        if len(ready) == len(waiting):
            self._note_waiting(uow, is_waiting=False)

    def _note_waiting(self, uow: UnitOfWork, *, is_waiting: bool) -> None:
        changes = {"is_rebalancing": is_waiting}
        account.save_freshness(uow.connection, self.policy.account, changes)

    def _issue(self, steps: Sequence[Step], uow: UnitOfWork, *, is_second: bool = False) -> None:
        by_rebalance: dict[str, list[Step]] = {}
        for step in steps:
            by_rebalance.setdefault(step.rebalance_id, []).append(step)
        for some in by_rebalance.values():
            issued = tuple(recommend_step(step, self.policy) for step in some)
            if not proposals.add_recommendations(uow.connection, issued):
                continue
            uow.emit(
                RecommendationsIssued(
                    account=self.policy.account,
                    decided_at=issued[0].decided_at,
                    origin=_origin(some[0], is_second=is_second),
                    recommendations=issued,
                )
            )
            self.counted(issued, uow)


def _origin(first: Step, *, is_second: bool) -> str:
    """Name what is proposed together; purchases that waited may be proposed one by one."""
    return f"{REBALANCE}:{first.rebalance_id}" + f":{first.symbol}" * is_second
