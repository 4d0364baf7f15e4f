"""What leaves for KuCoin: byte for byte, once, and signed as the venue verifies it."""

import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.enums import Interval, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol, VenueOrderId
from shared.domain.venue import Accepted, Ambiguous, NotSent, OrderRef, OrderRequest, Refused
from tests.unit.venues import kucoin_documents as documents
from tests.unit.venues.kucoin_recorder import Recorder, Told, recording
from venues import transport
from venues.budget import LocalBudget
from venues.errors import RateLimited, VenueAway
from venues.kucoin.adapter import KuCoin
from venues.kucoin.line import SPOT
from venues.port import CancelAnswer, VenueAddress, VenueKeys, VenueName

BTC = Symbol("BTC-USDT")
CLIENT_ORDER_ID = ClientOrderId(documents.CLIENT_ORDER_ID)
ORDERS = "/api/v1/hf/orders"


@pytest.fixture
def venue():
    with recording() as recorder:
        yield recorder


def request_of(**changes) -> OrderRequest:
    now = datetime.now(UTC)
    return replace(
        OrderRequest(
            client_order_id=CLIENT_ORDER_ID,
            symbol=BTC,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            quantity=Decimal("0.00100"),
            limit_price=Decimal("7E+4"),
            signed_at=now,
            window=timedelta(seconds=5),
            send_by=time.monotonic() + 2,
        ),
        **changes,
    )


def ref_of(**changes) -> OrderRef:
    now = datetime.now(UTC)
    return replace(OrderRef(symbol=BTC, client_order_id=CLIENT_ORDER_ID, placed_at=now), **changes)


def millis(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


SIGNED_AT = datetime(2026, 11, 21, 12, 0, 0, 123_000, UTC)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, {"type": "limit", "price": "70000", "timeInForce": "IOC"}),
        (
            {"time_in_force": TimeInForce.FOK, "side": Side.SELL},
            {"type": "limit", "price": "70000", "timeInForce": "FOK", "side": "sell"},
        ),
        (
            {"time_in_force": TimeInForce.GTC},
            {"type": "limit", "price": "70000", "timeInForce": "GTC"},
        ),
        (
            {"time_in_force": TimeInForce.GTC, "is_post_only": True},
            {"type": "limit", "price": "70000", "timeInForce": "GTC", "postOnly": True},
        ),
        (
            {"time_in_force": TimeInForce.GTD, "good_until": SIGNED_AT + timedelta(seconds=90.9)},
            {"type": "limit", "price": "70000", "timeInForce": "GTT", "cancelAfter": 90},
        ),
        ({"order_type": OrderType.MARKET, "limit_price": None}, {"type": "market"}),
    ],
)
def test_an_order_leaves_with_its_own_instant_and_window(venue: Recorder, changes, fields) -> None:
    venue.tell(documents.created())
    answer = KuCoin(venue.credentials()).submit(request_of(signed_at=SIGNED_AT, **changes))
    assert answer == Accepted(venue_order_id=VenueOrderId(documents.ORDER_ID))
    sent = venue.only
    assert (sent.method, sent.target) == ("POST", ORDERS)
    assert (
        sent.json
        == {
            "symbol": "BTC-USDT",
            "side": "buy",
            "size": "0.001",
            "clientOid": documents.CLIENT_ORDER_ID,
            "clientTimestamp": millis(SIGNED_AT),
            "allowMaxTimeWindow": 5000,
        }
        | fields
    )
    assert sent.headers["kc-api-timestamp"] == str(millis(SIGNED_AT))
    assert sent.has_right_signature()
    assert "kc-api-partner" not in sent.headers


