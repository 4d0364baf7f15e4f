"""When to enter a position, and the decision about one candle as a whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from recommender.core.book import Book, Policy
from recommender.core.exits import recommend_exit
from shared.domain.enums import Action, Purpose, Side, TradingState
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Signal


class HoldReason(StrEnum):
    NO_BUY = "no_buy"
    NOT_RUNNING = "not_running"
    POSITION_HELD = "position_held"
    ORDER_WORKING = "order_working"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    reason: HoldReason


def obstacle(signal: Signal, book: Book, policy: Policy) -> HoldReason | None:
    """Return what stands between this signal and an entry: one position, one order at a time."""
    if signal.action is not Action.BUY:
        return HoldReason.NO_BUY
    if book.state is not TradingState.RUN:
        return HoldReason.NOT_RUNNING
    held = book.positions.get(signal.symbol)
    if held is not None and not policy.is_dust(held):
        return HoldReason.POSITION_HELD
    if signal.symbol in book.entries or signal.symbol in book.exits:
        return HoldReason.ORDER_WORKING
    return None


def recommend(signal: Signal, book: Book, policy: Policy) -> Recommendation | Hold:
    """Return the proposal to enter at the close the signal speaks of, or why there is none."""
    reason = obstacle(signal, book, policy)
    if reason is not None:
        return Hold(reason=reason)
    return Recommendation(
        recommendation_id=recommendation_id(
            policy.account, signal.symbol, signal.closed_at, Side.BUY
        ),
        account=policy.account,
        symbol=signal.symbol,
        interval=signal.interval,
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        decided_at=signal.closed_at,
        expires_at=policy.expires_at(signal.closed_at),
        price=signal.price,
        source=signal.source,
        signal_id=signal.signal_id,
        bracket=signal.bracket,
        edge=signal.edge,
    )


def decide(signals: Iterable[Signal], book: Book, policy: Policy) -> tuple[Recommendation, ...]:
    """Return everything proposed at one close: exits first, then entries, each by instrument."""
    ordered = sorted(signals, key=lambda signal: signal.symbol)
    exits = [recommend_exit(signal, book, policy) for signal in ordered]
    entries = [recommend(signal, book, policy) for signal in ordered]
    return tuple(one for one in (*exits, *entries) if isinstance(one, Recommendation))
