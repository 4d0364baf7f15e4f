"""The private stream of Binance.US: a key, hints, and a sign of life every minute."""

import json
import threading
from dataclasses import dataclass

import pytest
from websockets.sync.server import serve

from shared.domain.venue import Gap, OrderHint
from tests.unit.venues import binance_us_documents as documents
from tests.unit.venues.recording import Says, recording
from venues.binance_us.stream import BinanceUsStream
from venues.budget import LocalBudget
from venues.errors import KeyRefused, VenueAway
from venues.opening import Credentials
from venues.port import VenueAddress, VenueKeys, VenueName
from venues.stream import follow

KEY = documents.LISTEN_KEY["listenKey"]


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def dialect(
    rest: str, seconds: Seconds, stream: str = "ws://127.0.0.1:9", keys=None
) -> BinanceUsStream:
    credentials = Credentials(
        keys=keys or VenueKeys(key="the-key", secret="the-secret"),
        address=VenueAddress(rest=rest, stream=stream),
        budget=LocalBudget(venue=VenueName.BINANCE_US),
    )
    return BinanceUsStream(credentials, seconds)


def speaking() -> BinanceUsStream:
    return dialect("http://127.0.0.1:9", Seconds())


def test_the_stream_opens_at_a_fresh_key_which_needs_no_signature():
    with recording(Says(documents.LISTEN_KEY)) as venue:
        opening = dialect(venue.url, Seconds()).opening()
    (asked,) = venue.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/api/v3/userDataStream", "")
    assert asked.headers["x-mbx-apikey"] == "the-key"
    assert opening.url == f"ws://127.0.0.1:9/ws/{KEY}"
    assert opening.greetings == ()


@pytest.mark.parametrize(
    "answer", [{}, {"listenKey": ""}, {"listenKey": "../ws"}, {"listenKey": 1}, []]
)
def test_a_key_that_is_none_opens_nothing(answer):
    with recording(Says(answer)) as venue, pytest.raises(VenueAway):
        dialect(venue.url, Seconds()).opening()


def test_without_an_api_key_there_is_no_stream():
    with pytest.raises(KeyRefused):
        dialect("http://127.0.0.1:9", Seconds(), keys=VenueKeys()).opening()


def test_the_key_is_kept_alive_every_half_an_hour_and_the_stream_is_asked_every_minute():
    seconds = Seconds()
    with recording(Says(documents.LISTEN_KEY), Says({})) as venue:
        stream = dialect(venue.url, seconds)
        stream.opening()
        for _ in range(65):
            seconds.now += stream.beat_seconds
            (message,) = stream.beat()
            assert json.loads(message) == {"method": "LIST_SUBSCRIPTIONS", "id": 1}
    kept = venue.asked[1:]
    assert [(asked.method, asked.target) for asked in kept] == [
        ("PUT", "/api/v3/userDataStream")
    ] * 2
    assert {asked.body for asked in kept} == {f"listenKey={KEY}"}
    assert stream.beat_seconds < stream.silence_seconds


def test_a_key_that_cannot_be_kept_opens_the_stream_again():
    seconds = Seconds()
    gone = Says({"code": -1125, "msg": "This listenKey does not exist."}, status=400)
    with recording(Says(documents.LISTEN_KEY), gone) as venue:
        stream = dialect(venue.url, seconds)
        stream.opening()
        seconds.now += 31 * 60
        with pytest.raises(VenueAway):
            stream.beat()


def test_the_stream_is_left_before_the_venue_cuts_it_after_a_day():
    seconds = Seconds()
    with recording(Says(documents.LISTEN_KEY), Says({})) as venue:
        stream = dialect(venue.url, seconds)
        stream.opening()
        seconds.now += 23 * 3600
        stream.beat()
        seconds.now += 3599
        with pytest.raises(TimeoutError):
            stream.beat()


def test_an_execution_is_a_hint():
    (hint,) = speaking().hints(json.dumps(documents.EXECUTION))
    assert hint == OrderHint(client_order_id=documents.OURS, venue_order_id="4712")


def test_a_cancel_names_the_order_it_canceled():
    canceled = documents.changed(
        documents.EXECUTION, c="anameofthecancel", C=documents.OURS, x="CANCELED"
    )
    (hint,) = speaking().hints(json.dumps(canceled))
    assert hint.client_order_id == documents.OURS


@pytest.mark.parametrize(
    "message",
    [
        {"e": "outboundAccountPosition", "E": 1, "B": []},
        {"e": "balanceUpdate"},
        {"e": "listStatus"},
        {"e": "somethingNew"},
        {"result": [KEY], "id": 1},
    ],
)
def test_what_is_about_no_order_gives_no_hint(message):
    assert speaking().hints(json.dumps(message)) == ()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"e": 1}',
        '{"e": "executionReport"}',
        '{"e": "executionReport", "c": "x", "C": "", "i": "1"}',
        '{"e": "listenKeyExpired", "E": 1}',
        '{"error": {"code": 2, "msg": "Invalid request"}, "id": 1}',
        '{"code": 2, "msg": "Invalid request"}',
    ],
)
def test_what_cannot_be_read_opens_the_stream_again(message):
    with pytest.raises(ValueError, match=r"."):
        speaking().hints(message)


def test_events_are_heard_over_a_real_socket():
    paths = []

    def tell(socket):
        paths.append(socket.request.path)
        socket.send(json.dumps(documents.EXECUTION))
        socket.recv()

    heard: list[object] = []
    stop = threading.Event()

    def hear(hint):
        heard.append(hint)
        if isinstance(hint, OrderHint):
            stop.set()

    with recording(Says(documents.LISTEN_KEY)) as venue, serve(tell, "127.0.0.1", 0) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        port = server.socket.getsockname()[1]
        stream = dialect(venue.url, Seconds(), f"ws://127.0.0.1:{port}")
        watching = threading.Thread(target=follow, args=(stream, hear, stop))
        watching.start()
        watching.join(10)
        server.shutdown()
        serving.join(10)
    assert paths == [f"/ws/{KEY}"]
    assert heard == [
        Gap(reason="the stream was opened"),
        OrderHint(client_order_id=documents.OURS, venue_order_id="4712"),
    ]
