"""A person's wish, held against the same book as the pipeline's proposals."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from recommender.core.book import Book, Policy
from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Purpose, Side, TradingState
from shared.domain.errors import BadInput, Conflict, Refused
from shared.domain.ids import Symbol
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.values import ZERO

MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`bracket` belongs to an entry; `quantity` to an exit, where None means all of it.

    `key` is the caller's own name for this wish: saying it twice is one wish.
    """

    key: str
    symbol: Symbol
    purpose: Purpose
    price: Decimal
    bracket: BracketPlan | None = None
    quantity: Decimal | None = None


def propose(wish: Wish, book: Book, policy: Policy, now: datetime) -> Recommendation:
    """Return the recommendation a wish stands for.

    Raises:
        Refused: the trading state does not allow it.
        Conflict: there is a position or an order in the way, or no position to leave.
        BadInput: more is to be sold than is held.
    """
    if wish.purpose is Purpose.ENTRY:
        _may_enter(wish, book)
        return _recommendation(wish, policy, now, quantity=None)
    return _recommendation(wish, policy, now, quantity=_quantity_to_leave(wish, book))


def _may_enter(wish: Wish, book: Book) -> None:
    if book.state is not TradingState.RUN:
        raise Refused(f"no entries while the account is in '{book.state}'; resume it first")
    if wish.symbol in book.positions:
        raise Conflict(f"a position in {wish.symbol} is held; leave it first")
    _nothing_under_way(wish.symbol, book)


def _quantity_to_leave(wish: Wish, book: Book) -> Decimal:
    if book.state is TradingState.HALT:
        raise Refused("nothing is traded while the account is halted; resume it first")
    position = book.positions.get(wish.symbol)
    if position is None or position.quantity <= ZERO:
        raise Conflict(f"no position in {wish.symbol} is held; there is nothing to leave")
    _nothing_under_way(wish.symbol, book)
    if wish.quantity is None:
        return position.quantity
    if wish.quantity > position.quantity:
        raise BadInput("quantity", f"only {position.quantity} is held", "ask for that or less")
    return wish.quantity


def _nothing_under_way(symbol: Symbol, book: Book) -> None:
    if symbol in book.entries or symbol in book.exits:
        raise Conflict(f"another order for {symbol} is under way; wait for it or cancel it")


def _recommendation(
    wish: Wish, policy: Policy, now: datetime, quantity: Decimal | None
) -> Recommendation:
    is_entry = wish.purpose is Purpose.ENTRY
    side = Side.BUY if is_entry else Side.SELL
    return Recommendation(
        recommendation_id=recommendation_id(
            policy.account, wish.symbol, now, side, f"{MANUAL}:{wish.key}"
        ),
        account=policy.account,
        symbol=wish.symbol,
        interval=policy.interval,
        side=side,
        purpose=wish.purpose,
        decided_at=now,
        expires_at=policy.expires_at(now),
        price=wish.price,
        source=MANUAL,
        bracket=wish.bracket if is_entry else None,
        quantity=quantity,
        exit_reason=None if is_entry else ExitReason.MANUAL,
    )
