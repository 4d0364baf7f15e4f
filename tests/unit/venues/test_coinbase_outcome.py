"""What Coinbase's answers mean, row by row; whatever no row names is Ambiguous."""

from datetime import timedelta
from http import HTTPStatus

import pytest

from shared.domain.enums import Side
from shared.domain.venue import Accepted, Ambiguous, Refused
from tests.unit.venues import coinbase_documents as documents
from tests.unit.venues.coinbase_documents import answer, documented, wanted
from venues.coinbase.client import Span
from venues.coinbase.outcome import (
    REFUSALS,
    cancellation,
    failure,
    is_unknown_order,
    submission,
    waiting_seconds,
)
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway
from venues.port import CancelAnswer
from venues.reading import Unreadable

HTML = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
SPAN = Span(signed_at=documents.SIGNED_AT)


def submitted(document: object, status: int = 200):
    return submission(answer(document, status), wanted())


def refusal(**reasons) -> dict:
    return {"success": False, "error_response": reasons}


def test_an_order_with_an_id_is_accepted():
    assert submitted(documents.CREATED) == Accepted(venue_order_id=documents.THEIRS)


def test_the_older_place_of_the_id_is_known_too():
    old = {"success": True, "order_id": documents.THEIRS, "success_response": None}
    assert submitted(old) == Accepted(venue_order_id=documents.THEIRS)


def test_the_documentations_own_example_is_about_another_order_than_ours():
    example = documents.recorded("Trading/PlaceOrder.txt").value
    assert isinstance(submitted(example), Ambiguous)
    asked = wanted(client_order_id="0000-00000-000000")
    reply = answer(example)
    assert submission(reply, asked) == Accepted(venue_order_id="11111-00000-000000")


@pytest.mark.parametrize(
    "change",
    [
        {"client_order_id": "another"},
        {"product_id": "ETH-USD"},
        {"side": "SELL"},
        {"side": "SIDEWAYS"},
        {"order_id": ""},
        {"order_id": None},
        {"order_id": 7},
        {"order_id": {"id": "x"}},
    ],
)
def test_a_success_for_something_else_or_without_an_id_is_ambiguous(change):
    made = documents.CREATED["success_response"] | change
    assert isinstance(submitted(documents.CREATED | {"success_response": made}), Ambiguous)


@pytest.mark.parametrize("prefix", ["", "PREVIEW_"])
@pytest.mark.parametrize("reason", sorted(REFUSALS))
def test_each_documented_reason_refuses(reason, prefix):
    unsaid = {"error": "UNKNOWN_FAILURE_REASON"}
    said = prefix + reason
    for name in ("error", "new_order_failure_reason", "preview_failure_reason"):
        reply = submitted(refusal(**(unsaid | {name: said})))
        assert reply == Refused(reason=said, code=said)


def test_a_refusal_says_in_words_what_the_venue_says():
    assert submitted(documents.NOT_CREATED) == Refused(
        reason="Insufficient balance in source account", code="INSUFFICIENT_FUND"
    )