def test_the_window_of_an_order_never_outlasts_what_makes_its_absence_final(
    venue: Recorder,
) -> None:
    venue.tell(documents.created())
    kucoin = KuCoin(venue.credentials())
    kucoin.submit(request_of(window=timedelta(minutes=5)))
    assert timedelta(milliseconds=venue.only.json["allowMaxTimeWindow"]) < kucoin.finality


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order_type": OrderType.STOP_LIMIT, "stop_price": Decimal(6)}, "order_type"),
        ({"stop_price": Decimal(6)}, "order_type"),
        ({"limit_price": None}, "limit_price"),
        ({"limit_price": Decimal("NaN")}, "limit_price"),
        ({"limit_price": Decimal(0)}, "limit_price"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal("Infinity")}, "quantity"),
        ({"order_type": OrderType.MARKET}, "limit_price"),
        (
            {"order_type": OrderType.MARKET, "limit_price": None, "time_in_force": TimeInForce.FOK},
            "time_in_force",
        ),
        (
            {"order_type": OrderType.MARKET, "limit_price": None, "is_post_only": True},
            "is_post_only",
        ),
        ({"is_post_only": True}, "is_post_only"),
        ({"time_in_force": TimeInForce.GTD}, "good_until"),
        ({"time_in_force": TimeInForce.GTD, "good_until": SIGNED_AT}, "good_until"),
        (
            {"time_in_force": TimeInForce.GTD, "good_until": SIGNED_AT + timedelta(days=31)},
            "good_until",
        ),
        ({"window": timedelta()}, "window"),
        ({"symbol": Symbol("BTC/USDT")}, "symbol"),
        ({"client_order_id": ClientOrderId("id with spaces")}, "client_order_id"),
        ({"client_order_id": ClientOrderId("x" * 41)}, "client_order_id"),
        # known increments and limits
        ({"quantity": Decimal("0.000000001")}, "quantity"),
        ({"quantity": Decimal("0.000001")}, "quantity"),
        ({"quantity": Decimal(10000000001)}, "quantity"),
        ({"limit_price": Decimal("70000.05")}, "limit_price"),
        ({"limit_price": Decimal("1.1"), "quantity": Decimal("0.001")}, "notional"),
    ],
)
def test_what_the_venue_could_not_do_is_not_sent_and_names_the_field(
    venue: Recorder, changes, field
) -> None:
    venue.tell(documents.enveloped([documents.listing()]))
    kucoin = KuCoin(venue.credentials())
    kucoin.rules()
    answer = kucoin.submit(request_of(**{"signed_at": SIGNED_AT} | changes))
    assert isinstance(answer, NotSent)
    assert answer.reason.startswith(f"{field}: ")
    assert len(venue.requests) == 1


def test_a_lane_that_never_asked_knows_the_rules_another_lane_read(venue: Recorder) -> None:
    venue.tell(documents.enveloped([documents.listing()]))
    credentials = venue.credentials()
    asking, sending = KuCoin(credentials), KuCoin(credentials)
    asking.rules()
    answer = sending.submit(request_of(limit_price=Decimal("0.05")))
    assert isinstance(answer, NotSent)


@pytest.mark.parametrize(
    "told", [Told(None), Told(b"", status=200), Told(b"<html>503</html>", status=503)]
)
def test_an_order_without_a_clear_answer_is_ambiguous_and_was_sent_once(
    venue: Recorder, told: Told
) -> None:
    venue.always = told
    assert isinstance(KuCoin(venue.credentials()).submit(request_of()), Ambiguous)
    assert venue.only.method == "POST"


def test_an_answer_that_stops_in_the_middle_is_ambiguous(venue: Recorder) -> None:
    venue.always = Told(
        b'{"code":"200000","data":{"orderId":"1"}}', headers={"content-length": "9999"}
    )
    assert isinstance(KuCoin(venue.credentials()).submit(request_of()), Ambiguous)
    assert len(venue.requests) == 1


def test_a_redirect_is_not_followed(venue: Recorder) -> None:
    elsewhere = f"http://127.0.0.1:{venue.port}/elsewhere"
    venue.always = Told(b"", status=307, headers={"location": elsewhere})
    assert isinstance(KuCoin(venue.credentials()).submit(request_of()), Ambiguous)
    assert len(venue.requests) == 1


def test_silence_is_ambiguous_and_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        credentials = Recorder().credentials()
        port = silent.getsockname()[1]
        address = VenueAddress(rest=f"http://127.0.0.1:{port}", stream="")
        answer = KuCoin(replace(credentials, address=address)).submit(request_of())
        assert isinstance(answer, Ambiguous)
        silent.settimeout(0.2)
        first, _ = silent.accept()
        first.close()
        with pytest.raises(TimeoutError):
            silent.accept()


def test_a_refused_connection_is_not_sent_even_after_one_that_was(venue: Recorder) -> None:
    venue.tell(documents.created())
    kucoin = KuCoin(venue.credentials())
    assert isinstance(kucoin.submit(request_of()), Accepted)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    kucoin._line.client.url = f"http://127.0.0.1:{closed}"
    assert isinstance(kucoin.submit(request_of()), NotSent)


