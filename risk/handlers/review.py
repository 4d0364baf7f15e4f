"""Reviews what was recommended: verdict, what it sets aside, and its fact, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from risk.core.book import reservation
from risk.core.exposure import money_counters, trades_counter, trades_on
from risk.core.limits import Costs
from risk.core.review import Instruments, Terms, Verdict, review_group
from risk.handlers.auditing import audit_verdicts
from risk.handlers.book import limits_in_force, show_book
from risk.repository import account, decisions, promises
from risk.repository.policy import Opening
from risk.repository.view import view
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.db.control import lock_trading_state
from shared.domain.events import (
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
)
from shared.domain.recommendation import Recommendation
from shared.domain.verdict import Approved
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    opening: Opening
    costs: Costs
    instruments: Instruments
    metrics: Metrics

    def on_recommendations_issued(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, RecommendationsIssued) and fact.account == self.opening.account:
                uow.caused_by(envelope)
                self.review(fact.recommendations, uow)

    def review(self, recommendations: Sequence[Recommendation], uow: UnitOfWork) -> list[Verdict]:
        """Judge those not judged before, as one group, and write everything that follows.

        The account's lock comes first and lasts to the commit, so what is read here is what is
        still true when it is written: limits hold however many reviewers there are.
        """
        connection, owner = uow.connection, self.opening.account
        account.lock_account(connection, owner)
        new = self._not_yet_reviewed(recommendations, uow)
        if not new:
            return []
        limits = limits_in_force(uow, self.opening)
        terms = Terms(limits=limits, costs=self.costs, instruments=self.instruments)
        state = lock_trading_state(connection, owner)
        day = max(one.decided_at for one in new).date()
        known = account.load_counters(connection, owner, day)
        trades, seen = trades_on(known, day), view(limits, new)
        book = account.load_book(connection, self.opening, state, trades, uow.now, seen)
        verdicts = review_group(new, book, terms, uow.now)
        approved = [verdict for verdict in verdicts if isinstance(verdict, Approved)]
        fee_factor = self.costs.fee_factor
        book = book.after(approved, fee_factor)
        decisions.add_decisions(connection, verdicts, uow.now)
        promises.add(connection, owner, [reservation(one, fee_factor) for one in approved], uow.now)
        symbols = [one.symbol for one in approved]
        counters = [*money_counters(book, limits, symbols), trades_counter(book, limits, day)]
        account.save_counters(connection, owner, counters, known)
        self._announce(verdicts, uow)
        uow.after_commit(lambda: show_book(self.metrics, book))
        return verdicts

    def _not_yet_reviewed(
        self, recommendations: Sequence[Recommendation], uow: UnitOfWork
    ) -> list[Recommendation]:
        ids = [one.recommendation_id for one in recommendations]
        known = decisions.already_reviewed(uow.connection, ids)
        return [one for one in recommendations if one.recommendation_id not in known]

    def _announce(self, verdicts: Sequence[Verdict], uow: UnitOfWork) -> None:
        for verdict in verdicts:
            if isinstance(verdict, Approved):
                uow.emit(RecommendationApproved(approved=verdict))
            else:
                uow.emit(RecommendationDenied(denied=verdict))
        audit_verdicts(verdicts, uow)
        uow.after_commit(lambda: self._count(verdicts))

    def _count(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            is_approved = isinstance(verdict, Approved)
            reason = "ok" if is_approved else verdict.breaches[0].check
            outcome = decisions.Outcome.APPROVED if is_approved else decisions.Outcome.DENIED
            self.metrics.risk_decisions_total.labels(verdict=outcome, reason=reason).inc()
            if verdict.sizing.raw_ratio > 0:
                self.metrics.kelly_fraction.observe(verdict.sizing.raw_ratio)
            log.info(
                "recommendation.reviewed",
                verdict=outcome,
                decision_id=verdict.decision_id,
                symbol=verdict.symbol,
                purpose=verdict.purpose,
                reason=reason,
            )
