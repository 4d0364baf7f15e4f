"""Which answer of KuCoin means what: tables, and one default for everything nobody documented.

A refusal is final only with a documented code, or from the gateway before anything was looked at.
"""

from shared.domain.venue import Accepted, Ambiguous, Answer, NotSent, Refused
from venues.kucoin.envelope import (
    CLOCK_CODE,
    KEY_CODES,
    RATE_CODES,
    SUCCESS,
    Said,
    question,
    said,
)
from venues.kucoin.parse import created_order_id
from venues.port import CancelAnswer
from venues.reading import Document, Unreadable
from venues.transport import Reply

_ORDER_CODES = frozenset(
    {
        "400100",  # a parameter, an increment, a limit
        "600100",  # balance, or an increment
        "600101",  # too few funds
        "200001",  # the instrument takes no orders
        "200002",  # the instrument takes no cancels; earlier: too many requests
        "200003",  # too many open orders
        "200004",  # balance
        "102421",  # balance
        "102427",  # too many open orders
        "102429",  # price too low
        "102434",  # quantity too large
        "102435",  # quantity too small
        "400600",  # not yet trading
        "600203",  # not trading
    }
)
_REFUSALS = _ORDER_CODES | KEY_CODES | RATE_CODES | {CLOCK_CODE}
_GATEWAY_REFUSALS = frozenset({401, 403, 418, 429})
_DUPLICATE_CODE = "102426"
_DUPLICATE_WORDS = ("clientoidduplicated", "duplicat")
_ABSENT_CODES = frozenset({"102436", "order_not_exist"})
_ABSENT_MESSAGES = frozenset(
    {"order not exist", "order_not_exist", "the order does not exist", "order does not exist"}
)
_GONE_MESSAGES = frozenset(
    {
        "order_not_exist_or_not_allow_to_cancel",
        "order not exist or not allow to be cancelled",
        "order not exist or not allow to be canceled",
    }
)


def of_submit(reply: Reply, client_order_id: str) -> Answer:
    """Return what became of an order."""
    try:
        envelope = said(reply)
    except Unreadable as error:
        if reply.status in _GATEWAY_REFUSALS:
            return Refused(
                reason=f"refused at the gateway ({reply.status})", code=str(reply.status)
            )
        return Ambiguous(reason=f"HTTP {reply.status}, {error}")
    if reply.status in range(200, 300) and envelope.code == SUCCESS:
        return _created(envelope, client_order_id)
    return _not_created(reply.status, envelope)


def _created(envelope: Said, client_order_id: str) -> Answer:
    data = envelope.data or Document(None, "answer.data")
    try:
        return Accepted(venue_order_id=created_order_id(data, client_order_id))
    except Unreadable as error:
        return Ambiguous(reason=f"a success that cannot be read: {error}")


def _not_created(status: int, envelope: Said) -> Answer:
    told = f"{envelope.code} {envelope.message}".strip()
    if status >= 500:
        return Ambiguous(reason=f"HTTP {status}, {told}")
    if _is_duplicate(envelope):
        return Ambiguous(reason=f"the id exists already: {told}")
    if _is_refusal(status, envelope):
        return Refused(reason=told, code=envelope.code)
    return Ambiguous(reason=f"not documented: HTTP {status}, {told}")


def _is_duplicate(envelope: Said) -> bool:
    message = envelope.message.lower()
    return envelope.code == _DUPLICATE_CODE or any(word in message for word in _DUPLICATE_WORDS)


def _is_refusal(status: int, envelope: Said) -> bool:
    """Tell a final no; one that names data of an order contradicts itself."""
    if status in range(300, 400) or envelope.data is not None:
        return False
    return envelope.code in _REFUSALS or (
        status in _GATEWAY_REFUSALS and envelope.code == str(status)
    )


def of_lost(error: BaseException, *, has_left: bool) -> Answer:
    """Return what is known of an order whose answer never came."""
    reason = type(error).__name__
    if has_left:
        return Ambiguous(reason=f"no answer: {reason}")
    return NotSent(reason=f"nothing left: {reason}")


def of_cancel(reply: Reply) -> CancelAnswer:
    """Return whether a cancel was taken, or found nothing to cancel."""
    envelope = _readable(reply)
    if envelope is not None and (is_absent(reply) or _clean(envelope.message) in _GONE_MESSAGES):
        return CancelAnswer.GONE
    question(reply)
    return CancelAnswer.REQUESTED


def is_absent(reply: Reply) -> bool:
    """Tell whether the venue clearly says that there is no such order."""
    envelope = _readable(reply)
    if envelope is None or envelope.data is not None or envelope.code == SUCCESS:
        return False
    return envelope.code in _ABSENT_CODES or _clean(envelope.message) in _ABSENT_MESSAGES


def _readable(reply: Reply) -> Said | None:
    """Return the envelope of an answer that the venue itself gave."""
    if reply.status >= 500 or reply.status in _GATEWAY_REFUSALS:
        return None
    try:
        return said(reply)
    except Unreadable:
        return None


def _clean(message: str) -> str:
    return message.strip().rstrip(".").lower()