def test_an_order_that_fails_before_it_leaves_is_not_sent_even_after_one_that_was(
    venue: Recorder,
) -> None:
    venue.tell(documents.created())
    kucoin = KuCoin(venue.credentials())
    assert isinstance(kucoin.submit(request_of()), Accepted)
    kucoin._line.client._keys = VenueKeys(key="no\nheader")
    assert isinstance(kucoin.submit(request_of()), NotSent)
    assert len(venue.requests) == 1


def test_an_order_that_was_held_up_does_not_leave(venue: Recorder) -> None:
    answer = KuCoin(venue.credentials()).submit(request_of(send_by=time.monotonic() - 1))
    assert isinstance(answer, NotSent)
    assert not venue.requests


def test_an_order_beyond_the_budget_does_not_leave(venue: Recorder) -> None:
    budget = LocalBudget(venue=VenueName.KUCOIN)
    budget.learn(SPOT, SPOT.units)
    kucoin = KuCoin(venue.credentials(budget))
    assert isinstance(kucoin.submit(request_of()), NotSent)
    with pytest.raises(RateLimited):
        kucoin.open_orders()
    assert not venue.requests


def test_cancels_have_a_reserve(venue: Recorder) -> None:
    budget = LocalBudget(venue=VenueName.KUCOIN, seconds_now=lambda: 0.0)
    budget.learn(SPOT, int(SPOT.units * 0.95))
    venue.tell(documents.enveloped({"clientOid": documents.CLIENT_ORDER_ID}))
    assert KuCoin(venue.credentials(budget)).cancel(ref_of()) is CancelAnswer.REQUESTED


def test_a_cancel_goes_by_our_id_and_by_theirs_where_ours_is_empty(venue: Recorder) -> None:
    venue.always = Told(documents.enveloped({"orderId": "1"}))
    kucoin = KuCoin(venue.credentials())
    kucoin.cancel(ref_of())
    kucoin.cancel(ref_of(client_order_id=ClientOrderId(""), venue_order_id=VenueOrderId("abc")))
    assert [(one.method, one.target) for one in venue.requests] == [
        ("DELETE", f"{ORDERS}/client-order/{CLIENT_ORDER_ID}?symbol=BTC-USDT"),
        ("DELETE", f"{ORDERS}/abc?symbol=BTC-USDT"),
    ]
    assert all(one.has_right_signature() for one in venue.requests)


def test_the_dead_man_is_armed_within_the_venues_bounds(venue: Recorder) -> None:
    venue.always = Told(documents.enveloped({"currentTime": 1, "triggerTime": 2}))
    kucoin = KuCoin(venue.credentials())
    assert kucoin.arm_dead_man(60, [BTC, Symbol("ETH-USDT")])
    kucoin.arm_dead_man(1, ())
    kucoin.arm_dead_man(0, ())
    kucoin.arm_dead_man(10, [Symbol(f"A{n}-USDT") for n in range(51)])
    assert {one.path for one in venue.requests} == {f"{ORDERS}/dead-cancel-all"}
    assert [one.json for one in venue.requests] == [
        {"timeout": 60, "symbols": "BTC-USDT,ETH-USDT"},
        {"timeout": 5},
        {"timeout": -1},
        {"timeout": 10},
    ]


@pytest.mark.parametrize(
    ("ask", "data", "target"),
    [
        (lambda k: k.server_time(), documents.PLACED_MS, "/api/v1/timestamp"),
        (lambda k: k.rules(), [documents.listing()], "/api/v2/symbols"),
        (
            lambda k: k.top_of_book(BTC),
            documents.ticker(),
            "/api/v1/market/orderbook/level1?symbol=BTC-USDT",
        ),
        (lambda k: k.balances(), documents.accounts(), "/api/v1/accounts?type=trade"),
        (lambda k: k.fee_rates(BTC), documents.fees(), "/api/v1/trade-fees?symbols=BTC-USDT"),
        (lambda k: k.key_permissions(), documents.api_key(), "/api/v1/user/api-key"),
        (
            lambda k: k.find_order(ref_of()),
            documents.order(),
            f"{ORDERS}/client-order/{CLIENT_ORDER_ID}?symbol=BTC-USDT",
        ),
        (lambda k: k.open_orders(), {"symbols": []}, f"{ORDERS}/active/symbols"),
    ],
)
def test_questions_leave_signed_where_they_are_private(venue: Recorder, ask, data, target) -> None:
    venue.tell(documents.enveloped(data))
    ask(KuCoin(venue.credentials()))
    sent = venue.only
    assert (sent.method, sent.target, sent.body) == ("GET", target, b"")
    is_public = "/market/" in target or target in ("/api/v1/timestamp", "/api/v2/symbols")
    assert sent.is_signed != is_public
    assert is_public or sent.has_right_signature()


