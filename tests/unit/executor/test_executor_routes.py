"""The executor over HTTP."""

from decimal import Decimal

import pytest

from executor.tables import fills, orders
from shared.domain.enums import OrderStatus, Side, TradingState
from shared.domain.ids import Symbol
from tests.unit.executor.executor_builders import approval, candle
from tests.unit.executor.executor_room import Room

D = Decimal
KEY = {"Idempotency-Key": "wish-0001"}
ETH = Symbol("ETH-USDT")
NOBODY = "f1036c1b-746c-8063-894d-12450317dafa"


@pytest.fixture
def room(sqlite_engine):
    return Room(sqlite_engine)


def holding(room):
    room.approve(approval(), approval(symbol=ETH))
    room.close(1, candle(1), candle(1, symbol=ETH))
    return room


def test_orders_come_newest_first_page_by_page(room):
    for hour in range(3):
        room.approve(approval(hour=2 * hour))
        room.close(2 * hour + 1)
        room.approve(approval(Side.SELL, 2 * hour + 1))
        room.close(2 * hour + 2)
    seen, cursor = [], None
    while True:
        page = room.ask("GET", f"/orders?limit=4{'' if cursor is None else f'&cursor={cursor}'}")
        assert page.status_code == 200
        seen += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert len({one["client_order_id"] for one in seen}) == len(seen) == len(room.rows(orders))
    assert [one["decided_at"] for one in seen] == sorted(
        (one["decided_at"] for one in seen), reverse=True
    )


def test_one_order_shows_its_events_and_fills(room):
    holding(room)
    listed = room.ask("GET", "/orders?symbol=BTC-USDT&status=filled", "read").json()["items"]
    shown = room.ask("GET", f"/orders/{listed[0]['client_order_id']}", "read").json()
    assert [one["kind"] for one in shown["events"]] == ["claimed", "accepted", "filled"]
    assert [one["price"] for one in shown["fills"]] == ["100.05"]
    assert shown["bracket"]["stop_ratio"] == 0.02
    assert shown["open_quantity"] == "1"
    assert shown["anchor_price"] == "100"


def test_fills_come_page_by_page(room):
    holding(room)
    first = room.ask("GET", "/fills?limit=1").json()
    second = room.ask("GET", f"/fills?limit=1&cursor={first['next_cursor']}").json()
    assert second["next_cursor"] is None
    assert {first["items"][0]["symbol"], second["items"][0]["symbol"]} == {"BTC-USDT", "ETH-USDT"}


def test_an_open_order_is_canceled_once(room):
    room.approve(approval())
    identity = room.rows(orders)[0].client_order_id
    canceled = room.ask("POST", f"/orders/{identity}/cancel", "trade")
    assert canceled.status_code == 200
    assert canceled.json()["status"] == OrderStatus.CANCELED
    assert room.topics()[-1] == "order.canceled"
    again = room.ask("POST", f"/orders/{identity}/cancel", "trade")
    assert (again.status_code, again.json()["reason"]) == (409, "conflict")
    room.close(1)
    assert room.rows(fills) == []


def test_the_exit_of_a_touched_bracket_cannot_be_canceled(room):
    room.approve(approval())
    room.close(1)
    room.close(2, candle(2, 100, low=90, volume=4))
    exit_ = next(row for row in room.rows(orders) if row.parent is not None)
    refused = room.ask("POST", f"/orders/{exit_.client_order_id}/cancel", "trade")
    assert (refused.status_code, refused.json()["reason"]) == (403, "refused")


def test_a_forced_exit_leaves_at_the_next_open_and_asking_twice_is_asking_once(room):
    holding(room)
    asked = [room.ask("POST", "/forceexit", "trade", {"symbol": "BTC-USDT"}, KEY) for _ in range(2)]
    assert [one.status_code for one in asked] == [202, 202]
    assert asked[0].json() == asked[1].json()
    room.settle()
    room.close(2, candle(2, 99), candle(2, symbol=ETH))
    sold = [row for row in room.rows(fills) if row.side == Side.SELL]
    assert [(row.symbol, row.quantity, row.reference_price) for row in sold] == [
        ("BTC-USDT", D(1), D(99))
    ]
    last = room.heard("order.filled")[-1].event.order
    assert last.exit_reason == "manual"
    room.ask("POST", "/forceexit", "trade", {"symbol": "BTC-USDT"}, KEY)
    assert len(room.rows(orders)) == 3


