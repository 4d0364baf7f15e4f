"""Coinbase's WebSocket: what a client hears, after which subscription, with which token."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from simulator.wire.coinbase import stream
from simulator.wire.port import RateLimits
from tests.unit.simulator.coinbase_served import BTC, ETH, TRADER, Served, limit, served, token


@pytest.fixture
def venue() -> Iterator[Served]:
    with served() as place:
        yield place


@contextmanager
def listening(venue: Served) -> Iterator[ClientConnection]:
    with connect(f"ws://{venue.host}/", open_timeout=5, close_timeout=1) as socket:
        yield socket


def subscribe(venue: Served, socket: ClientConnection, channel: str, **more: Any) -> None:
    signed = token(TRADER, None, venue.exchange.now()) if channel == "user" else None
    message = {"type": "subscribe", "channel": channel, "jwt": signed, **more}
    socket.send(json.dumps({name: value for name, value in message.items() if value is not None}))


def heard(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=5))


def heard_order(socket: ClientConnection) -> Any:
    message = heard(socket)
    assert message["channel"] == "user"
    (event,) = message["events"]
    assert event["type"] == "update"
    (order,) = event["orders"]
    return order


def test_a_subscriber_is_told_its_open_orders_and_then_every_change(venue: Served):
    venue.order("before", limit())
    with listening(venue) as socket:
        subscribe(venue, socket, "user")
        told = heard(socket)
        assert (told["channel"], told["sequence_num"]) == ("subscriptions", 0)
        assert list(told["events"][0]["subscriptions"]) == ["user"]
        snapshot = heard(socket)
        assert (snapshot["events"][0]["type"], snapshot["sequence_num"]) == ("snapshot", 1)
        assert [one["client_order_id"] for one in snapshot["events"][0]["orders"]] == ["before"]
        placed = venue.order("after", limit(size="0.02"))["success_response"]["order_id"]
        order = heard_order(socket)
        assert (order["client_order_id"], order["status"]) == ("after", "OPEN")
        assert (order["cumulative_quantity"], order["leaves_quantity"]) == ("0", "0.02")
        venue.post("/orders/batch_cancel", {"order_ids": [placed]})
        order = heard_order(socket)
        assert (order["order_id"], order["status"]) == (placed, "CANCELLED")
        assert order["leaves_quantity"] == "0"


def test_fills_are_told_as_sums_of_the_order(venue: Served):
    with listening(venue) as socket:
        subscribe(venue, socket, "user")
        heard(socket), heard(socket)
        venue.order("one", {"sor_limit_ioc": {"base_size": "1.5", "limit_price": "51000"}})
        orders = [heard_order(socket)]
        while orders[-1]["status"] == "OPEN":
            orders.append(heard_order(socket))
        assert orders[-1]["completion_percentage"] == "100.00"
        sizes = [Decimal(one["cumulative_quantity"]) for one in orders]
        assert sizes == sorted(sizes)
        assert sizes[-1] == Decimal("1.5")


def test_only_the_products_asked_for_are_told(venue: Served):
    with listening(venue) as socket:
        subscribe(venue, socket, "user", product_ids=[ETH])
        heard(socket), heard(socket)
        venue.order("btc", limit())
        venue.order("eth", limit(), product_id=ETH)
        assert heard_order(socket)["client_order_id"] == "eth"


def test_a_snapshot_of_many_orders_comes_in_parts(venue: Served):
    for number in range(60):
        venue.order(f"order-{number}", limit(size="0.0001"))
    with listening(venue) as socket:
        subscribe(venue, socket, "user")
        heard(socket)
        assert [len(heard(socket)["events"][0]["orders"]) for _ in range(2)] == [50, 10]


def test_without_a_good_token_the_private_channel_stays_silent(venue: Served):
    with listening(venue) as socket:
        used = token(TRADER, None, venue.exchange.now(), nonce="used")
        for jwt in (None, "nonsense", used, used):
            subscribe(venue, socket, "user", jwt=jwt)
        failure = {"type": "error", "message": "authentication failure"}
        assert [heard(socket), heard(socket)] == [failure, failure]
        assert [heard(socket)["channel"], heard(socket)["channel"]] == ["subscriptions", "user"]
        assert heard(socket) == failure


def test_an_unknown_channel_is_told_as_a_failure_of_authentication(venue: Served):
    with listening(venue) as socket:
        socket.send(json.dumps({"type": "subscribe", "channel": "nothing"}))
        assert heard(socket)["message"] == "authentication failure"
        socket.send("no json")
        assert heard(socket)["message"] == "authentication failure"


def test_heartbeats_come_every_second_and_every_message_is_numbered(venue: Served):
    with listening(venue) as socket:
        subscribe(venue, socket, "heartbeats")
        messages = [heard(socket) for _ in range(3)]
        assert [one["sequence_num"] for one in messages] == [0, 1, 2]
        counters = [one["events"][0]["heartbeat_counter"] for one in messages[1:]]
        assert counters[1] == counters[0] + 1


def test_who_unsubscribes_hears_no_more(venue: Served):
    with listening(venue) as socket:
        subscribe(venue, socket, "user")
        heard(socket), heard(socket)
        socket.send(json.dumps({"type": "unsubscribe", "channel": "user"}))
        assert heard(socket)["events"] == [{"subscriptions": {}}]
        venue.order("unheard", limit())
        subscribe(venue, socket, "status")
        assert heard(socket)["channel"] == "subscriptions"


def test_who_does_not_subscribe_in_time_is_let_go(venue: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "SUBSCRIBE_WITHIN_SECONDS", 0.1)
    with listening(venue) as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=5)


def test_a_silent_connection_is_closed(venue: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "IDLE_SECONDS", 0.1)
    with listening(venue) as socket:
        subscribe(venue, socket, "user")
        heard(socket), heard(socket)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)


def test_too_many_connections_in_a_second_are_refused():
    with served(limits=RateLimits(scale=0.125)) as venue:
        with listening(venue):
            pass
        with pytest.raises(InvalidStatus, match="429"):
            connect(f"ws://{venue.host}/")


@pytest.mark.parametrize(
    ("channel", "told_as", "content"),
    [
        ("ticker", "ticker", "tickers"),
        ("ticker_batch", "ticker_batch", "tickers"),
        ("level2", "l2_data", "updates"),
        ("candles", "candles", "candles"),
        ("status", "status", "products"),
    ],
)
def test_public_channels_need_no_token(venue: Served, channel: str, told_as: str, content: str):
    with listening(venue) as socket:
        subscribe(venue, socket, channel, product_ids=[BTC])
        assert heard(socket)["events"][0] == {"subscriptions": {channel: [BTC]}}
        message = heard(socket)
        assert message["channel"] == told_as
        (event,) = message["events"]
        assert event["type"] == "snapshot"
        assert event[content]


def test_a_book_is_told_by_its_changes(venue: Served):
    with listening(venue) as socket:
        subscribe(venue, socket, "level2", product_ids=[BTC])
        heard(socket)
        book = {one["price_level"]: one for one in heard(socket)["events"][0]["updates"]}
        venue.exchange.set_price(BTC, Decimal(51_000), Decimal(1))
        changes = {one["price_level"]: one for one in heard(socket)["events"][0]["updates"]}
        gone = book.keys() - {one for one in changes if changes[one]["new_quantity"] != "0"}
        assert gone
        assert all(changes[price]["new_quantity"] == "0" for price in gone)
        assert {one["side"] for one in changes.values()} == {"bid", "offer"}