def test_questions_are_dated_by_the_venues_clock(venue: Recorder) -> None:
    venue.tell(documents.enveloped(documents.accounts()))
    kucoin = KuCoin(venue.credentials())
    kucoin.set_offset(timedelta(hours=1))
    before = datetime.now(UTC) + timedelta(hours=1)
    kucoin.balances()
    stamp = int(venue.only.headers["kc-api-timestamp"])
    assert millis(before) - 1 <= stamp <= millis(before) + 2000


def test_open_orders_are_asked_for_symbol_by_symbol(venue: Recorder) -> None:
    venue.tell(
        documents.enveloped({"symbols": ["BTC-USDT", "ETH-USDT"]}),
        documents.enveloped([documents.order()]),
        documents.enveloped([documents.order(id="2", symbol="ETH-USDT", clientOid="")]),
    )
    found = KuCoin(venue.credentials()).open_orders()
    assert [(one.venue_order_id, one.client_order_id) for one in found] == [
        (documents.ORDER_ID, CLIENT_ORDER_ID),
        ("2", None),
    ]
    assert [one.target for one in venue.requests[1:]] == [
        f"{ORDERS}/active?symbol=BTC-USDT",
        f"{ORDERS}/active?symbol=ETH-USDT",
    ]


def test_recent_orders_come_from_the_lists_and_end_as_they_ended(venue: Recorder) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(days=8)
    young, old = millis(now - timedelta(days=1)), millis(now - timedelta(days=9))
    full = [documents.order(id=f"d{n}", createdAt=young, active=False) for n in range(100)]
    venue.tell(
        documents.enveloped(
            [documents.order(createdAt=young), documents.order(id="old", createdAt=old)]
        ),
        documents.enveloped(documents.paged()),
        documents.enveloped(documents.paged(*full, last=77)),
        documents.enveloped(
            documents.paged(documents.order(createdAt=young, active=False), last=5)
        ),
    )
    found = KuCoin(venue.credentials()).recent_orders(BTC, since)
    assert len(found) == 101
    assert {one.status for one in found} == {"canceled"}
    assert [one.path for one in venue.requests] == [f"{ORDERS}/active"] + [f"{ORDERS}/done"] * 3
    done = [one.query for one in venue.requests[1:]]
    week = 7 * 24 * 3600 * 1000
    assert all(int(one["endAt"]) - int(one["startAt"]) <= week for one in done)
    assert int(done[0]["startAt"]) <= millis(since)
    assert int(done[1]["startAt"]) < int(done[0]["endAt"])
    assert int(done[-1]["endAt"]) >= millis(now)
    assert [one.get("lastId") for one in done] == [None, None, "77"]


def test_fills_of_an_order_are_asked_for_by_the_venues_id(venue: Recorder) -> None:
    now = datetime.now(UTC)
    at = millis(now - timedelta(minutes=1))
    rows = [documents.fill(id=2, createdAt=at), documents.fill(id=1, createdAt=at - 5)]
    venue.tell(
        documents.enveloped(documents.order(createdAt=at)),
        documents.enveloped(documents.paged(*rows, last=1)),
    )
    found = KuCoin(venue.credentials()).fills(BTC, now - timedelta(hours=1), ref_of())
    assert [one.trade_id for one in found] == ["1", "2"]
    assert {one.client_order_id for one in found} == {CLIENT_ORDER_ID}
    asked = venue.requests[1]
    assert asked.path == "/api/v1/hf/fills"
    assert asked.query["orderId"] == documents.ORDER_ID
    assert asked.has_right_signature()


def test_an_order_the_venue_does_not_know_has_no_fills(venue: Recorder) -> None:
    venue.tell(documents.refused("400100", "order not exist."))
    assert KuCoin(venue.credentials()).fills(BTC, datetime.now(UTC), ref_of()) == ()
    assert len(venue.requests) == 1


def test_an_absence_counts_only_while_the_venue_remembers(venue: Recorder) -> None:
    venue.always = Told(documents.refused("400100", "order not exist."))
    kucoin = KuCoin(venue.credentials())
    assert kucoin.find_order(ref_of()) is None
    with pytest.raises(VenueAway):
        kucoin.find_order(ref_of(placed_at=datetime.now(UTC) - timedelta(days=4)))


