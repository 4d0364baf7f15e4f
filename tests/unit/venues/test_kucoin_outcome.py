"""What KuCoin's answers mean, row by row."""

import json
from typing import Any

import pytest
import requests

from shared.domain.venue import Accepted, Ambiguous, NotSent, Refused
from tests.unit.venues import kucoin_documents as documents
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway
from venues.kucoin.envelope import question, rate_limit
from venues.kucoin.outcome import is_absent, of_cancel, of_lost, of_submit
from venues.port import CancelAnswer
from venues.transport import Reply

OID = documents.CLIENT_ORDER_ID
REFUSALS = (
    *("400100", "600100", "600101", "200001", "200002", "200003", "400600", "600203"),
    *("102427", "102429", "102434", "102435", "200004", "102421"),
    *("400001", "400002", "400003", "400004", "400005", "400006", "400007"),
    *("400200", "400500", "411100", "429000", "1015"),
)


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=raw)


def test_a_success_with_an_id_is_accepted() -> None:
    assert of_submit(reply(documents.created()), OID) == Accepted(venue_order_id=documents.ORDER_ID)


def test_a_success_that_does_not_repeat_our_id_is_accepted() -> None:
    answer = of_submit(reply(documents.enveloped({"orderId": "5bd6e9286d99522a52e458de"})), OID)
    assert answer == Accepted(venue_order_id="5bd6e9286d99522a52e458de")


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429])
def test_a_documented_refusal_is_final(code: str, status: int) -> None:
    answer = of_submit(reply(documents.refused(code, "Balance insufficient!"), status), OID)
    assert answer == Refused(reason=f"{code} Balance insufficient!", code=code)


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("status", [302, 500, 502, 503, 504])
def test_the_same_words_of_a_broken_server_are_no_verdict(code: str, status: int) -> None:
    assert isinstance(of_submit(reply(documents.refused(code), status), OID), Ambiguous)


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_that_names_an_order_contradicts_itself(code: str) -> None:
    body = documents.refused(code) | {"data": {"orderId": "1"}}
    assert isinstance(of_submit(reply(body), OID), Ambiguous)


@pytest.mark.parametrize(
    "body",
    [
        documents.refused("102426", "clientOid duplicate"),
        documents.refused("400100", "validation.createOrder.clientOidDuplicated"),
        documents.refused("400100", "Duplicate clientOid"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_taken_id_is_to_be_asked_for(body, status: int) -> None:
    assert isinstance(of_submit(reply(body, status), OID), Ambiguous)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (documents.refused("500000", "Internal Server Error"), 200),
        (documents.refused("500000", "Internal Server Error"), 500),
        (documents.refused("230005", "The system is busy"), 200),
        (documents.refused("999999", "new"), 200),
        (documents.refused("999999", "new"), 400),
        (documents.refused("404000", "Url Not Found"), 404),
        (documents.refused("112010", "unified account"), 200),
        (documents.refused("200", "success"), 200),
        ({"success": True, "code": "200", "data": {"orderId": "1"}}, 200),
        (b"<html>503 Service Unavailable</html>", 503),
        (b"<html>maintenance</html>", 200),
        ([{"code": "200000"}], 500),
        ([], 200),
        (b"", 200),
        (b"", 204),
        (b"null", 200),
        (b"{}", 200),
        ({"data": {"orderId": "1"}}, 200),
        ({"code": None, "data": {"orderId": "1"}}, 200),
        ({"code": "200000"}, 200),
        ({"code": "200000", "data": None}, 200),
        ({"code": "200000", "data": {}}, 200),
        ({"code": "200000", "data": []}, 200),
        ({"code": "200000", "data": {"orderId": None}}, 200),
        ({"code": "200000", "data": {"orderId": ""}}, 200),
        ({"code": "200000", "data": {"orderId": "1", "clientOid": "another"}}, 200),
        (json.dumps(documents.created()).encode()[:-9], 200),
        (b'{"code":"200000","code":"200004","msg":"twice"}', 200),
        (documents.created(), 202),
        (documents.created(), 302),
        (documents.created(), 400),
        (documents.created(), 500),
        (b"<html>bad request</html>", 400),
        (b"<html>not found</html>", 404),
        (b"<html>timeout</html>", 408),
        (b"<html>moved</html>", 302),
    ],
)
def test_whatever_nobody_documented_is_ambiguous(body, status: int) -> None:
    answer = of_submit(reply(body, status), OID)
    if status == 202:
        assert isinstance(answer, Accepted)
    else:
        assert isinstance(answer, Ambiguous)


@pytest.mark.parametrize("status", [401, 403, 418, 429])
@pytest.mark.parametrize("body", [b"<html>error code: 1015</html>", b"", b"{"])
def test_the_gateway_refuses_before_anything_is_looked_at(status: int, body: bytes) -> None:
    assert of_submit(reply(body, status), OID) == Refused(
        reason=f"refused at the gateway ({status})", code=str(status)
    )


def test_an_answer_that_never_came_depends_on_what_left() -> None:
    error = requests.ReadTimeout("slow")
    assert isinstance(of_lost(error, has_left=True), Ambiguous)
    assert isinstance(of_lost(error, has_left=False), NotSent)


def test_no_answer_shows_more_than_a_little_of_a_body() -> None:
    answer = of_submit(reply(documents.refused("999999", "x" * 100_000)), OID)
    assert isinstance(answer, Ambiguous)
    assert len(answer.reason) < 400


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        *(
            (documents.refused(code), 200, KeyRefused)
            for code in ("400001", "400003", "400004", "400005", "400006", "400007")
        ),
        *(
            (documents.refused(code), 401, KeyRefused)
            for code in ("400200", "400500", "411100", "112010", "999999")
        ),
        (b"<html>forbidden</html>", 403, KeyRefused),
        (documents.refused("400002", "Invalid KC-API-TIMESTAMP"), 400, ClockSkewed),
        (documents.refused("429000"), 429, RateLimited),
        (documents.refused("429000"), 200, RateLimited),
        (b"error code: 1015", 429, RateLimited),
        (b"error code: 1015", 403, RateLimited),
        (b"", 418, RateLimited),
        (documents.refused("500000"), 200, VenueAway),
        (documents.refused("230005"), 200, VenueAway),
        (documents.refused("900001", "symbol not exists"), 200, VenueAway),
        (documents.refused("404000", "Url Not Found"), 404, VenueAway),
        (documents.enveloped([]), 503, VenueAway),
        (b"<html>503</html>", 503, VenueAway),
        (b"", 200, VenueAway),
        (b"[]", 500, VenueAway),
        (b'{"data":1}', 200, VenueAway),
    ],
)
def test_a_question_without_an_answer_says_why(body, status: int, error) -> None:
    with pytest.raises(error):
        question(reply(body, status))


