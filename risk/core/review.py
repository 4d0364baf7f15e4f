"""The verdict on recommendations decided together, in their order, each seeing the ones before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from risk.core.book import Book
from risk.core.checks import ON_ENTRIES, ON_EXITS, ON_WISHES
from risk.core.company import Company, company_of, joined
from risk.core.funds import ONE
from risk.core.kelly import Sized, share_out, size
from risk.core.limits import Costs, RiskLimits
from risk.core.proposal import Proposal, enter, leave
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.recommendation import Recommendation
from shared.domain.values import ZERO
from shared.domain.verdict import Approved, Breach, Denied, Sizing, decision_id

Verdict = Approved | Denied
Instruments = Mapping[Symbol, Instrument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a review goes by, beside the book."""

    limits: RiskLimits
    costs: Costs
    instruments: Instruments


def review(
    recommendation: Recommendation, book: Book, terms: Terms, now: datetime
) -> Approved | Denied:
    """Return the verdict on one recommendation by itself."""
    return review_group((recommendation,), book, terms, now)[0]


def review_group(
    recommendations: Sequence[Recommendation], book: Book, terms: Terms, now: datetime
) -> list[Verdict]:
    """Return one verdict each, in order; what one is promised the next can no longer have."""
    sized = [_size(one, book, terms) for one in recommendations]
    shared = _share_out(recommendations, sized, book, terms, now)
    verdicts: list[Verdict] = []
    for recommendation, own, sizing in zip(recommendations, sized, shared, strict=True):
        if verdicts and isinstance(verdicts[-1], Approved):
            book = book.after([verdicts[-1]], terms.costs)
        proposal = _propose(recommendation, sizing, book, terms, now)
        verdicts.append(_judge(proposal, own.refusals, book, terms.limits))
    return verdicts


def _size(one: Recommendation, book: Book, terms: Terms) -> Sized:
    traded = terms.instruments.get(one.symbol)
    rate = None if traded is None else book.funds.rate(one.symbol)
    return size(one, book.equity, terms.limits, terms.costs, rate or ONE)


def _share_out(
    recommendations: Sequence[Recommendation],
    sized: Sequence[Sized],
    book: Book,
    terms: Terms,
    now: datetime,
) -> list[Sizing]:
    """Return the sizings after the steps that look at all of them.

    Only entries that nothing but their size could still stop take part; the others are sized as if
    they came alone on top, so that their verdict can show what they would have got.
    """
    takes_part = [
        _is_candidate(one, own, book, terms, now)
        for one, own in zip(recommendations, sized, strict=True)
    ]
    wanted = {one.symbol for one, takes in zip(recommendations, takes_part, strict=True) if takes}
    known, floor = book.markets.correlations, terms.limits.correlation_floor
    company = company_of(book.active | wanted, known, floor)
    together = [own.sizing for own, takes in zip(sized, takes_part, strict=True) if takes]
    shares = iter(share_out(together, company, book, terms.limits, terms.costs))
    return [
        next(shares) if takes else _alone(one, own.sizing, company, book, terms)
        for one, own, takes in zip(recommendations, sized, takes_part, strict=True)
    ]


def _alone(
    one: Recommendation, sizing: Sizing, company: Company, book: Book, terms: Terms
) -> Sizing:
    if one.is_reduce_only:
        return sizing
    known, floor = book.markets.correlations, terms.limits.correlation_floor
    larger = joined(company, one.symbol, known, floor)
    return share_out((sizing,), larger, book, terms.limits, terms.costs)[0]


def _is_candidate(one: Recommendation, own: Sized, book: Book, terms: Terms, now: datetime) -> bool:
    if one.is_reduce_only or own.refusals:
        return False
    probe = _unpriced(one, own.sizing, terms, now)
    return not any(test(probe, book, terms.limits) for test in ON_WISHES)


def _unpriced(one: Recommendation, sizing: Sizing, terms: Terms, now: datetime) -> Proposal:
    """Return the wish alone; an instrument that is unknown or has no price never gets further."""
    traded = terms.instruments.get(one.symbol)
    return Proposal(recommendation=one, instrument=traded, sizing=sizing, now=now)


def _propose(
    one: Recommendation, sizing: Sizing, book: Book, terms: Terms, now: datetime
) -> Proposal:
    traded = terms.instruments.get(one.symbol)
    if traded is None or one.price <= ZERO:
        return _unpriced(one, sizing, terms, now)
    if not one.is_reduce_only and book.funds.rate(one.symbol) is None:
        return _unpriced(one, replace(sizing, raw_ratio=0.0, capped_ratio=0.0), terms, now)
    make = leave if one.is_reduce_only else enter
    try:
        return make(one, traded, sizing, book, (terms.limits, terms.costs, now))
    except (BadInput, ArithmeticError):
        return replace(_unpriced(one, sizing, terms, now), is_computable=False)


def _judge(
    proposal: Proposal, refusals: Sequence[Breach], book: Book, limits: RiskLimits
) -> Verdict:
    """Return the verdict; a denial names every breach, not only the first."""
    binding = ON_EXITS if proposal.is_reduce_only else ON_ENTRIES
    found = [test(proposal, book, limits) for test in binding]
    breaches = (*refusals, *(breach for breach in found if breach is not None))
    if breaches:
        return _denied(proposal, breaches, limits)
    return _approved(proposal, limits)


def _approved(proposal: Proposal, limits: RiskLimits) -> Approved:
    one = proposal.recommendation
    return Approved(
        decision_id=decision_id(one.recommendation_id),
        recommendation_id=one.recommendation_id,
        account=one.account,
        symbol=one.symbol,
        interval=one.interval,
        side=one.side,
        purpose=one.purpose,
        quantity=proposal.quantity,
        price=one.price,
        limit_price=proposal.limit_price,
        notional=proposal.notional,
        decided_at=one.decided_at,
        expires_at=one.expires_at,
        limits_version=limits.version,
        bracket=one.bracket,
        exit_reason=one.exit_reason,
        sizing=proposal.sizing,
        source=one.source,
    )


def _denied(proposal: Proposal, breaches: tuple[Breach, ...], limits: RiskLimits) -> Denied:
    one = proposal.recommendation
    return Denied(
        decision_id=decision_id(one.recommendation_id),
        recommendation_id=one.recommendation_id,
        account=one.account,
        symbol=one.symbol,
        side=one.side,
        purpose=one.purpose,
        decided_at=one.decided_at,
        limits_version=limits.version,
        breaches=breaches,
        sizing=proposal.sizing,
    )
