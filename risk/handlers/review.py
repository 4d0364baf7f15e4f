"""Reviews what was recommended: verdict, what it sets aside, and its fact, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from risk.core.book import Book
from risk.core.exposure import (
    WHOLE,
    Counter,
    Counters,
    count,
    entries_of,
    keys_entered,
    pace_counters,
)
from risk.core.limits import Costs, RiskLimits
from risk.core.reservation import reservation
from risk.core.review import Instruments, Terms, Verdict, review_group
from risk.core.usage import asset_of
from risk.handlers.auditing import audit_verdicts
from risk.handlers.book import standing_in_force
from risk.handlers.shown import show_book
from risk.repository import account, counters, decisions, promises
from risk.repository.policy import Opening
from risk.repository.view import view
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import Purpose
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
        still true when it is written: limits hold however many reviewers there are. The trading
        state is not locked: a halt must not wait for a verdict, and every claim looks again.
        """
        connection, owner = uow.connection, self.opening.account
        account.lock_account(connection, owner)
        new = self._not_yet_reviewed(recommendations, uow)
        if not new:
            return []
        standing = standing_in_force(uow, self.opening)
        limits = standing.limits
        terms = Terms(limits=limits, costs=self.costs, instruments=self.instruments)
        day = max(one.decided_at for one in new).date()
        known = self._counters(new, uow)
        entries = entries_of(known, day, uow.now)
        seen = view(limits, new)
        book = account.load_book(connection, self.opening, standing, entries, uow.now, seen)
        verdicts = review_group(new, book, terms, uow.now)
        decisions.add_decisions(connection, verdicts, uow.now)
        approved = [verdict for verdict in verdicts if isinstance(verdict, Approved)]
        if approved:
            book = book.after(approved, self.costs)
            self._promise(approved, uow)
            moved = _moved(approved, book, limits, (day, uow.now), known)
            counters.add_approved(connection, owner, moved, known)
        self._announce(verdicts, uow)
        uow.after_commit(lambda: show_book(self.metrics, book, limits))
        return verdicts

    def _counters(self, new: Sequence[Recommendation], uow: UnitOfWork) -> Counters:
        names = {name for one in new for name in (one.symbol, asset_of(one.symbol))}
        return counters.load_some(uow.connection, self.opening.account, names)

    def _promise(self, approved: Sequence[Approved], uow: UnitOfWork) -> None:
        promised = [reservation(one, self.costs) for one in approved]
        promises.add(uow.connection, self.opening.account, promised, uow.now)

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


def _moved(
    approved: Sequence[Approved],
    book: Book,
    limits: RiskLimits,
    at: tuple[date, datetime],
    known: Counters,
) -> list[Counter]:
    """Return the counters after these approvals, which the book already promises.

    `at`: the day decided on, and now.
    """
    entered = [one.symbol for one in approved if one.purpose is Purpose.ENTRY]
    if not entered:
        return count((WHOLE,), book, limits)
    keys = keys_entered(entered, book, limits, known)
    return [*count(keys, book, limits), *pace_counters(book, limits, *at)]
