"""Coinbase's private stream: what is said first, and what its messages are worth."""

import json
from datetime import UTC, datetime
from threading import Event, Thread

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.sync.server import serve

from shared.domain.venue import Gap, OrderHint
from tests.unit.venues import coinbase_documents as documents
from tests.unit.venues.coinbase_documents import OURS, RECORDED, THEIRS
from venues.budget import LocalBudget
from venues.coinbase.stream import CoinbaseStream
from venues.errors import KeyRefused
from venues.opening import Credentials, dialect_of
from venues.port import VenueAddress, VenueKeys, VenueName
from venues.stream import follow

KEY = "organizations/0c1d/apiKeys/7f3a"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
SECRET = PRIVATE.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
HINT = OrderHint(client_order_id=OURS, venue_order_id=THEIRS)


def spoken(url: str = "ws://127.0.0.1:9", keys: VenueKeys | None = None) -> CoinbaseStream:
    credentials = Credentials(
        keys=keys or VenueKeys(key=KEY, secret=SECRET),
        address=VenueAddress(rest="http://127.0.0.1:9", stream=url),
        budget=LocalBudget(venue=VenueName.COINBASE),
    )
    dialect = dialect_of(VenueName.COINBASE, credentials)
    assert isinstance(dialect, CoinbaseStream)
    return dialect


def numbered(number: int, **changes) -> str:
    return json.dumps(documents.USER_EVENT | {"sequence_num": number} | changes)


def recorded_messages(name: str) -> list[str]:
    path = RECORDED / "Subscriptions" / "AdvancedTrade" / name
    if not path.is_file():
        pytest.skip(f"the example messages are not on this machine: {name}")
    _, answered, rest = path.read_text().split("\n", 2)
    return [answered.removeprefix("< "), rest.strip().removeprefix("=").strip()]


def test_each_channel_is_subscribed_to_by_a_message_and_a_token_of_its_own():
    opening = spoken("wss://stream.example").opening()
    assert opening.url == "wss://stream.example"
    heartbeats, user = (json.loads(one) for one in opening.greetings)
    assert (heartbeats["channel"], user["channel"]) == ("heartbeats", "user")
    nonces = set()
    for message in (heartbeats, user):
        assert message["type"] == "subscribe"
        claims = jwt.decode(
            message["jwt"], PRIVATE.public_key(), algorithms=["ES256"], issuer="cdp"
        )
        assert claims["sub"] == KEY
        assert "uri" not in claims
        assert claims["exp"] - claims["nbf"] == 120
        assert claims["nbf"] < datetime.now(UTC).timestamp() - 3  # for a clock behind ours
        nonces.add(jwt.get_unverified_header(message["jwt"])["nonce"])
    assert len(nonces) == 2


def test_without_a_key_there_is_no_private_stream():
    with pytest.raises(KeyRefused):
        spoken(keys=VenueKeys()).opening()


def test_the_documentations_example_is_a_hint_at_its_order():
    stream = spoken()
    subscribed, user = recorded_messages("User.txt")
    assert list(stream.hints(subscribed)) == []
    assert list(stream.hints(user)) == [OrderHint(client_order_id="XXX", venue_order_id="YYY")]


def test_heartbeats_are_no_hints():
    stream = spoken()
    for message in recorded_messages("Heartbeat.txt"):
        assert list(stream.hints(message)) == []


def test_an_event_hints_at_its_orders_whatever_else_it_says():
    assert list(spoken().hints(numbered(0))) == [HINT]
    theirs = {"order_id": "o-1", "client_order_id": ""}
    events = [{"type": "snapshot", "orders": [theirs]}, {"type": "update"}]
    assert list(spoken().hints(numbered(0, events=events))) == [
        OrderHint(client_order_id=None, venue_order_id="o-1")
    ]


def test_a_number_left_out_is_a_gap_and_one_that_comes_again_is_not():
    stream = spoken()
    assert list(stream.hints(numbered(0))) == [HINT]
    assert list(stream.hints(numbered(1))) == [HINT]
    gap, hint = stream.hints(numbered(4))
    assert isinstance(gap, Gap)
    assert hint == HINT
    assert list(stream.hints(numbered(3))) == [HINT]
    assert list(stream.hints(numbered(5))) == [HINT]
    stream.opening()
    assert list(stream.hints(numbered(9))) == [HINT]  # another connection counts anew


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "[]",
        "{}",
        '{"type": "error", "message": "authentication failure"}',
        '{"channel": "user", "sequence_num": "x", "events": []}',
        '{"channel": "user", "sequence_num": 0}',
        '{"channel": "user", "sequence_num": 0, "events": [{"orders": [{"client_order_id": "a"}]}]}',
        '{"channel": "user", "sequence_num": 0, "events": [{"orders": "none"}]}',
        "[" * 100_000,
    ],
)
def test_a_message_that_cannot_be_read_or_is_an_error_ends_the_stream(message):
    with pytest.raises(ValueError, match=r"."):
        list(spoken().hints(message))


def test_hints_arrive_over_a_real_connection_and_a_closed_one_is_opened_again():
    greeted, heard, done = [], [], Event()

    def answer(connection) -> None:
        greeted.append([json.loads(connection.recv())["channel"] for _ in range(2)])
        connection.send(numbered(0))
        connection.close()

    def hear(hint) -> None:
        heard.append(hint)
        if heard.count(HINT) == 2:
            done.set()

    with serve(answer, "127.0.0.1", 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        following = Thread(target=follow, args=(spoken(url), hear, done))
        following.start()
        assert done.wait(10)
        following.join(5)
        server.shutdown()
    assert greeted[:2] == [["heartbeats", "user"]] * 2
    assert isinstance(heard[0], Gap)
    assert heard[1] == HINT