@pytest.mark.parametrize(
    "document",
    [
        refusal(error="UNKNOWN_FAILURE_REASON"),
        refusal(error="UNKNOWN_FAILURE_REASON", new_order_failure_reason="UNKNOWN_FAILURE_REASON"),
        refusal(error="NOBODY_DOCUMENTED_THIS"),
        refusal(error="INSUFFICIENT_FUND", new_order_failure_reason="NOBODY_DOCUMENTED_THIS"),
        refusal(error="DUPLICATE_CLIENT_ORDER_ID"),
        refusal(error="INSUFFICIENT_FUND", new_order_failure_reason="DUPLICATE_CLIENT_ORDER_ID"),
        refusal(),
        refusal(error=7),
        {"success": False},
        {"success": False, "error_response": None},
        {"success": False, "error_response": "INSUFFICIENT_FUND"},
        documents.NOT_CREATED | {"success_response": documents.CREATED["success_response"]},
        documents.NOT_CREATED | {"order_id": documents.THEIRS},
        documents.NOT_CREATED | {"success": "false"},
        documents.NOT_CREATED | {"success": None},
        {"error_response": documents.NOT_CREATED["error_response"]},
        documents.CREATED | {"success_response": None},
        documents.CREATED | {"success_response": []},
        {},
        [],
        None,
        "ok",
        b"",
        b" ",
        HTML,
        b'{"success": true, "success_response": {"order_id": "9bd1',
        b'{"success": false, "success": true}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204])
def test_whatever_else_comes_with_success_is_ambiguous(document, status):
    assert isinstance(submitted(document, status), Ambiguous)


@pytest.mark.parametrize("status", [401, 403, 418, 429])
@pytest.mark.parametrize("body", [b"Unauthorized", HTML, b"", b'{"error": "PERMISSION_DENIED"}'])
def test_what_is_turned_away_at_the_door_is_refused(status, body):
    reply = submitted(body, status)
    assert isinstance(reply, Refused)
    assert reply.code == str(status)


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "INSUFFICIENT_FUND", "PERMISSION_DENIED"])
def test_a_bad_request_with_a_documented_word_is_refused(code):
    reply = submitted({"error": code, "error_details": "why", "message": ""}, 400)
    assert reply == Refused(reason="why", code=code)


@pytest.mark.parametrize(
    "document",
    [{"error": "unknown"}, {"error": "DUPLICATE_CLIENT_ORDER_ID"}, {}, [], b"", HTML, b"{"],
)
def test_a_bad_request_without_one_is_ambiguous(document):
    assert isinstance(submitted(document, 400), Ambiguous)


_OTHERS = sorted(
    {int(status) for status in HTTPStatus if not 200 <= status < 300}
    - {400, 401, 403, 418, 429}
    - {100, 101, 102, 103}
)


@pytest.mark.parametrize("status", [*_OTHERS, 520, 521, 522, 524, 599])
@pytest.mark.parametrize(
    "document",
    [HTML, [{"error": "INTERNAL"}], documents.NOT_CREATED, {"error": "INVALID_ARGUMENT"}, b""],
)
def test_every_other_status_is_ambiguous_whatever_its_body_says(status, document):
    assert isinstance(submitted(document, status), Ambiguous)


# --- questions


def failed(status: int, document: object = b"", span: Span | None = SPAN, **headers: str):
    return failure(answer(document, status, **headers), span)


def test_a_rate_limit_says_when_to_come_back():
    error = failed(429, {"errors": [{"id": "rate_limit_exceeded"}]}, **{"retry-after": "7"})
    assert isinstance(error, RateLimited)
    assert (error.retry_after_seconds, error.is_banned) == (7.0, False)
    banned = failed(418)
    assert isinstance(banned, RateLimited)
    assert (banned.retry_after_seconds, banned.is_banned) == (120.0, True)
    assert isinstance(failed(400, {"errors": [{"id": "rate_limit_exceeded"}]}), RateLimited)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", 1.0),
        ("0", 1.0),
        ("30", 30.0),
        ("-5", 1.0),
        ("nonsense", 1.0),
        ("1e9", 1.0),
        ("999999999", 259_200.0),
        ("9" * 5000, 1.0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 11:01:00 GMT", 1.0),
    ],
)
def test_how_long_to_wait_is_read_in_seconds_or_as_a_date(said, seconds):
    headers = {"retry-after": said, "date": "Sat, 21 Nov 2026 12:00:00 GMT"}
    assert waiting_seconds(answer(b"", 429, **headers)) == seconds


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_apart_from_an_outage(status):
    assert isinstance(failed(status, b"Unauthorized"), KeyRefused)
    assert isinstance(failed(400, {"error": "PERMISSION_DENIED"}), KeyRefused)


