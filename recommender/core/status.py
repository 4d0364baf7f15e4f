"""How far a recommendation has come; once it has an order, it stands as its order does."""

from decimal import Decimal
from enum import StrEnum

from shared.domain.enums import OrderStatus
from shared.domain.values import ZERO


class RecommendationStatus(StrEnum):
    ISSUED = "issued"
    APPROVED = "approved"
    DENIED = "denied"
    SUBMITTED = "submitted"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


_RANK = {
    RecommendationStatus.ISSUED: 0,
    RecommendationStatus.APPROVED: 1,
    RecommendationStatus.SUBMITTED: 2,
    RecommendationStatus.FILLED: 4,
}
_RANK_ENDED = 3


def rank(status: RecommendationStatus) -> int:
    """Return how far a status is; a fill outranks every other end, as it may be heard of last."""
    return _RANK.get(status, _RANK_ENDED)


def before(status: RecommendationStatus) -> tuple[RecommendationStatus, ...]:
    """Return the states from which `status` may be reached."""
    return tuple(one for one in RecommendationStatus if rank(one) < rank(status))


def of_order(status: OrderStatus, filled_quantity: Decimal) -> RecommendationStatus:
    """Return what an order says about its recommendation; a part filled counts as filled."""
    if not status.is_terminal:
        return RecommendationStatus.SUBMITTED
    if filled_quantity > ZERO:
        return RecommendationStatus.FILLED
    if status is OrderStatus.REJECTED:
        return RecommendationStatus.REJECTED
    if status is OrderStatus.CANCELED:
        return RecommendationStatus.CANCELED
    return RecommendationStatus.EXPIRED


def is_ended(status: RecommendationStatus) -> bool:
    """Tell whether nothing more will be traded on a recommendation."""
    return rank(status) >= _RANK_ENDED
