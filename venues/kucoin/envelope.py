"""What KuCoin's answers say by themselves, and what refusals mean to questions.

KuCoin says how it went by `code` in the body, mostly with HTTP 200; "200000" is success. Sources:
the venue's error page and section 7 of the design's table of exchanges.
"""

from dataclasses import dataclass

from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway, VenueError
from venues.port import VenueName
from venues.reading import Document, Unreadable, read
from venues.transport import Reply

_NAME = VenueName.KUCOIN
SUCCESS = "200000"
_OLD_SUCCESS = "200"  # older pages show it for one list, with "success": true
RATE_CODES = frozenset({"429000", "1015"})
KEY_CODES = frozenset(
    {
        "400001",  # a header is missing
        "400003",  # key
        "400004",  # passphrase
        "400005",  # signature
        "400006",  # address not allowed
        "400007",  # permission
        "400200",  # orders forbidden
        "400500",  # region
        "411100",  # account frozen
    }
)
CLOCK_CODE = "400002"
_UNFIT_ACCOUNT_CODE = "112010"  # a unified account, which these endpoints do not serve
_LONGEST_WAIT_SECONDS = 600.0
_WAIT_SECONDS = 2.0  # where a 429 does not say how long
_BAN_SECONDS = 30.0  # the gateway in front of the venue shuts an address out for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an envelope says; `data` as it came."""

    code: str
    message: str
    data: Document | None
    is_success: bool


def said(reply: Reply) -> Said:
    """Read the envelope.

    Raises:
        Unreadable: there is none, or it has no code.
    """
    document = read(reply.body)
    code = str(document["code"].integer()) if _is_number(document["code"]) else None
    code = code or document["code"].text(80)
    message = document.maybe("msg")
    success = document.maybe("success")
    is_old = code == _OLD_SUCCESS and success is not None and success.value is True
    return Said(
        code=code,
        message=str(message.value)[:200] if message is not None else "",
        data=document.maybe("data"),
        is_success=reply.status in range(200, 300) and (code == SUCCESS or is_old),
    )


def _is_number(document: Document) -> bool:
    return isinstance(document.value, int) and not isinstance(document.value, bool)


def question(reply: Reply) -> Document:
    """Return the data of a question's answer, null where there is none.

    Raises:
        VenueError: it is none.
    """
    try:
        envelope = said(reply)
    except Unreadable as error:
        raise _gateway_error(reply, str(error)) from error
    if envelope.is_success:
        return envelope.data or Document(None, "answer.data")
    raise _refusal_error(reply, envelope)


def rate_limit(reply: Reply) -> RateLimited | None:
    """Return how long to wait where the venue says that it was asked too often."""
    is_ban = reply.status == 418 or (
        reply.status in (403, 429) and b"1015" in reply.body and b"{" not in reply.body[:1]
    )
    code = _code(reply)
    if not is_ban and reply.status != 429 and code not in RATE_CODES:
        return None
    wait = _BAN_SECONDS if is_ban or code == "1015" else _WAIT_SECONDS
    told = _header_seconds(reply)
    return RateLimited(_NAME, "asked too often", wait if told is None else told, is_banned=is_ban)


def _code(reply: Reply) -> str:
    try:
        return said(reply).code
    except Unreadable:
        return ""


def _header_seconds(reply: Reply) -> float | None:
    for name, unit in (("retry-after", 1.0), ("gw-ratelimit-reset", 0.001)):
        text = reply.headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 12:
            return min(int(text) * unit, _LONGEST_WAIT_SECONDS)
    return None


def _gateway_error(reply: Reply, detail: str) -> VenueError:
    limited = rate_limit(reply)
    if limited is not None:
        return limited
    if reply.status in (401, 403):
        return KeyRefused(_NAME, f"refused at the gateway ({reply.status})", str(reply.status))
    return VenueAway(_NAME, f"HTTP {reply.status}, {detail}")


def _refusal_error(reply: Reply, envelope: Said) -> VenueError:
    limited = rate_limit(reply)
    told = f"{envelope.code} {envelope.message}".strip()
    if limited is not None:
        return limited
    if envelope.code in KEY_CODES or envelope.code == _UNFIT_ACCOUNT_CODE:
        return KeyRefused(_NAME, told, envelope.code)
    if envelope.code == CLOCK_CODE:
        return ClockSkewed(_NAME, told, envelope.code)
    if reply.status in (401, 403):
        return KeyRefused(_NAME, told, envelope.code)
    return VenueAway(_NAME, f"HTTP {reply.status}, {told}", envelope.code)
