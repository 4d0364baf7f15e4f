"""Damaged answers of Coinbase through the whole adapter: a value or a typed error, never more.

What was a success before the damage is never refused, what was refused never accepted, and an order
that one question had found is never taken for absent because its document was damaged.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.enums import Interval
from shared.domain.venue import Accepted, Ambiguous, Refused
from tests.unit.venues import coinbase_documents as documents
from tests.unit.venues.coinbase_documents import BTC, SIGNED_AT, THEIRS, answer, reference, wanted
from tests.unit.venues.mutations import damaged
from venues.budget import LocalBudget
from venues.coinbase.adapter import Coinbase
from venues.coinbase.client import Signer
from venues.coinbase.outcome import failure, is_unknown_order, submission
from venues.coinbase.stream import CoinbaseStream
from venues.errors import VenueError
from venues.opening import Credentials
from venues.port import VenueAddress, VenueKeys, VenueName

CASES = range(2000)
KNOWN = reference(venue_order_id=THEIRS)
SINCE = SIGNED_AT - timedelta(minutes=1)


class Unlimited(LocalBudget):
    def spend(self, pool, units, *, is_urgent=False):
        return


def credentials() -> Credentials:
    return Credentials(
        keys=VenueKeys(key="k", secret="s"),
        address=VenueAddress(rest="http://127.0.0.1:9", stream="ws://127.0.0.1:9"),
        budget=Unlimited(venue=VenueName.COINBASE),
    )


class Told:
    """The real adapter, told its answers instead of asking the network."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(Signer, "token", lambda *_: "a token")
        self.venue = Coinbase(credentials())
        self.replies = []
        monkeypatch.setattr(self.venue._asker._client, "ask", lambda _: self._next())

    def _next(self):
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def told(monkeypatch):
    return Told(monkeypatch)


def test_a_success_is_never_refused_however_it_is_damaged():
    outcomes = set()
    for seed in CASES:
        outcome = submission(answer(damaged(documents.CREATED, seed)), wanted())
        assert isinstance(outcome, Accepted | Ambiguous), seed
        outcomes.add(type(outcome))
    assert outcomes == {Accepted, Ambiguous}


def test_the_fullest_success_is_never_refused_however_it_is_damaged():
    both = documents.CREATED | {
        "error_response": {
            "error": "UNKNOWN_FAILURE_REASON",
            "message": "",
            "preview_failure_reason": "UNKNOWN_PREVIEW_FAILURE_REASON",
        },
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": THEIRS,
    }
    for seed in CASES:
        outcome = submission(answer(damaged(both, seed)), wanted())
        assert isinstance(outcome, Accepted | Ambiguous), seed


def test_a_refusal_is_never_an_acceptance_however_it_is_damaged():
    for seed in CASES:
        outcome = submission(answer(damaged(documents.NOT_CREATED, seed)), wanted())
        assert isinstance(outcome, Refused | Ambiguous), seed


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_damaged_error_never_surprises(status):
    valid = {"error": "NOT_FOUND", "error_details": "d", "message": "m", "errors": [{"id": "x"}]}
    for seed in CASES:
        reply = answer(damaged(valid, seed), status)
        assert isinstance(submission(reply, wanted()), Refused | Ambiguous), seed
        assert isinstance(failure(reply, None), VenueError), seed
        is_unknown_order(reply)


def test_damage_reaches_the_adapter_as_a_value_or_a_typed_error_in_submit_too(told):
    for seed in CASES:
        told.replies[:] = [answer(damaged(documents.CREATED, seed))]
        assert isinstance(told.venue.submit(wanted()), Accepted | Ambiguous), seed


QUESTIONS = {
    "server_time": (lambda venue: venue.server_time(), documents.TIME),
    "rules": (lambda venue: venue.rules(), documents.PRODUCTS),
    "top_of_book": (lambda venue: venue.top_of_book(BTC), documents.BOOK),
    "candles": (
        lambda venue: venue.candles(
            BTC,
            Interval.M1,
            datetime(2026, 11, 21, 11, 50, tzinfo=UTC),
            datetime(2026, 11, 21, 12, 30, tzinfo=UTC),
        ),
        documents.CANDLES,
    ),
    "balances": (lambda venue: venue.balances(), documents.ACCOUNTS),
    "fee_rates": (lambda venue: venue.fee_rates(BTC), documents.FEES),
    "key_permissions": (lambda venue: venue.key_permissions(), documents.PERMISSIONS),
    "find_order by our id": (lambda venue: venue.find_order(reference()), documents.ORDERS),
    "find_order by their id": (lambda venue: venue.find_order(KNOWN), {"order": documents.ORDER}),
    "open_orders": (lambda venue: venue.open_orders(), documents.ORDERS),
    "fills": (lambda venue: venue.fills(BTC, SINCE), documents.FILLS),
    "fills of one": (lambda venue: venue.fills(BTC, SINCE, KNOWN), documents.FILLS),
    "cancel": (lambda venue: venue.cancel(KNOWN), documents.CANCELED),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_damaged_answer_to_a_question_is_a_value_or_a_venue_error(told, question):
    ask, valid = QUESTIONS[question]
    told.venue.set_offset(SIGNED_AT + timedelta(hours=1) - datetime.now(UTC))
    told.replies[:] = [answer(valid)]
    expected = ask(told.venue)
    understood = refused = 0
    for seed in CASES:
        told.replies[:] = [answer(damaged(valid, seed)), answer({"orders": [], "cursor": ""})]
        try:
            ask(told.venue)
            understood += 1
        except VenueError:
            refused += 1
    told.replies[:] = [answer(valid)]
    assert ask(told.venue) is not None
    assert expected is not None
    assert min(understood, refused) > 0


def test_a_damaged_list_of_recent_orders_is_a_value_or_a_venue_error(told):
    for seed in CASES:
        told.replies[:] = [
            answer(damaged(documents.ORDERS, seed)),
            answer(damaged(documents.FILLS, seed)),
            answer(damaged({"order": documents.ORDER}, seed)),
        ]
        try:
            told.venue.recent_orders(BTC, SINCE)
        except VenueError:
            continue


def test_an_order_found_by_its_venue_id_is_never_absent_however_it_is_damaged(told):
    for seed in CASES:
        told.replies[:] = [answer(damaged({"order": documents.ORDER}, seed))]
        try:
            assert told.venue.find_order(KNOWN) is not None, seed
        except VenueError:
            continue


def test_an_order_whose_field_is_gone_or_renamed_is_never_absent(told):
    for name in ("orders", "has_next", "client_order_id", "order_id", "created_time", "status"):
        text = json.dumps(documents.ORDERS)
        assert f'"{name}"' in text
        told.replies[:] = [answer(text.replace(f'"{name}"', f'"new_{name}"').encode())]
        if name == "has_next":  # the cursor beside it still says that this was all
            assert told.venue.find_order(reference()) is not None
            continue
        with pytest.raises(VenueError):
            told.venue.find_order(reference())


def test_a_damaged_event_of_the_stream_is_a_hint_or_a_value_error():
    stream = CoinbaseStream(credentials())
    for seed in CASES:
        body = damaged(documents.USER_EVENT, seed)
        try:
            list(stream.hints(body.decode(errors="replace")))
        except ValueError:
            continue
