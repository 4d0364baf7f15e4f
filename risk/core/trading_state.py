"""RUN trades, REDUCE only leaves, HALT does nothing new; canceling is never held up by any."""

from risk.core.book import Book
from risk.core.limits import RiskLimits, as_ratio
from shared.domain.enums import TradingState
from shared.domain.values import to_text


def permits(state: TradingState, *, reduce_only: bool) -> bool:
    if state is TradingState.RUN:
        return True
    return reduce_only and state is TradingState.REDUCE


def is_drawdown_exceeded(book: Book, limits: RiskLimits) -> bool:
    return book.drawdown_ratio >= as_ratio(limits.max_drawdown_ratio)


def brake(book: Book, limits: RiskLimits) -> str | None:
    """Return why a running account must stop entering by itself, or None.

    It stays so until a person resumes it: a recovery does not switch trading back on.
    """
    if book.state is not TradingState.RUN or not is_drawdown_exceeded(book, limits):
        return None
    fell = to_text(round(book.drawdown_ratio, 6))
    return f"drawdown {fell} reached the limit {limits.max_drawdown_ratio}"
