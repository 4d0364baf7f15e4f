"""What a reply means. An order that is not certainly refused may exist.

The codes are of the venue's errors.md; whatever is not in a table here is ambiguous for an order
and "away" for a question.
"""

from dataclasses import dataclass

from shared.domain.enums import OrderStatus
from shared.domain.ids import VenueOrderId
from shared.domain.venue import Accepted, Ambiguous, Answer, OrderRequest, Refused
from venues.binance_us.limits import BANNED, TOO_MANY, wait_seconds
from venues.binance_us.parse import accepted_id, placed_order
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway, VenueError
from venues.port import VenueName
from venues.reading import Document, Unreadable, read
from venues.transport import Reply

_VENUE = VenueName.BINANCE_US
_FORBIDDEN, _UNAUTHORIZED = 403, 401

_RATE_CODES = frozenset({-1003, -1015})
_KEY_CODES = frozenset({-1002, -1022, -2014, -2015})
_CLOCK_CODE = -1021
_REJECTED_CODE = -2010
_CANCEL_REJECTED_CODE = -2011
_ABSENT_CODES = frozenset({-2013, -2026})

# checked before the matching engine: the request was never an order
_REFUSED_CODES = (
    frozenset({-1013, -1014, -1020, _CLOCK_CODE, -1100, -1101, -1102, -1103, -1104, -1105, -1106})
    | frozenset({-1108, -1111, -1112, -1114, -1115, -1116, -1117, -1118, -1121, -1128, -1130})
    | _RATE_CODES
    | _KEY_CODES
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """The venue's code and words; 0 where it gave none that can be read."""

    code: int = 0
    words: str = ""


def complaint(reply: Reply) -> Complaint:
    try:
        document = read(reply.body)
        code = document["code"].value
        words = document.maybe("msg")
        said = "" if words is None else words.text(1000)
    except Unreadable:
        return Complaint()
    if isinstance(code, bool) or not isinstance(code, int):
        return Complaint()
    return Complaint(code, said)


def of_submit(request: OrderRequest, venue_symbol: str, reply: Reply) -> Answer:
    """Return what became of an order that left and was answered."""
    if reply.status in (TOO_MANY, BANNED, _FORBIDDEN):
        return _turned_away(reply)
    if 200 <= reply.status < 300:
        return _acknowledged(request, venue_symbol, reply)
    said = complaint(reply)
    if not 400 <= reply.status < 500:
        return Ambiguous(reason=f"HTTP {reply.status}{_quoted(said)}: its outcome is unknown")
    if said.code == _REJECTED_CODE:
        return _rejected(said)
    if said.code in _REFUSED_CODES:
        return Refused(reason=said.words or "refused", code=str(said.code))
    return Ambiguous(reason=f"HTTP {reply.status}{_quoted(said)} is not a documented refusal")


def of_question(reply: Reply) -> Document:
    """Return the document of an answered question.

    Raises:
        VenueError: it was not answered, or not readably.
    """
    if 200 <= reply.status < 300:
        try:
            return read(reply.body)
        except Unreadable as error:
            raise VenueAway(_VENUE, str(error)) from error
    raise _failure(reply)


def says_absent(reply: Reply) -> bool:
    """Tell whether the venue says clearly that it has no such order (any more)."""
    if not 400 <= reply.status < 500:
        return False
    said = complaint(reply)
    if said.code == _CANCEL_REJECTED_CODE:
        return "unknown order" in said.words.lower()
    return said.code in _ABSENT_CODES


def _failure(reply: Reply) -> VenueError:
    said = complaint(reply)
    detail = f"HTTP {reply.status}{_quoted(said)}"
    code = str(said.code) if said.code else ""
    is_ours = 400 <= reply.status < 500
    if reply.status in (TOO_MANY, BANNED) or (is_ours and said.code in _RATE_CODES):
        wait = wait_seconds(reply)
        return RateLimited(_VENUE, detail, wait, is_banned=reply.status == BANNED)
    if is_ours and said.code == _CLOCK_CODE:
        return ClockSkewed(_VENUE, detail, code)
    if reply.status in (_UNAUTHORIZED, _FORBIDDEN) or (is_ours and said.code in _KEY_CODES):
        return KeyRefused(_VENUE, detail, code)
    return VenueAway(_VENUE, detail, code)


def _turned_away(reply: Reply) -> Refused:
    """429, 418 and 403 are the gateway's: the request did not go further."""
    said = complaint(reply)
    reason = said.words or f"turned away with HTTP {reply.status}"
    return Refused(reason=reason, code=str(said.code or reply.status))


def _rejected(said: Complaint) -> Answer:
    if not said.words:
        return Ambiguous(reason="rejected (-2010) without a reason that can be read")
    if "duplicate" in said.words.lower():
        return Ambiguous(reason=f"the venue says that the order exists: {said.words}")
    return Refused(reason=said.words, code=str(said.code))


def _acknowledged(request: OrderRequest, venue_symbol: str, reply: Reply) -> Answer:
    try:
        document = read(reply.body)
        order_id: VenueOrderId = accepted_id(document, request.client_order_id, venue_symbol)
    except Unreadable as error:
        return Ambiguous(reason=f"HTTP {reply.status}, but {error}")
    try:
        report = placed_order(document, request.symbol, venue_symbol)
    except Unreadable:
        return Accepted(venue_order_id=order_id)
    if report.status is OrderStatus.REJECTED:
        return Ambiguous(reason="acknowledged and rejected at once")
    return Accepted(venue_order_id=order_id, report=report)


def _quoted(said: Complaint) -> str:
    return f" ({said.code} {said.words[:200]})" if said.code else ""
