"""Which answer means what: pure functions of status, headers and body.

To an order, whatever is not listed here as a refusal is Ambiguous: Coinbase may have acted.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared.domain.clock import EPOCH
from shared.domain.ids import VenueOrderId
from shared.domain.venue import Accepted, Ambiguous, Answer, OrderRequest, Refused
from venues.coinbase.client import Span
from venues.coinbase.parse import SIDES, choice, filled_in, identifier
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway, VenueError
from venues.port import CancelAnswer, VenueName
from venues.reading import Document, Unreadable, read
from venues.transport import Reply

_BAN_SECONDS = 120.0
_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 3 * 86_400.0
_UNSAID = frozenset({"", "UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON"})
_DUPLICATE = "DUPLICATE_CLIENT_ORDER_ID"
# reasons Coinbase documents for an order it did not make, as far as they can concern one of ours;
# a PREVIEW_ before the word changes nothing
REFUSALS = frozenset(
    """
    ASSET_BALANCE_INCREASE_REJECT BREACHED_ACCOUNT_POSITION_LIMIT BREACHED_COMPANY_POSITION_LIMIT
    BREACHED_PRICE_LIMIT BREACHED_RISK_LIMIT CLOSE_ONLY_FAILURE COMMANDER_REJECTED_NEW_ORDER
    COMPLIANCE_PURCHASE_LIMIT_EXCEEDED DURATION_TOO_LARGE DURATION_TOO_SMALL END_TIME_IS_IN_THE_PAST
    END_TIME_TOO_FAR_IN_FUTURE FOK_DISABLED FOK_ONLY_ALLOWED_ON_LIMIT_ORDERS GEOFENCING_RESTRICTION
    GTD_ORDERS_MUST_HAVE_END_TIME INELIGIBLE_PAIR INSUFFICIENT_FUND INSUFFICIENT_FUNDS
    INSUFFICIENT_LEDGER_BALANCE INVALID_BASE_SIZE_TOO_LARGE INVALID_BASE_SIZE_TOO_SMALL
    INVALID_COMMISSION_CONFIGURATION INVALID_END_TIME INVALID_LEDGER_BALANCE INVALID_LIMIT_PRICE
    INVALID_LIMIT_PRICE_POST_ONLY INVALID_LIMIT_PRICE_PRECISION INVALID_NO_LIQUIDITY
    INVALID_ORDER_CONFIG INVALID_PRICE_PRECISION INVALID_PRICE_TOO_LARGE INVALID_PRODUCT_ID
    INVALID_QUOTE_SIZE_PRECISION INVALID_QUOTE_SIZE_TOO_LARGE INVALID_QUOTE_SIZE_TOO_SMALL
    INVALID_REQUEST INVALID_SIDE INVALID_SIZE_PRECISION INVALID_STOP_PRICE
    INVALID_STOP_PRICE_PRECISION INVALID_STOP_TRIGGER_PRICE_PRECISION
    INVALID_UNSUPPORTED_INSTRUMENT LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY
    LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL LIMIT_PRICE_TOO_FAR_FROM_MARKET
    MAX_DAILY_VOLUME_NOTIONAL_BREACHED MISSING_COMMISSION_RATE MISSING_MARKET_TRADE_DATA
    MISSING_PRODUCT_PRICE_BOOK NON_NUMERIC_ORDER_SIZE NOT_ALLOWED_BY_MARKET_STATE
    ORDER_ENTRY_DISABLED POST_ONLY_NOT_ALLOWED_WITH_FOK PRICE_NOT_ALLOWED_FOR_MARKET_ORDERS
    PRODUCT_TRADING_HALTED STOP_ALREADY_TRIGGERED STOP_PRICE_ABOVE_LAST_TRADE_PRICE
    STOP_PRICE_ABOVE_LIMIT_PRICE STOP_PRICE_BELOW_LAST_TRADE_PRICE STOP_PRICE_BELOW_LIMIT_PRICE
    STOP_TRIGGERED STOP_TRIGGER_PRICE_OUT_OF_BOUNDS TRADING_DISABLED UNSUPPORTED_ORDER_CONFIGURATION
    UNTRADABLE_PRODUCT
    """.split()  # noqa: SIM905 - words are read more easily than sixty quoted lines
)
# refused before anything was looked at: by the token, the scopes, the wall, the limit
_AT_THE_DOOR = {
    401: "the key, its signature or its time was refused",
    403: "the key may not do this, or not from here",
    418: "the venue has shut us out",
    429: "the venue's rate limit is used up",
}
# the request itself was refused; `error` of a 400 beside the reasons above
_BAD_REQUESTS = frozenset({"INVALID_ARGUMENT", "PERMISSION_DENIED"})
_NOTHING_TO_CANCEL = frozenset(
    {"UNKNOWN_CANCEL_ORDER", "COMMANDER_REJECTED_CANCEL_ORDER", "ORDER_IS_FULLY_FILLED"}
)


def submission(reply: Reply, request: OrderRequest) -> Answer:
    if reply.status in _AT_THE_DOOR:
        return Refused(reason=_AT_THE_DOOR[reply.status], code=str(reply.status))
    try:
        document = read(reply.body)
        if 200 <= reply.status < 300:
            return _created(document, request)
        code = document["error"].text() if reply.status == 400 else ""
    except Unreadable as error:
        return Ambiguous(reason=f"HTTP {reply.status}, and {error}")
    if _is_refusal(code) or code in _BAD_REQUESTS:
        return Refused(reason=_message(document) or code, code=code)
    return Ambiguous(reason=f"HTTP {reply.status}: {code or 'undocumented'}")


def _created(document: Document, request: OrderRequest) -> Answer:
    success = document["success"].boolean()
    made = document.maybe("success_response")
    venue_order_id = _order_id(document, made)
    if success:
        return _accepted(made, venue_order_id, request)
    if venue_order_id is not None:
        return Ambiguous(reason="the venue says no, and names an order all the same")
    codes = [code for code in _codes(document) if code not in _UNSAID]
    if codes and all(_is_refusal(code) for code in codes):
        error = document.maybe("error_response")
        return Refused(reason=(error and _message(error)) or codes[0], code=codes[0])
    if _DUPLICATE in codes:
        return Ambiguous(reason="the venue has an order with this id already")
    return Ambiguous(reason=f"the venue says no, for no documented reason: {', '.join(codes)}")


def _order_id(document: Document, made: Document | None) -> VenueOrderId | None:
    """Return the id of the order, where it stands now or where it stood until September 2024."""
    found = made and filled_in(made, "order_id")
    found = found or filled_in(document, "order_id")
    return found and VenueOrderId(identifier(found))


def _accepted(made: Document | None, found: VenueOrderId | None, request: OrderRequest) -> Answer:
    if found is None:
        return Ambiguous(reason="the venue accepted something, and does not say which order")
    if made is not None:
        echo = {
            "client_order_id": request.client_order_id,
            "product_id": request.symbol,
        }
        for name, sent in echo.items():
            said = filled_in(made, name)
            if said is not None and said.text() != sent:
                return Ambiguous(reason=f"the venue answers for another order: {name} differs")
        side = filled_in(made, "side")
        if side is not None and choice(side, SIDES) is not request.side:
            return Ambiguous(reason="the venue answers for another order: side differs")
    return Accepted(venue_order_id=found)


def _codes(document: Document) -> Iterator[str]:
    error = document.maybe("error_response")
    places = [(document, "failure_reason")]
    if error is not None:
        names = ("new_order_failure_reason", "error", "preview_failure_reason")
        places = [(error, name) for name in names] + places
    for place, name in places:
        code = filled_in(place, name)
        if code is not None:
            yield code.text()


def _is_refusal(code: str) -> bool:
    return code.removeprefix("PREVIEW_") in REFUSALS


def _message(document: Document) -> str:
    """Return what the venue says in words, if anything."""
    for name in ("message", "error_details"):
        field = document.maybe(name)
        if field is not None and isinstance(field.value, str) and field.value:
            return field.value[:200]
    return ""


def failure(reply: Reply, span: Span | None) -> VenueError:
    """Return why a question was not answered; `span` is the time its token carried."""
    code = _error_code(reply)
    status = f"HTTP {reply.status}" + (f" {code}" if code else "")
    if reply.status in (418, 429) or code == "rate_limit_exceeded":
        is_banned = reply.status == 418
        return RateLimited(VenueName.COINBASE, status, waiting_seconds(reply), is_banned=is_banned)
    if reply.status == 401 and span is not None and _is_skewed(reply, span):
        return ClockSkewed(VenueName.COINBASE, "our token's time was refused", code)
    if reply.status in (401, 403) or code == "PERMISSION_DENIED":
        return KeyRefused(VenueName.COINBASE, f"{_AT_THE_DOOR[403]} ({status})", code)
    return VenueAway(VenueName.COINBASE, status, code)


def is_unknown_order(reply: Reply) -> bool:
    """Tell whether the venue clearly says that it has no such order: a path may be gone too."""
    if reply.status != 404 or _error_code(reply) != "NOT_FOUND":
        return False
    return "order" in _message(read(reply.body)).lower()


def cancellation(document: Document, venue_order_id: VenueOrderId) -> CancelAnswer:
    """Return what became of a cancel request.

    Raises:
        VenueAway: the venue could not take it.
        Unreadable: the answer is about something else.
    """
    results = [
        result
        for result in document["results"].items()
        if identifier(result["order_id"]) == venue_order_id
    ]
    if len(results) != 1:
        document["results"].refuse("one result for the order")
    if results[0]["success"].boolean():
        return CancelAnswer.REQUESTED
    reason = results[0]["failure_reason"].text()
    if reason in _NOTHING_TO_CANCEL:
        return CancelAnswer.GONE
    if reason == "DUPLICATE_CANCEL_REQUEST":
        return CancelAnswer.REQUESTED
    raise VenueAway(VenueName.COINBASE, f"the cancel was not taken: {reason}", reason)


def waiting_seconds(reply: Reply) -> float:
    """Return how long the venue tells us to stay away."""
    default = _BAN_SECONDS if reply.status == 418 else _WAIT_SECONDS
    told = reply.headers.get("retry-after", "")
    if told.isascii() and told.isdigit() and len(told) < 10:
        return min(max(float(told), default), _LONGEST_WAIT_SECONDS)
    until, now = _http_date(told), _http_date(reply.headers.get("date", ""))
    if until is None or now is None:
        return default
    return min(max((until - now).total_seconds(), default), _LONGEST_WAIT_SECONDS)


def _error_code(reply: Reply) -> str:
    """Return the word in an error's body, empty where there is none."""
    try:
        document = read(reply.body)
        error = filled_in(document, "error")
        if error is not None:
            return error.text()
        for listed in document["errors"].items():
            return listed["id"].text()
    except Unreadable:
        return ""
    return ""


def _is_skewed(reply: Reply, span: Span) -> bool:
    """Tell whether the venue's own clock, as it answered, was outside the token's time.

    Its date is whole seconds and perhaps one of them old: in doubt it is the clock, which is read
    again, and a key that is wrong will soon be refused in the middle of a token's time.
    """
    now = _http_date(reply.headers.get("date", ""))
    if now is None:
        return False
    seconds = (now - EPOCH).total_seconds()
    return not span.not_before <= seconds < span.expires


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
