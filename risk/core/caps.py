"""The checks of what may be spent: on one instrument, on all of them, and of the cash there is."""

from decimal import Decimal

from risk.core.book import Book
from risk.core.breach import breach
from risk.core.limits import RiskLimits
from risk.core.proposal import Proposal
from shared.domain.values import ZERO, to_text
from shared.domain.verdict import Breach


def external_orders(_proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    unpriced = book.external.unpriced
    if not unpriced:
        return None
    named = f"none for {unpriced[0].venue_order_id} ({unpriced[0].symbol})"
    value = named if len(unpriced) == 1 else f"{named} and {len(unpriced) - 1} more"
    remedy = "cancel it at the venue: what an order that is not ours may still buy is unknown"
    return breach("external_orders", "a known price", value, remedy=remedy)


def position_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    cap = limits.position_cap(book.equity)
    remedy = "leave part of the position, or raise max_position_ratio"
    remedy += _not_ours(book.external.amount(proposal.symbol))
    return _over("position_ratio", book.used(proposal.symbol), proposal.cost, cap, remedy)


def exposure_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    cap = limits.exposure_cap(book.equity)
    remedy = "leave a position first, or raise max_exposure_ratio"
    remedy += _not_ours(book.external.total)
    return _over("exposure_ratio", book.exposure, proposal.cost, cap, remedy)


def _not_ours(amount: Decimal) -> str:
    if amount == ZERO:
        return ""
    return f", or cancel orders at the venue that are not ours: {to_text(amount)} of it are theirs"


def cash_available(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    remedy = "leave a position first, or fund the account"
    return _over("cash_available", book.reserved_total, proposal.cost, book.cash, remedy)


def _over(check: str, used: Decimal, cost: Decimal, cap: Decimal, remedy: str) -> Breach | None:
    if used + cost <= cap:
        return None
    headroom = max(cap - used, ZERO)
    return breach(check, cap, used + cost, headroom=headroom, remedy=remedy)
