"""When to leave a position: its time is over or the signal turned. Stops are the executor's."""

from decimal import Decimal

from recommender.core.book import Book, Policy, Position
from shared.domain.enums import Action, ExitReason, Purpose, Side, TradingState
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Signal
from shared.domain.values import ZERO


def to_leave(
    position: Position, signal: Signal, policy: Policy
) -> tuple[ExitReason, Decimal] | None:
    """Return why and how much to sell: a horizon ends what had one, the opposite signal all."""
    bracketed = position.bracketed
    is_over = position.horizon_at is not None and signal.closed_at >= position.horizon_at
    if bracketed <= ZERO or policy.is_too_little(position.symbol, bracketed):
        is_over = False
    if signal.action is Action.SELL and (position.kept or not is_over):
        return ExitReason.OPPOSITE_SIGNAL, position.quantity
    return (ExitReason.HORIZON, bracketed) if is_over else None


def recommend_exit(signal: Signal, book: Book, policy: Policy) -> Recommendation | None:
    """Return the reduce-only proposal to sell the position, or what of it is over, or None."""
    position = book.positions.get(signal.symbol)
    if position is None or position.quantity <= ZERO or policy.is_dust(position):
        return None
    if signal.symbol in book.exits:
        return None
    found = to_leave(position, signal, policy)
    if found is None or book.state is TradingState.HALT:
        return None
    reason, quantity = found
    return Recommendation(
        recommendation_id=recommendation_id(
            policy.account, signal.symbol, signal.closed_at, Side.SELL
        ),
        account=policy.account,
        symbol=signal.symbol,
        interval=signal.interval,
        side=Side.SELL,
        purpose=Purpose.EXIT,
        decided_at=signal.closed_at,
        expires_at=policy.expires_at(signal.closed_at),
        price=signal.price,
        source=signal.source,
        signal_id=signal.signal_id,
        quantity=quantity,
        exit_reason=reason,
    )
