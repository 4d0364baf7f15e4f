"""Every reason to stop entries unasked, one small function each, listed once at the end.

What other services see (a drifted model, a clock that is off, a venue that contradicts the books)
they say as facts; these here follow from what risk knows by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from risk.core.book import Book
from risk.core.limits import RiskLimits, as_ratio
from risk.core.trading_state import day_loss_ratio, is_day_loss_exceeded, is_drawdown_exceeded
from shared.domain.enums import Interval, TradingState
from shared.domain.values import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How candles come: `last_at` is when the newest closed, or when listening began, if later."""

    interval: Interval
    last_at: datetime
    now: datetime


Brake = Callable[[Book, RiskLimits, Feed | None], str | None]


def drawdown(book: Book, limits: RiskLimits, _feed: Feed | None) -> str | None:
    if not is_drawdown_exceeded(book, limits):
        return None
    fell = to_text(round(book.drawdown_ratio, 6))
    return f"drawdown {fell} reached the limit {limits.max_drawdown_ratio}"


def day_loss(book: Book, limits: RiskLimits, _feed: Feed | None) -> str | None:
    if not is_day_loss_exceeded(book, limits):
        return None
    lost = to_text(round(day_loss_ratio(book), 6))
    return f"day loss {lost} reached the limit {limits.max_day_loss_ratio}"


def failures(book: Book, limits: RiskLimits, _feed: Feed | None) -> str | None:
    ended, failed = book.conduct.ended, book.conduct.failed
    if ended < limits.min_failure_orders:
        return None
    if failed < as_ratio(limits.max_failure_ratio) * ended:
        return None
    return (
        f"{failed} of {ended} orders failed within {limits.failure_window_seconds} s, "
        f"the limit is {limits.max_failure_ratio}"
    )


def silence(_book: Book, limits: RiskLimits, feed: Feed | None) -> str | None:
    """Without a feed the clock itself follows the candles: none can be late."""
    if feed is None or is_fresh(feed, limits):
        return None
    return (
        f"no candle since {feed.last_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"the limit is {limits.max_silence_candles} of {feed.interval}"
    )


def is_fresh(feed: Feed, limits: RiskLimits) -> bool:
    return feed.now - feed.last_at <= limits.max_silence_candles * feed.interval.delta


BRAKES: tuple[Brake, ...] = (drawdown, day_loss, failures, silence)


def brake(book: Book, limits: RiskLimits, feed: Feed | None = None) -> str | None:
    """Return every reason for which a running account must stop entering, or None.

    It stays so until a person resumes it: a recovery does not switch trading back on.
    """
    if book.state is not TradingState.RUN:
        return None
    reasons = (test(book, limits, feed) for test in BRAKES)
    return "; ".join(reason for reason in reasons if reason is not None) or None
