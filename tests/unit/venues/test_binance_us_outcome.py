"""What the replies of Binance.US mean, row by row; whatever is in no row may be an order."""

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.venue import Accepted, Ambiguous, OrderRequest, Refused
from tests.unit.venues import binance_us_documents as documents
from venues.binance_us import outcome
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway
from venues.transport import Reply

REQUEST = OrderRequest(
    client_order_id=ClientOrderId(documents.OURS),
    symbol=Symbol("BTC-USDT"),
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.IOC,
    quantity=Decimal("0.002"),
    limit_price=Decimal("37000.01"),
    signed_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    window=timedelta(seconds=5),
    send_by=time.monotonic(),
)


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status=status,
        headers=told,
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


def error(code: object, words: object = "words") -> dict:
    return {"code": code, "msg": words}


def submitted(status: int, body: object = b""):
    return outcome.of_submit(REQUEST, "BTCUSDT", reply(status, body))


REFUSED = [
    (-1013, "Filter failure: LOT_SIZE"),
    (-1014, "Unsupported order combination."),
    (-1020, "This operation is not supported."),
    (-1021, "Timestamp for this request is outside of the recvWindow."),
    (-1022, "Signature for this request is not valid."),
    (-1002, "You are not authorized to execute this request."),
    (-1003, "Too many requests queued."),
    (-1015, "Too many new orders; current limit is 100 orders per 10 SECOND."),
    (-1100, "Illegal characters found in parameter 'newClientOrderId'."),
    (-1101, "Too many parameters sent for this endpoint."),
    (-1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
    (-1103, "An unknown parameter was sent."),
    (-1104, "Not all sent parameters were read."),
    (-1105, "Parameter 'price' was empty."),
    (-1106, "Parameter 'timeInForce' sent when not required."),
    (-1108, "Parameter 'quantity' overflowed."),
    (-1111, "Precision is over the maximum defined for this asset."),
    (-1112, "No orders on book for symbol."),
    (-1114, "TimeInForce parameter sent when not required."),
    (-1115, "Invalid timeInForce."),
    (-1116, "Invalid orderType."),
    (-1117, "Invalid side."),
    (-1118, "New client order ID was empty."),
    (-1121, "Invalid symbol."),
    (-1128, "Combination of optional parameters invalid."),
    (-1130, "Data sent for parameter 'price' is not valid."),
    (-2010, "Account has insufficient balance for requested action."),
    (-2010, "Market is closed."),
    (-2010, "Order would immediately match and take."),
    (-2010, "Order would trigger immediately."),
    (-2010, "This action is disabled on this account."),
    (-2014, "API-key format invalid."),
    (-2015, "Invalid API-key, IP, or permissions for action."),
]


@pytest.mark.parametrize(("code", "words"), REFUSED)
@pytest.mark.parametrize("status", [400, 401])
def test_a_documented_refusal_is_final(status, code, words):
    assert submitted(status, error(code, words)) == Refused(reason=words, code=str(code))


@pytest.mark.parametrize(("code", "words"), REFUSED)
@pytest.mark.parametrize("status", [200, 302, 500, 503])
def test_the_words_of_a_refusal_are_none_under_any_other_status(status, code, words):
    assert isinstance(submitted(status, error(code, words)), Ambiguous)


@pytest.mark.parametrize("status", [418, 429])
@pytest.mark.parametrize(
    "body", [b"", b"<html>slow down</html>", b'{"code":-1003,"msg":"Too many requests."}']
)
def test_too_many_requests_were_refused_before_they_were_looked_at(status, body):
    answer = submitted(status, body)
    assert isinstance(answer, Refused)
    assert answer.code == ("-1003" if b"code" in body else str(status))


def test_the_firewall_of_the_venue_refuses_before_anything_is_looked_at():
    assert submitted(403, b"<html>Forbidden</html>") == Refused(
        reason="turned away with HTTP 403", code="403"
    )


AMBIGUOUS = {
    "the id is already in use": (400, error(-2010, "Duplicate order sent.")),
    "the id is in use, in other letters": (400, error(-2010, "DUPLICATE ORDER SENT")),
    "rejected without a reason": (400, {"code": -2010}),
    "rejected with a reason that is no text": (400, error(-2010, ["Market is closed."])),
    "unknown error": (400, error(-1000)),
    "disconnected": (400, error(-1001)),
    "unexpected answer inside": (400, error(-1006)),
    "timeout inside": (400, error(-1007)),
    "timeout inside, as it comes": (504, error(-1007)),
    "overloaded": (400, error(-1008)),
    "overloaded, as it comes": (503, error(-1008)),
    "shutting down": (400, error(-1016)),
    "an error of the matching engine": (400, error(-1010)),
    "a code nobody has documented": (400, error(-9999)),
    "a code that is a text": (400, error("-1121")),
    "a code that is no integer": (400, b'{"code":-1121.0,"msg":"x"}'),
    "a code that is true": (400, error(True)),
    "no code": (400, {"msg": "Invalid symbol."}),
    "an absent order": (400, error(-2013)),
    "a page instead of a document": (400, b"<html>bad request</html>"),
    "a page of maintenance": (503, b"<html>503 Service Unavailable</html>"),
    "a list": (500, b'[{"code":-1121}]'),
    "a list under another status": (400, b'[{"code":-1121,"msg":"x"}]'),
    "an inner error": (500, b""),
    "a gateway that gave up": (502, b""),
    "a gateway that waited too long": (504, b""),
    "nothing": (200, b""),
    "a page of success": (200, b"<html>ok</html>"),
    "half an answer": (200, json.dumps(documents.PLACED).encode()[:100]),
    "almost all of an answer": (200, json.dumps(documents.PLACED).encode()[:-1]),
    "an empty object": (200, {}),
    "null": (200, b"null"),
    "a list of orders": (200, [documents.PLACED]),
    "an error under success": (200, error(-1121)),
    "no id of the venue": (200, documents.changed(documents.PLACED, orderId=...)),
    "a null id": (200, documents.changed(documents.PLACED, orderId=None)),
    "an id that is a text": (200, documents.changed(documents.PLACED, orderId="4712")),
    "an id below zero": (200, documents.changed(documents.PLACED, orderId=-1)),
    "an endless id": (200, b'{"orderId": ' + b"9" * 500 + b"}"),
    "the order of somebody else": (200, documents.changed(documents.PLACED, clientOrderId="x")),
    "an order without our id": (200, documents.changed(documents.PLACED, clientOrderId=...)),
    "another instrument": (200, documents.changed(documents.PLACED, symbol="ETHUSDT")),
    "acknowledged and rejected at once": (
        200,
        documents.changed(documents.PLACED, status="REJECTED"),
    ),
    "a redirection": (302, b""),
    "an unknown status": (799, b""),
}


@pytest.mark.parametrize(("status", "body"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_whatever_else_is_answered_may_be_an_order(status, body):
    assert isinstance(submitted(status, body), Ambiguous)


def test_an_order_with_an_id_is_accepted():
    answer = submitted(200, documents.PLACED)
    assert isinstance(answer, Accepted)
    assert answer.venue_order_id == "4712"
    assert answer.report is not None
    assert answer.report.status is OrderStatus.EXPIRED
    assert len(answer.report.fills) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "NEW_WORD"},
        {"fills": None},
        {"fills": [{}]},
        {"executedQty": "NaN"},
        {"transactTime": "soon"},
    ],
)
def test_an_accepted_order_is_one_even_where_the_rest_cannot_be_read(fields):
    answer = submitted(200, documents.changed(documents.PLACED, **fields))
    assert answer == Accepted(venue_order_id="4712", report=None)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (429, b"", RateLimited, ""),
        (418, b"", RateLimited, ""),
        (400, error(-1003), RateLimited, ""),
        (400, error(-1015), RateLimited, ""),
        (400, error(-1021), ClockSkewed, "-1021"),
        (401, error(-2015), KeyRefused, "-2015"),
        (400, error(-2014), KeyRefused, "-2014"),
        (400, error(-2015), KeyRefused, "-2015"),
        (400, error(-1002), KeyRefused, "-1002"),
        (400, error(-1022), KeyRefused, "-1022"),
        (401, b"", KeyRefused, ""),
        (403, b"<html>WAF</html>", KeyRefused, ""),
        (400, error(-1121), VenueAway, "-1121"),
        (400, error(-1000), VenueAway, "-1000"),
        (400, error(-9999), VenueAway, "-9999"),
        (500, error(-1021), VenueAway, "-1021"),
        (500, b'[{"code":1}]', VenueAway, ""),
        (503, b"<html>503</html>", VenueAway, ""),
        (504, error(-1007), VenueAway, "-1007"),
        (302, b"", VenueAway, ""),
        (200, b"", VenueAway, ""),
        (200, b'{"serverTime": NaN}', VenueAway, ""),
    ],
)
def test_a_question_that_is_not_answered_says_why(status, body, kind, code):
    with pytest.raises(kind) as caught:
        outcome.of_question(reply(status, body))
    assert type(caught.value) is kind
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "headers", "seconds", "is_banned"),
    [
        (429, {"retry_after": "7"}, 7, False),
        (429, {}, 60, False),
        (429, {"retry_after": "soon"}, 60, False),
        (429, {"retry_after": "-5"}, 60, False),
        (418, {"retry_after": "300"}, 300, True),
        (418, {}, 120, True),
        (418, {"retry_after": "999999999"}, 3 * 86_400, True),
    ],
)
def test_a_limit_says_when_to_come_back(status, headers, seconds, is_banned):
    with pytest.raises(RateLimited) as caught:
        outcome.of_question(reply(status, b"", **headers))
    assert caught.value.retry_after_seconds == seconds
    assert caught.value.is_banned is is_banned


@pytest.mark.parametrize(
    ("status", "body", "is_absent"),
    [
        (400, error(-2013, "Order does not exist."), True),
        (400, error(-2011, "Unknown order sent."), True),
        (
            400,
            error(-2026, "Order was canceled or expired with no executed qty over 90 days ago."),
            True,
        ),
        (400, error(-2011, "Order was not canceled due to cancel restrictions."), False),
        (404, b"<html>not found</html>", False),
        (404, error(-2013), True),
        (500, error(-2013), False),
        (200, error(-2013), False),
        (400, error(-1121), False),
        (400, b"", False),
        (200, b"", False),
        (200, b"null", False),
        (200, b"[]", False),
    ],
)
def test_only_clear_words_say_that_there_is_no_order(status, body, is_absent):
    assert outcome.says_absent(reply(status, body)) is is_absent
