"""How KuCoin's private stream is spoken."""

import json
from dataclasses import replace

import pytest

from shared.domain.venue import OrderHint
from tests.unit.venues import kucoin_documents as documents
from tests.unit.venues.kucoin_recorder import KEYS, Recorder, recording
from venues.budget import LocalBudget
from venues.errors import VenueAway
from venues.kucoin.stream import KuCoinStream
from venues.opening import Credentials
from venues.port import VenueAddress, VenueName

SERVER_TIME = documents.enveloped(documents.PLACED_MS)


@pytest.fixture
def venue():
    with recording() as recorder:
        yield recorder


@pytest.fixture
def stream(venue: Recorder) -> KuCoinStream:
    return KuCoinStream(venue.credentials())


def message(**fields) -> str:
    return json.dumps(fields)


def test_a_token_is_asked_for_on_the_venues_clock_and_one_topic_subscribed(
    venue: Recorder, stream: KuCoinStream
) -> None:
    venue.tell(SERVER_TIME, documents.enveloped(documents.token()))
    opening = stream.opening()
    clock, token = venue.requests
    assert (clock.target, clock.is_signed) == ("/api/v1/timestamp", False)
    assert (token.method, token.target) == ("POST", "/api/v1/bullet-private")
    assert token.has_right_signature()
    assert 0 <= int(token.headers["kc-api-timestamp"]) - documents.PLACED_MS < 5000
    base, _, query = opening.url.partition("?")
    assert base == "wss://ws-api-spot.kucoin.com/"
    assert query.startswith("token=2neAiuYv")
    assert "%3D%3D&connectId=" in query
    (greeting,) = opening.greetings
    assert json.loads(greeting) == {
        "id": "orders",
        "type": "subscribe",
        "topic": "/spotMarket/tradeOrdersV2",
        "privateChannel": True,
        "response": True,
    }
    assert stream.beat_seconds == 18
    assert 28 <= stream.silence_seconds <= 40


def test_an_address_of_its_own_replaces_the_server(venue: Recorder) -> None:
    venue.tell(SERVER_TIME, documents.enveloped(documents.token()))
    credentials = venue.credentials()
    address = replace(credentials.address, stream="ws://127.0.0.1:9")
    opening = KuCoinStream(replace(credentials, address=address)).opening()
    assert opening.url.startswith("ws://127.0.0.1:9/?token=")


def test_a_stream_in_clear_is_refused_where_rest_is_not(venue: Recorder) -> None:
    del venue
    budget = LocalBudget(venue=VenueName.KUCOIN)
    real = VenueAddress(rest="https://api.kucoin.com", stream="")
    stream = KuCoinStream(Credentials(keys=KEYS, address=real, budget=budget))
    from venues.kucoin.stream import Ticket

    told = Ticket(endpoint="ws://elsewhere/", token="t", ping_seconds=18.0, pong_seconds=10.0)
    with pytest.raises(ValueError, match="in clear"):
        stream._url(told)


def test_without_a_token_there_is_no_stream(venue: Recorder, stream: KuCoinStream) -> None:
    venue.tell(SERVER_TIME, documents.enveloped({"token": "t", "instanceServers": []}))
    with pytest.raises(VenueAway):
        stream.opening()


def test_an_order_event_is_a_hint_of_both_ids(stream: KuCoinStream) -> None:
    assert stream.hints(json.dumps(documents.order_event())) == (
        OrderHint(client_order_id="1593487481000313", venue_order_id="5efab07953bdea00089965fa"),
    )
    assert stream.hints(json.dumps(documents.order_event(clientOid=""))) == (
        OrderHint(client_order_id=None, venue_order_id="5efab07953bdea00089965fa"),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "1", "type": "welcome"},
        {"id": "1", "type": "pong"},
        {"id": "orders", "type": "ack"},
        {"type": "notice", "subject": "x"},
        {"type": "message", "topic": "/account/balance", "data": {}},
    ],
)
def test_other_messages_give_nothing(stream: KuCoinStream, fields) -> None:
    assert stream.hints(message(**fields)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pong",
        "[]",
        message(id="1"),
        message(id="1", type="error", code=401, data="token is invalid"),
        message(type="message", topic="/spotMarket/tradeOrdersV2", data=None),
    ],
)
def test_what_cannot_be_read_ends_the_stream(stream: KuCoinStream, text: str) -> None:
    with pytest.raises(ValueError, match=r"answer|stream"):
        stream.hints(text)


def test_a_ping_goes_out_once_subscribed_and_the_stream_ends_if_it_never_was(
    stream: KuCoinStream,
) -> None:
    with pytest.raises(ValueError, match="never subscribed"):
        stream.beat()
    stream.hints(message(id="orders", type="ack"))
    (first,), (second,) = stream.beat(), stream.beat()
    assert json.loads(first)["type"] == "ping"
    assert json.loads(first)["id"] != json.loads(second)["id"]
