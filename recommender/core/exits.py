"""When to leave a position: its time is over or the signal turned. Stops are the executor's."""

from recommender.core.book import Book, Policy, Position
from shared.domain.enums import Action, ExitReason, Purpose, Side, TradingState
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Signal
from shared.domain.values import ZERO


def exit_reason(position: Position, signal: Signal) -> ExitReason | None:
    if position.horizon_at is not None and signal.closed_at >= position.horizon_at:
        return ExitReason.HORIZON
    return ExitReason.OPPOSITE_SIGNAL if signal.action is Action.SELL else None


def recommend_exit(signal: Signal, book: Book, policy: Policy) -> Recommendation | None:
    """Return the reduce-only proposal to sell what the pipeline bought, or None.

    What a person's target weights bought stays: no signal and no horizon sells it.
    """
    position = book.positions.get(signal.symbol)
    if position is None or signal.symbol in book.exits:
        return None
    quantity = position.bracketed
    if quantity <= ZERO or policy.is_too_little(signal.symbol, quantity):
        return None
    reason = exit_reason(position, signal)
    if reason is None or book.state is TradingState.HALT:
        return None
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
