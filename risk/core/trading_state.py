"""RUN trades, REDUCE only leaves, HALT does nothing new; canceling is never held up by any."""

from decimal import Decimal

from risk.core.book import Book
from risk.core.limits import RiskLimits, as_ratio
from shared.domain.enums import TradingState
from shared.domain.values import MONEY, ZERO, exact

_LOOSEST_FIRST = (TradingState.RUN, TradingState.REDUCE, TradingState.HALT)


def permits(state: TradingState, *, reduce_only: bool) -> bool:
    if state is TradingState.RUN:
        return True
    return reduce_only and state is TradingState.REDUCE


def is_tighter(state: TradingState, than: TradingState) -> bool:
    return _LOOSEST_FIRST.index(state) > _LOOSEST_FIRST.index(than)


def is_drawdown_exceeded(book: Book, limits: RiskLimits) -> bool:
    """Tell whether the fall from the peak, unrealised gains and losses included, is too deep."""
    return book.drawdown_ratio >= as_ratio(limits.max_drawdown_ratio)


def day_loss_ratio(book: Book) -> Decimal:
    """Return what was lost since midnight UTC, unrealised losses included; 0 after a gain."""
    if book.day_start_equity <= ZERO:
        return ZERO
    lost = max(book.day_start_equity - book.equity, ZERO)
    return exact(MONEY.divide(lost, book.day_start_equity))


def is_day_loss_exceeded(book: Book, limits: RiskLimits) -> bool:
    return day_loss_ratio(book) >= as_ratio(limits.max_day_loss_ratio)