@pytest.mark.parametrize(
    ("date", "kind"),
    [
        ("Sat, 21 Nov 2026 11:59:58 GMT", ClockSkewed),  # we are ahead: the token is not valid yet
        ("Sat, 21 Nov 2026 11:59:59 GMT", KeyRefused),
        ("Sat, 21 Nov 2026 12:01:58 GMT", KeyRefused),
        ("Sat, 21 Nov 2026 12:01:59 GMT", ClockSkewed),  # it has expired
        ("", KeyRefused),
        ("at noon", KeyRefused),
    ],
)
def test_a_clock_that_differs_is_told_by_the_venues_own_date(date, kind):
    assert isinstance(failed(401, b"Unauthorized", date=date), kind)


@pytest.mark.parametrize("status", [301, 302, 400, 404, 408, 409, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("document", [HTML, [1], {"error": "INTERNAL"}, b"", b"{", b"[" * 100_000])
def test_everything_else_is_an_outage(status, document):
    assert isinstance(failed(status, document), VenueAway)


def test_only_a_clear_word_means_that_there_is_no_such_order():
    assert is_unknown_order(answer(documents.UNKNOWN_ORDER, 404))
    for reply in (
        answer(HTML, 404),
        answer(b"", 404),
        answer({"error": "unknown"}, 404),
        answer({"error": "NOT_FOUND", "error_details": "Not Found", "message": "Not Found"}, 404),
        answer(documents.UNKNOWN_ORDER, 200),
        answer(documents.UNKNOWN_ORDER, 500),
    ):
        assert not is_unknown_order(reply)


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        ("UNKNOWN_CANCEL_ORDER", CancelAnswer.GONE),
        ("COMMANDER_REJECTED_CANCEL_ORDER", CancelAnswer.GONE),
        ("ORDER_IS_FULLY_FILLED", CancelAnswer.GONE),
        ("DUPLICATE_CANCEL_REQUEST", CancelAnswer.REQUESTED),
    ],
)
def test_a_cancel_is_requested_or_has_nothing_left_to_cancel(reason, meaning):
    assert cancellation(documented(documents.CANCELED), documents.THEIRS) is CancelAnswer.REQUESTED
    result = {"success": False, "failure_reason": reason, "order_id": documents.THEIRS}
    assert cancellation(documented({"results": [result]}), documents.THEIRS) is meaning


def test_the_documentations_example_of_a_cancel_is_read():
    example = documents.recorded("Trading/CancelOrders.txt")
    assert cancellation(example, "0000-00000") is CancelAnswer.REQUESTED


@pytest.mark.parametrize("reason", ["UNKNOWN_CANCEL_FAILURE_REASON", "INVALID_CANCEL_REQUEST", "X"])
def test_a_cancel_that_was_not_taken_is_asked_for_again(reason):
    result = {"success": False, "failure_reason": reason, "order_id": documents.THEIRS}
    with pytest.raises(VenueAway, match=reason):
        cancellation(documented({"results": [result]}), documents.THEIRS)


def test_a_cancel_of_something_else_is_no_answer():
    for results in ([], documents.CANCELED["results"] * 2, [{"order_id": "x", "success": True}]):
        with pytest.raises(Unreadable):
            cancellation(documented({"results": results}), documents.THEIRS)


def test_a_token_is_dated_by_whole_seconds_and_never_outlives_the_window():
    span = Span(signed_at=documents.SIGNED_AT, window=timedelta(seconds=20))
    assert (span.not_before, span.expires) == (1_795_262_399, 1_795_262_420)
    longest = Span(signed_at=documents.SIGNED_AT, window=timedelta(seconds=500))
    assert longest.expires == 1_795_262_519
    shortest = Span(signed_at=documents.SIGNED_AT, window=timedelta())
    assert shortest.expires == shortest.not_before + 1


def test_sides_that_agree_are_accepted():
    made = documents.CREATED["success_response"] | {"side": "SELL"}
    reply = answer(documents.CREATED | {"success_response": made})
    assert isinstance(submission(reply, wanted(side=Side.SELL)), Accepted)
