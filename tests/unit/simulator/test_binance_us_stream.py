"""The private stream of the simulated Binance.US: listen keys, events, ends."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from simulator.engine.clocks import ManualClock
from simulator.wire.binance_us.subscriptions import Subscriptions
from simulator.wire.port import RateLimits
from tests.unit.simulator.binance_us_served import BTC, KEY, OTHER_KEY, PRICE, Served, served

PATH = "/api/v3/userDataStream"
MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def venue(clock: ManualClock) -> Iterator[Served]:
    with served(clock) as one:
        yield one


def key_of(venue: Served, key: str = KEY) -> str:
    return venue.http.post(PATH, headers={"X-MBX-APIKEY": key}).json()["listenKey"]


@contextmanager
def listening(venue: Served) -> Iterator[ClientConnection]:
    with connect(f"{venue.stream_url}/ws/{key_of(venue)}") as stream:
        yield stream


def heard(stream: ClientConnection, count: int) -> list[dict]:
    """Return the order events among so many messages: every one is followed by balances."""
    documents = [json.loads(stream.recv(timeout=5)) for _ in range(2 * count)]
    assert {one["e"] for one in documents[1::2]} == {"outboundAccountPosition"}
    return documents[::2]


def seen(report: dict) -> tuple[str, str, str]:
    return report["x"], report["X"], report["z"]


def test_an_order_is_told_from_its_beginning_to_its_cancel(venue: Served) -> None:
    with listening(venue) as stream:
        order = venue.place(newClientOrderId="mine").json()
        said = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
        venue.signed("DELETE", "/api/v3/order", newClientOrderId="the-cancel", **said)
        new, canceled = heard(stream, 2)
    assert seen(new) == ("NEW", "NEW", "0.00000000")
    assert (new["i"], new["c"], new["C"], new["w"]) == (order["orderId"], "mine", "", True)
    assert seen(canceled) == ("CANCELED", "CANCELED", "0.00000000")
    assert (canceled["c"], canceled["C"], canceled["w"]) == ("the-cancel", "mine", False)


def test_every_trade_is_told_once_with_its_fee(venue: Served) -> None:
    venue.exchange.set_price(BTC, PRICE, Decimal("0.1"))
    with listening(venue) as stream:
        placed = venue.place(**MARKET, quantity="0.15").json()
        new, first, last = heard(stream, 3)
    assert seen(new) == ("NEW", "NEW", "0.00000000")
    assert seen(first) == ("TRADE", "PARTIALLY_FILLED", "0.10000000")
    assert seen(last) == ("TRADE", "FILLED", "0.15000000")
    assert [first["t"], last["t"]] == [one["tradeId"] for one in placed["fills"]]
    assert (first["N"], first["n"], first["m"]) == ("BTC", "0.00010000", False)
    assert Decimal(last["Z"]) == Decimal(placed["cummulativeQuoteQty"])


def test_what_is_left_of_an_immediate_order_expires(venue: Served) -> None:
    venue.exchange.set_price(BTC, PRICE, Decimal("0.01"))
    with listening(venue) as stream:
        venue.place(timeInForce="IOC", quantity="1", price="50005", newClientOrderId="rest")
        reports = heard(stream, 3)
    assert [one["x"] for one in reports] == ["NEW", "TRADE", "EXPIRED"]
    assert (reports[-1]["X"], reports[-1]["z"], reports[-1]["c"]) == (
        "EXPIRED",
        "0.01000000",
        "rest",
    )


def test_balances_follow_an_order(venue: Served) -> None:
    with listening(venue) as stream:
        venue.place()
        _, position = (json.loads(stream.recv(timeout=5)) for _ in range(2))
    assert position["B"] == [
        {"a": "BTC", "f": "2.00000000", "l": "0.00000000"},
        {"a": "USDT", "f": "99955.00000000", "l": "45.00000000"},
    ]


def test_an_account_has_one_key_at_a_time_and_hears_only_itself(venue: Served) -> None:
    ours, theirs = key_of(venue), key_of(venue, OTHER_KEY)
    assert key_of(venue) == ours
    assert ours != theirs
    with connect(f"{venue.stream_url}/ws/{theirs}") as stream:
        venue.place()
        with pytest.raises(TimeoutError):
            stream.recv(timeout=0.3)


def test_a_combined_stream_names_its_stream(venue: Served) -> None:
    key = key_of(venue)
    with connect(f"{venue.stream_url}/stream?streams={key}") as stream:
        venue.place(newClientOrderId="combined")
        said, balances = (json.loads(stream.recv(timeout=5)) for _ in range(2))
    assert (said["stream"], said["data"]["c"]) == (key, "combined")
    assert (balances["stream"], balances["data"]["e"]) == (key, "outboundAccountPosition")


def test_an_unknown_key_is_a_silent_stream(venue: Served) -> None:
    with connect(f"{venue.stream_url}/ws/{'n' * 64}") as stream:
        venue.place()
        with pytest.raises(TimeoutError):
            stream.recv(timeout=0.7)


def test_a_key_ends_after_an_hour_unless_it_is_kept_alive(
    venue: Served, clock: ManualClock
) -> None:
    key = key_of(venue)
    said = {"headers": {"X-MBX-APIKEY": KEY}, "params": {"listenKey": key}}
    with connect(f"{venue.stream_url}/ws/{key}") as stream:
        clock.go_on(timedelta(minutes=50))
        assert venue.http.put(PATH, **said).json() == {}
        clock.go_on(timedelta(minutes=50))
        venue.place()
        heard(stream, 1)
        clock.go_on(timedelta(minutes=11))
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=5)
    error = venue.http.put(PATH, **said)
    assert (error.status_code, error.json()) == (
        400,
        {"code": -1125, "msg": "This listenKey does not exist."},
    )
    assert key_of(venue) != key


def test_closing_a_key_closes_its_stream(venue: Served) -> None:
    key = key_of(venue)
    with connect(f"{venue.stream_url}/ws/{key}") as stream:
        said = {"headers": {"X-MBX-APIKEY": KEY}, "params": {"listenKey": key}}
        assert venue.http.delete(PATH, **said).json() == {}
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=5)
    assert venue.http.delete(PATH, **said).json()["code"] == -1125


def test_a_key_of_somebody_else_is_unknown(venue: Served) -> None:
    said = {"headers": {"X-MBX-APIKEY": OTHER_KEY}, "params": {"listenKey": key_of(venue)}}
    assert venue.http.put(PATH, **said).json()["code"] == -1125
    missing = venue.http.put(PATH, headers={"X-MBX-APIKEY": KEY}).json()
    assert missing["code"] == -1102


def test_a_connection_lasts_a_day(venue: Served, clock: ManualClock) -> None:
    key = key_of(venue)
    with connect(f"{venue.stream_url}/ws/{key}") as stream:
        for _ in range(24 * 2):
            clock.go_on(timedelta(minutes=30))
            venue.http.put(PATH, headers={"X-MBX-APIKEY": KEY}, params={"listenKey": key})
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=5)
    assert key_of(venue) == key


def asked(stream: ClientConnection, method: str, *parameters: object) -> object:
    document = {"method": method, "params": list(parameters), "id": 7}
    stream.send(json.dumps(document))
    answer = json.loads(stream.recv(timeout=5))
    assert answer["id"] == 7
    return answer["result"]


def test_streams_are_named_listed_and_left_while_connected(venue: Served) -> None:
    key = key_of(venue)
    with connect(f"{venue.stream_url}/ws") as stream:
        assert asked(stream, "LIST_SUBSCRIPTIONS") == []
        assert asked(stream, "SUBSCRIBE", key) is None
        assert asked(stream, "LIST_SUBSCRIPTIONS") == [key]
        venue.place()
        heard(stream, 1)
        assert asked(stream, "UNSUBSCRIBE", key) is None
        venue.place()
        assert asked(stream, "LIST_SUBSCRIPTIONS") == []


def test_a_stream_can_be_asked_to_name_its_events(venue: Served) -> None:
    with listening(venue) as stream:
        assert asked(stream, "GET_PROPERTY", "combined") is False
        assert asked(stream, "SET_PROPERTY", "combined", True) is None
        venue.place()
        assert [set(json.loads(stream.recv(timeout=5))) for _ in range(2)] == [
            {"stream", "data"}
        ] * 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 3),
        ("{", 3),
        ("[]", 2),
        ('{"id": 1}', 2),
        ('{"method": "LIST_SUBSCRIPTIONS"}', 2),
        ('{"method": "LIST_SUBSCRIPTIONS", "id": "1"}', 2),
        ('{"method": "BUY", "params": [], "id": 1}', 2),
        ('{"method": "SUBSCRIBE", "id": 1}', 2),
        ('{"method": "SUBSCRIBE", "params": [1], "id": 1}', 2),
        ('{"method": "GET_PROPERTY", "params": [], "id": 1}', 2),
        ('{"method": "GET_PROPERTY", "params": ["colour"], "id": 1}', 0),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}', 1),
    ],
)
def test_what_a_stream_does_not_understand_it_says(text: str, code: int) -> None:
    assert Subscriptions().hear(text)["code"] == code


def test_who_talks_too_much_is_cut_off(clock: ManualClock) -> None:
    with served(clock, RateLimits()) as venue, connect(f"{venue.stream_url}/ws") as stream:
        for _ in range(5):
            asked(stream, "LIST_SUBSCRIPTIONS")
        with pytest.raises(ConnectionClosed):
            asked(stream, "LIST_SUBSCRIPTIONS")