def test_another_order_than_the_one_asked_for_is_no_answer(venue: Recorder) -> None:
    venue.tell(documents.enveloped(documents.order(clientOid="another")))
    with pytest.raises(VenueAway):
        KuCoin(venue.credentials()).find_order(ref_of())


def test_candles_are_closed_ascending_and_paged(venue: Recorder) -> None:
    start = datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC)
    first = datetime(2024, 1, 1, 0, 1, tzinfo=UTC)

    def row(opened: datetime) -> list[str]:
        return [str(int(opened.timestamp())), "10", "11", "12", "9", "1.5", "15"]

    venue.tell(
        documents.enveloped([row(first + timedelta(minutes=n)) for n in range(1500, -2, -1)]),
        documents.enveloped([row(first + timedelta(minutes=1500))]),
    )
    found = KuCoin(venue.credentials()).candles(
        BTC, Interval.M1, start, first + timedelta(minutes=1501)
    )
    assert len(found) == 1501
    assert found[0].open_at == first
    assert found == sorted(found, key=lambda one: one.open_at)
    assert found[0].closed_at == first + timedelta(minutes=1)
    assert [one.query["type"] for one in venue.requests] == ["1min", "1min"]
    seconds = int(first.timestamp())
    assert [(int(one.query["startAt"]), int(one.query["endAt"])) for one in venue.requests] == [
        (seconds, seconds + 1500 * 60 - 1),
        (seconds + 1500 * 60, seconds + 1501 * 60 - 1),
    ]


def test_a_candle_that_has_just_closed_is_asked_for(venue: Recorder) -> None:
    opened = datetime(2024, 1, 1, 0, 1, tzinfo=UTC)
    venue.tell(documents.enveloped([]))
    kucoin = KuCoin(venue.credentials())
    kucoin.candles(BTC, Interval.M1, opened, opened + timedelta.resolution)
    seconds = str(int(opened.timestamp()))
    assert (venue.only.query["startAt"], venue.only.query["endAt"]) == (seconds, seconds)


def test_a_candle_that_is_still_open_is_left_out(venue: Recorder) -> None:
    now = datetime.now(UTC)
    opened = int(now.timestamp()) // 3600 * 3600
    rows = [[str(at), "10", "11", "12", "9", "1", "10"] for at in (opened, opened - 3600)]
    venue.tell(documents.enveloped(rows))
    found = KuCoin(venue.credentials()).candles(BTC, Interval.H1, now - timedelta(hours=2), now)
    assert [
        int(one.open_at.timestamp()) for one in found if one.open_at.timestamp() >= opened
    ] == []


def test_no_candles_lie_in_the_future(venue: Recorder) -> None:
    now = datetime.now(UTC)
    kucoin = KuCoin(venue.credentials())
    assert kucoin.candles(BTC, Interval.D1, now, now + timedelta(days=3)) == []
    assert not venue.requests


def test_the_limits_are_learned_and_a_429_stops_everything(venue: Recorder) -> None:
    headers = {"gw-ratelimit-limit": "8000", "gw-ratelimit-remaining": "6000"}
    venue.tell(
        Told(documents.enveloped(documents.order()), headers=headers),
        Told(documents.refused("429000"), 429, {"gw-ratelimit-reset": "7000"}),
    )
    budget = LocalBudget(venue=VenueName.KUCOIN, seconds_now=lambda: 0.0)
    kucoin = KuCoin(venue.credentials(budget))
    kucoin.find_order(ref_of())
    assert kucoin.rate_use().used_ratio == pytest.approx(0.25)
    with pytest.raises(RateLimited) as limited:
        kucoin.find_order(ref_of())
    assert limited.value.retry_after_seconds == pytest.approx(7)
    assert kucoin.rate_use().used_ratio == 1
    assert kucoin.rate_use().held_until is not None
    assert isinstance(kucoin.submit(request_of()), NotSent)
    assert len(venue.requests) == 2


def test_a_429_to_an_order_refuses_it_and_holds_the_next_one(venue: Recorder) -> None:
    venue.tell(Told(documents.refused("429000"), 429, {"retry-after": "3"}))
    kucoin = KuCoin(venue.credentials())
    assert kucoin.submit(request_of()) == Refused(reason="429000 no", code="429000")
    assert isinstance(kucoin.submit(request_of()), NotSent)


def test_nothing_of_the_environment_is_believed(
    venue: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    venue.tell(documents.created())
    assert isinstance(KuCoin(venue.credentials()).submit(request_of()), Accepted)