def test_the_oldest_pages_success_answers_a_question() -> None:
    old = {"success": True, "code": "200", "msg": "success", "data": {"symbols": []}}
    assert question(reply(old)).value == {"symbols": []}


@pytest.mark.parametrize(
    ("answer", "seconds", "is_banned"),
    [
        (reply(b"", 429, gw_ratelimit_reset="1500"), 1.5, False),
        (reply(b"", 429, retry_after="4"), 4, False),
        (reply(b"", 429), 2, False),
        (reply(b"", 429, retry_after="soon"), 2, False),
        (reply(b"", 429, retry_after="9" * 300), 2, False),
        (reply(b"", 429, retry_after="99999"), 600, False),
        (reply(b"", 418), 30, True),
        (reply(b"error code: 1015", 429), 30, True),
        (reply(documents.refused("1015"), 429), 30, False),
    ],
)
def test_how_long_to_wait_is_the_venues_word(answer: Reply, seconds, is_banned: bool) -> None:
    limited = rate_limit(answer)
    assert limited is not None
    assert limited.retry_after_seconds == pytest.approx(seconds)
    assert limited.is_banned is is_banned


@pytest.mark.parametrize(
    ("body", "status", "is_clear"),
    [
        (documents.refused("400100", "order not exist."), 200, True),
        (documents.refused("400100", "order not exist"), 400, True),
        (documents.refused("400100", "The order does not exist."), 404, True),
        (documents.refused("order_not_exist", "order_not_exist"), 200, True),
        (documents.refused("102436", "unknown order"), 200, True),
        (documents.refused("400100", "order not exist") | {"data": {"id": "1"}}, 200, False),
        (documents.refused("400100", "order not exist"), 503, False),
        (documents.refused("400100", "order not exist"), 403, False),
        (documents.refused("400100", "Parameter error"), 200, False),
        (documents.refused("404000", "Url Not Found"), 404, False),
        (b"<html>404</html>", 404, False),
        (documents.enveloped(None), 200, False),
        ({"code": "200000", "msg": "order not exist"}, 200, False),
    ],
)
def test_an_order_is_absent_only_where_the_venue_says_so(body, status: int, is_clear) -> None:
    assert is_absent(reply(body, status)) is is_clear


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (documents.enveloped({"clientOid": OID}), CancelAnswer.REQUESTED),
        (documents.enveloped({"orderId": "1"}), CancelAnswer.REQUESTED),
        (
            documents.refused("400100", "order_not_exist_or_not_allow_to_cancel"),
            CancelAnswer.GONE,
        ),
        (
            documents.refused("400100", "Order not exist or not allow to be cancelled"),
            CancelAnswer.GONE,
        ),
        (documents.refused("102436", "unknown order"), CancelAnswer.GONE),
    ],
)
def test_a_cancel_was_taken_or_found_nothing(body, answer: CancelAnswer) -> None:
    assert of_cancel(reply(body)) is answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (documents.refused("102428", "being processed"), 200),
        (documents.refused("200002", "no cancels now"), 200),
        (documents.refused("400100", "order_not_exist_or_not_allow_to_cancel"), 503),
        (b"", 200),
    ],
)
def test_any_other_answer_to_a_cancel_is_asked_again(body, status: int) -> None:
    with pytest.raises(VenueAway):
        of_cancel(reply(body, status))
