"""Every reason to say no, one small function each, listed once at the end.

An entry must pass all of them. An exit reduces risk, so only those marked `binds_exits` hold it up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from risk.core.book import Book
from risk.core.breach import breach
from risk.core.caps import (
    cash_available,
    cluster_ratio,
    day_loss,
    exposure_ratio,
    external_orders,
    orders_per_minute,
    position_ratio,
    source_ratio,
    symbol_ratio,
    trades_per_day,
    venue_ratio,
)
from risk.core.conduct_checks import failure_ratio, loss_streak
from risk.core.currency_checks import book_value, quote_value
from risk.core.limits import RiskLimits
from risk.core.market_checks import market_age, price_collar, quote_age, spread, volatility
from risk.core.proposal import Proposal
from risk.core.trading_state import is_drawdown_exceeded, permits
from shared.domain.enums import Purpose, Side
from shared.domain.values import ZERO
from shared.domain.verdict import Breach

Test = Callable[[Proposal, Book, RiskLimits], Breach | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`needs_size`: can only be judged once the order is known, not the wish alone."""

    test: Test
    binds_exits: bool = False
    needs_size: bool = False


def trading_state(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    if permits(book.state, reduce_only=proposal.is_reduce_only):
        return None
    return breach("trading_state", "run", book.state, remedy="resume trading once it is safe")


def instrument(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    if proposal.instrument is not None:
        return None
    remedy = "add it to MARKET__INSTRUMENTS, or trade another"
    return breach("instrument", "traded here", proposal.symbol, remedy=remedy)


def price(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    if proposal.recommendation.price > ZERO:
        return None
    remedy = "check the candles it was decided on"
    return breach("price", "above 0", proposal.recommendation.price, remedy=remedy)


def amounts(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    if proposal.is_computable:
        return None
    given = f"{proposal.recommendation.price:.6g}"
    remedy = "give a price near the market's: the books cannot hold the amounts of this one"
    return breach("amounts", "at most 20 digits before the point", given, remedy=remedy)


def direction(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    expected = Side.SELL if proposal.is_reduce_only else Side.BUY
    side = proposal.recommendation.side
    if side is expected:
        return None
    return breach(
        "direction", expected, side, remedy="spot is held long: buy to enter, sell to leave"
    )


def expired(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    expires_at = proposal.recommendation.expires_at
    if proposal.now < expires_at:
        return None
    late = f"{(proposal.now - expires_at).total_seconds():g} s late"
    return breach("expired", expires_at.isoformat(), late, remedy="wait for the next signal")


def price_age(proposal: Proposal, _book: Book, limits: RiskLimits) -> Breach | None:
    recommendation = proposal.recommendation
    allowed = limits.max_price_age_candles * recommendation.interval.seconds
    age = (proposal.now - recommendation.decided_at).total_seconds()
    if age <= allowed:
        return None
    remedy = "check that candles arrive; the next one brings a fresh price"
    return breach("price_age", f"{allowed} s", f"{age:g} s", remedy=remedy)


def book_age(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    recommendation = proposal.recommendation
    allowed = limits.max_book_age_candles * recommendation.interval.seconds
    remedy = "check that portfolio marks the account and that its facts arrive"
    if book.as_of is None:
        return breach("book_age", f"{allowed} s", "never marked", remedy=remedy)
    age = (recommendation.decided_at - book.as_of).total_seconds()
    if age <= allowed:
        return None
    return breach("book_age", f"{allowed} s", f"{age:g} s", remedy=remedy)


def equity(_proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    if book.equity > ZERO:
        return None
    return breach("equity", "above 0", book.equity, remedy="fund the account")


def drawdown(_proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    if not is_drawdown_exceeded(book, limits):
        return None
    return breach(
        "drawdown",
        limits.max_drawdown_ratio,
        round(book.drawdown_ratio, 6),
        remedy="find out why before resuming; a person may raise max_drawdown_ratio",
    )


def symbol_lock(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    reason = book.locks.get(proposal.symbol)
    if reason is None:
        return None
    remedy = f"DELETE /locks/{proposal.symbol} when the reason is gone"
    return breach("symbol_lock", "unlocked", reason, remedy=remedy)


def working_order(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    purpose = Purpose.EXIT if proposal.is_reduce_only else Purpose.ENTRY
    if not book.is_working(proposal.symbol, purpose):
        return None
    remedy = "wait until the order at work has ended, or cancel it"
    return breach("working_order", f"one {purpose}", f"another {purpose}", remedy=remedy)


def one_position(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    held = book.quantity(proposal.symbol)
    may_add = proposal.is_reduce_only or proposal.recommendation.is_rebalance
    if may_add or held == ZERO or _is_dust(proposal, held):
        return None
    remedy = "leave it before entering again; positions are not added to"
    return breach("one_position", "none held", held, remedy=remedy)


def nothing_to_leave(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    held = book.quantity(proposal.symbol)
    if not proposal.is_reduce_only or (held > ZERO and not _is_dust(proposal, held)):
        return None
    return breach("nothing_to_leave", "a position", held, remedy="there is nothing to do")


def _is_dust(proposal: Proposal, held: Decimal) -> bool:
    return proposal.instrument is not None and proposal.instrument.is_dust(held)


def bracket(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    one = proposal.recommendation
    if proposal.is_reduce_only or one.is_rebalance or one.bracket is not None:
        return None
    return breach("bracket", "stop, target and horizon", "none", remedy="say how the trade ends")


def min_notional(proposal: Proposal, _book: Book, _limits: RiskLimits) -> Breach | None:
    traded = proposal.instrument
    if traded is None or proposal.sizing.raw_ratio <= 0:
        return None  # nothing was wanted, and that has its own reason
    if proposal.quantity > ZERO and proposal.notional >= traded.min_notional:
        return None
    remedy = "the size is below what the venue takes: a larger account or a better signal is needed"
    return breach("min_notional", traded.min_notional, proposal.notional, remedy=remedy)


def whole_lots(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    traded = proposal.instrument
    has_position = book.quantity(proposal.symbol) > ZERO
    if traded is None or not proposal.is_reduce_only or not has_position:
        return None
    if proposal.quantity > ZERO:
        return None
    remedy = "ask for at least one lot, or for the whole position"
    return breach("whole_lots", traded.lot_size, proposal.quantity, remedy=remedy)


CHECKS: tuple[Check, ...] = (
    Check(test=trading_state, binds_exits=True),
    Check(test=instrument, binds_exits=True),
    Check(test=price, binds_exits=True),
    Check(test=amounts, binds_exits=True, needs_size=True),
    Check(test=direction, binds_exits=True),
    Check(test=expired, binds_exits=True),
    Check(test=price_age),
    Check(test=market_age),
    Check(test=price_collar),
    Check(test=quote_age),
    Check(test=spread),
    Check(test=volatility),
    Check(test=book_age),
    Check(test=equity),
    Check(test=drawdown),
    Check(test=loss_streak),
    Check(test=failure_ratio),
    Check(test=trades_per_day),
    Check(test=orders_per_minute),
    Check(test=symbol_lock),
    Check(test=working_order, binds_exits=True),
    Check(test=one_position),
    Check(test=nothing_to_leave, binds_exits=True),
    Check(test=bracket),
    Check(test=quote_value),
    Check(test=book_value),
    Check(test=external_orders),
    Check(test=position_ratio, needs_size=True),
    Check(test=symbol_ratio, needs_size=True),
    Check(test=exposure_ratio, needs_size=True),
    Check(test=source_ratio, needs_size=True),
    Check(test=cluster_ratio, needs_size=True),
    Check(test=venue_ratio, needs_size=True),
    Check(test=day_loss, needs_size=True),
    Check(test=cash_available, needs_size=True),
    Check(test=min_notional, needs_size=True),
    Check(test=whole_lots, binds_exits=True, needs_size=True),
)
ON_ENTRIES: tuple[Test, ...] = tuple(check.test for check in CHECKS)
ON_EXITS: tuple[Test, ...] = tuple(check.test for check in CHECKS if check.binds_exits)
ON_WISHES: tuple[Test, ...] = tuple(check.test for check in CHECKS if not check.needs_size)
