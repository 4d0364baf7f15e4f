"""How far a recommendation has come; it only ever moves on."""

from enum import StrEnum

from shared.domain.enums import OrderStatus
from shared.domain.order import OrderSnapshot
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


def of_order(order: OrderSnapshot) -> RecommendationStatus:
    """Return what an order's fact says about its recommendation; a part filled counts as filled."""
    if not order.status.is_terminal:
        return RecommendationStatus.SUBMITTED
    if order.filled_quantity > ZERO:
        return RecommendationStatus.FILLED
    if order.status is OrderStatus.REJECTED:
        return RecommendationStatus.REJECTED
    if order.status is OrderStatus.CANCELED:
        return RecommendationStatus.CANCELED
    return RecommendationStatus.EXPIRED