def test_all_positions_can_be_left_even_while_reducing(room):
    holding(room)
    room.set_state(TradingState.REDUCE)
    asked = room.ask("POST", "/forceexit", "trade", {"all": True}, KEY)
    assert len(asked.json()["client_order_ids"]) == 2
    room.settle()
    room.close(2, candle(2), candle(2, symbol=ETH))
    assert not any(row.is_held for row in room.rows(orders))


def test_a_key_used_for_another_wish_is_refused(room):
    holding(room)
    room.ask("POST", "/forceexit", "trade", {"symbol": "BTC-USDT"}, KEY)
    other = room.ask("POST", "/forceexit", "trade", {"symbol": "ETH-USDT"}, KEY)
    assert (other.status_code, other.json()["reason"]) == (422, "idempotency_conflict")


def test_what_is_leaving_already_is_not_sold_again(room):
    holding(room)
    room.ask("POST", "/forceexit", "trade", {"symbol": "BTC-USDT"}, KEY)
    second = {"Idempotency-Key": "wish-0002"}
    again = room.ask("POST", "/forceexit", "trade", {"symbol": "BTC-USDT"}, second)
    assert again.status_code == 404


def test_halt_stops_forced_exits_too(room):
    holding(room)
    room.set_state(TradingState.HALT)
    asked = room.ask("POST", "/forceexit", "trade", {"all": True}, KEY)
    assert (asked.status_code, asked.json()["reason"]) == (403, "refused")


def test_the_venue_says_its_rules(room):
    (venue,) = room.ask("GET", "/venues", "read").json()
    assert venue["kind"] == "simulated"
    assert venue["fee_ratio"] == "0.001"
    assert [one["symbol"] for one in venue["instruments"]] == ["BTC-USDT", "ETH-USDT"]


def test_reconciling_names_each_difference(room):
    holding(room)
    assert room.ask("POST", "/reconcile").json()["agrees"] is True
    assert room.ask("GET", "/health/ready").status_code == 200
    with room.engine.begin() as connection:
        connection.execute(fills.delete().where(fills.c.symbol == "ETH-USDT"))
    found = room.ask("POST", "/reconcile").json()
    assert {one["kind"] for one in found["differences"]} == {"trade_not_at_venue", "balance"}
    assert 'kind="balance"' in room.ask("GET", "/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "scope", "json", "status"),
    [
        ("GET", "/orders", None, None, 401),
        ("POST", "/forceexit", "read", {"all": True}, 403),
        ("POST", "/reconcile", "trade", None, 403),
        ("POST", f"/orders/{NOBODY}/cancel", "read", None, 403),
        ("POST", f"/orders/{NOBODY}/cancel", "trade", None, 404),
        ("GET", f"/orders/{NOBODY}", "read", None, 404),
        ("GET", "/orders?status=happy", "read", None, 422),
        ("GET", "/orders?symbol=NO-PE", "read", None, 422),
        ("GET", "/orders?cursor=nonsense", "read", None, 422),
        ("GET", "/orders?cursor=WzEsMl0", "read", None, 422),
        ("GET", "/orders?limit=0", "read", None, 422),
        ("GET", "/fills?limit=1001", "read", None, 422),
        ("POST", "/forceexit", "trade", {}, 422),
        ("POST", "/forceexit", "trade", {"all": True, "symbol": "BTC-USDT"}, 422),
        ("POST", "/forceexit", "trade", {"symbol": "NO-PE"}, 422),
        ("POST", "/forceexit", "trade", {"all": True, "now": True}, 422),
        ("POST", "/forceexit", "trade", {"all": True}, 404),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(room, method, path, scope, json, status):
    answer = room.ask(method, path, scope, json, KEY)
    assert answer.status_code == status
    assert answer.json()["reason"]


def test_a_forced_exit_without_a_key_of_its_own_is_refused(room):
    answer = room.ask("POST", "/forceexit", "trade", {"all": True})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.text
