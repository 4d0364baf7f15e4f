"""What a venue's answer to an order means for it."""

from datetime import datetime
from typing import assert_never

from executor.core.order import OrderState
from executor.core.steps import Step, accept, doubt, give_up, reject
from shared.domain.venue import Accepted, Ambiguous, Answer, NotSent, Refused


def answered(state: OrderState, answer: Answer, now: datetime) -> Step:
    """Return what an answer adds; whatever it is, nothing is ever sent again."""
    match answer:
        case Accepted(venue_order_id=identity):
            return accept(state, identity, now)
        case Refused(reason=reason, code=code):
            return reject(state, f"{reason} ({code})" if code else reason, now)
        case NotSent(reason=reason):
            return give_up(state, reason, now)
        case Ambiguous(reason=reason):
            return doubt(state, reason, now)
        case _:
            assert_never(answer)
