"""The checks of what an entry is paid in, and of what else the account has in other quotes."""

from collections.abc import Sequence

from risk.core.book import Book
from risk.core.breach import breach
from risk.core.funds import quote_of
from risk.core.limits import RiskLimits
from risk.core.proposal import Proposal
from shared.domain.verdict import Breach

_SHOWN = 3


def quote_value(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    """Refuse to spend what nobody knows the worth of: no cap would hold."""
    if not book.funds or proposal.instrument is None:
        return None
    if book.funds.rate(proposal.symbol) is not None:
        return None
    quote = quote_of(proposal.symbol)
    return breach("quote_value", "known", f"{quote} has no price", remedy=_remedy([quote]))


def book_value(_proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    """Refuse to add to an account of which a part has no known worth: it would weigh nothing."""
    unknown = [symbol for symbol in sorted(book.active) if book.funds.rate(symbol) is None]
    if not unknown:
        return None
    quotes = sorted({quote_of(symbol) for symbol in unknown})
    value = f"{', '.join(unknown[:_SHOWN])} in {', '.join(quotes)}, which has no price"
    return breach("book_value", "known", value, remedy=f"{_remedy(quotes)}; or leave {unknown[0]}")


def _remedy(quotes: Sequence[str]) -> str:
    named = " and ".join(quotes)
    return f"trade a pair that prices {named}, or set PORTFOLIO__STABLE_PARITY if it is a dollar"
