"""The check of what an entry is paid in."""

from risk.core.book import Book
from risk.core.breach import breach
from risk.core.funds import quote_of
from risk.core.limits import RiskLimits
from risk.core.proposal import Proposal
from shared.domain.verdict import Breach


def quote_value(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    """Refuse to spend what nobody knows the worth of: no cap would hold."""
    if not book.funds or proposal.instrument is None:
        return None
    if book.funds.rate(proposal.symbol) is not None:
        return None
    quote = quote_of(proposal.symbol)
    remedy = f"trade a pair that prices {quote}, or set PORTFOLIO__STABLE_PARITY if it is a dollar"
    return breach("quote_value", "known", f"{quote} has no price", remedy=remedy)
