"""The requests of the Binance.US adapter as they leave, through the owner's package."""

import hmac
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from urllib.parse import parse_qsl

import pytest

from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol, VenueOrderId
from shared.domain.venue import Accepted, Ambiguous, NotSent, OrderRef, OrderRequest, Refused
from tests.conftest import spare_port
from tests.unit.venues import binance_us_documents as documents
from tests.unit.venues.recording import Asked, Says, recording
from venues import transport
from venues.binance_us.adapter import BinanceUs
from venues.binance_us.limits import ORDERS, WEIGHT
from venues.budget import LocalBudget
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway
from venues.opening import Credentials
from venues.port import CancelAnswer, SpotVenue, VenueAddress, VenueKeys, VenueName

KEYS = VenueKeys(key="the-key", secret="the-secret")
BTC = Symbol("BTC-USDT")
SIGNED_AT = datetime(2023, 11, 14, 22, 13, 20, 123_999, tzinfo=UTC)
SIGNED_MS = 1700000000123
SINCE = datetime(2023, 11, 14, 22, 0, tzinfo=UTC)
REFERENCE = OrderRef(symbol=BTC, client_order_id=ClientOrderId(documents.OURS), placed_at=SIGNED_AT)


def budget():
    return LocalBudget(venue=VenueName.BINANCE_US)


def adapter(url: str, keys=KEYS, units=None) -> BinanceUs:
    address = VenueAddress(rest=url, stream="ws://127.0.0.1:9")
    return BinanceUs(Credentials(keys=keys, address=address, budget=units or budget()))


def order(**fields) -> OrderRequest:
    request = OrderRequest(
        client_order_id=ClientOrderId(documents.OURS),
        symbol=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=Decimal("0.00200000"),
        limit_price=Decimal("3.7E4"),
        signed_at=SIGNED_AT,
        window=timedelta(seconds=3),
        send_by=time.monotonic() + 5,
    )
    return replace(request, **fields)


def verified(asked: Asked) -> dict[str, str]:
    """Return the parameters after checking the signature over them exactly as they came."""
    sent = asked.query + asked.body
    signed, _, signature = sent.rpartition("&signature=")
    expected = hmac.new(b"the-secret", signed.encode(), sha256).hexdigest()
    assert hmac.compare_digest(signature, expected)
    assert asked.headers["x-mbx-apikey"] == "the-key"
    pairs = parse_qsl(signed, strict_parsing=True)
    assert pairs == sorted(pairs)
    return dict(pairs)


COMMON = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "quantity": "0.002",
    "newClientOrderId": documents.OURS,
    "newOrderRespType": "FULL",
    "timestamp": str(SIGNED_MS),
    "recvWindow": "3000",
}
KINDS = {
    "limit IOC": ({}, {"type": "LIMIT", "timeInForce": "IOC", "price": "37000"}),
    "limit FOK": (
        {"time_in_force": TimeInForce.FOK},
        {"type": "LIMIT", "timeInForce": "FOK", "price": "37000"},
    ),
    "limit GTC": (
        {"time_in_force": TimeInForce.GTC},
        {"type": "LIMIT", "timeInForce": "GTC", "price": "37000"},
    ),
    "post only": (
        {"time_in_force": TimeInForce.GTC, "is_post_only": True},
        {"type": "LIMIT_MAKER", "price": "37000"},
    ),
    "market": ({"order_type": OrderType.MARKET, "limit_price": None}, {"type": "MARKET"}),
    "stop limit": (
        {
            "order_type": OrderType.STOP_LIMIT,
            "time_in_force": TimeInForce.GTC,
            "side": Side.SELL,
            "stop_price": Decimal("37500.10"),
        },
        {
            "type": "STOP_LOSS_LIMIT",
            "timeInForce": "GTC",
            "price": "37000",
            "stopPrice": "37500.1",
            "side": "SELL",
        },
    ),
}


@pytest.mark.parametrize(("fields", "sent"), KINDS.values(), ids=KINDS)
def test_an_order_leaves_once_signed_with_its_claims_instant(fields, sent):
    with recording(Says(documents.PLACED)) as venue:
        answer = adapter(venue.url).submit(order(**fields))
    (asked,) = venue.asked
    assert (asked.method, asked.target) == ("POST", "/api/v3/order")
    assert verified(asked) == COMMON | sent
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert isinstance(answer, Accepted)


def test_the_adapter_is_a_venue():
    venue: SpotVenue = adapter("http://127.0.0.1:9")
    assert venue.name is VenueName.BINANCE_US
    assert venue.finality == timedelta(seconds=30)
    assert venue.arm_dead_man(30, [BTC]) is False


def test_the_offset_dates_questions_and_never_orders():
    with recording(Says(documents.PLACED), Says(documents.ACCOUNT)) as venue:
        asking = adapter(venue.url)
        asking.set_offset(timedelta(hours=1))
        asking.submit(order())
        asking.balances()
    submitted, asked = map(verified, venue.asked)
    assert submitted["timestamp"] == str(SIGNED_MS)
    ahead = int(asked["timestamp"]) / 1000 - time.time()
    assert 3590 < ahead < 3610
    assert asked["recvWindow"] == "5000"


REFUSED_HERE = {
    "an id the venue does not take": ({"client_order_id": "a b"}, "client_order_id"),
    "no id": ({"client_order_id": ""}, "client_order_id"),
    "an id that is too long": ({"client_order_id": "x" * 37}, "client_order_id"),
    "an instrument that is none": ({"symbol": "BTCUSDT"}, "symbol"),
    "good till an instant": (
        {"time_in_force": TimeInForce.GTD, "good_until": SIGNED_AT},
        "time_in_force",
    ),
    "an end that nobody keeps": ({"good_until": SIGNED_AT}, "time_in_force"),
    "post only at once": ({"is_post_only": True}, "is_post_only"),
    "a market order with a limit": ({"order_type": OrderType.MARKET}, "limit_price"),
    "a limit order without one": ({"limit_price": None}, "limit_price"),
    "a stop without its price": ({"order_type": OrderType.STOP_LIMIT}, "stop_price"),
    "a stop price of a limit order": ({"stop_price": Decimal(1)}, "stop_price"),
    "nothing": ({"quantity": Decimal(0)}, "quantity"),
    "no number": ({"quantity": Decimal("NaN")}, "quantity"),
    "an endless price": ({"limit_price": Decimal("Infinity")}, "limit_price"),
    "a price below zero": ({"limit_price": Decimal(-1)}, "limit_price"),
    "a window longer than the finality allows": ({"window": timedelta(seconds=21)}, "window"),
    "no window": ({"window": timedelta(0)}, "window"),
}


@pytest.mark.parametrize(("fields", "named"), REFUSED_HERE.values(), ids=REFUSED_HERE)
def test_what_cannot_be_an_order_here_is_not_sent(fields, named):
    with recording(Says(documents.PLACED)) as venue:
        answer = adapter(venue.url).submit(order(**fields))
    assert isinstance(answer, NotSent)
    assert answer.reason.startswith(named)
    assert venue.asked == []


BREACHES = {
    "price": (
        {"limit_price": Decimal("37000.001")},
        "limit_price: 37000.001 is no multiple of 0.01",
    ),
    "quantity": (
        {"quantity": Decimal("0.0020001")},
        "quantity: 0.0020001 is no multiple of 0.00001",
    ),
    "stop price": (
        {
            "order_type": OrderType.STOP_LIMIT,
            "time_in_force": TimeInForce.GTC,
            "stop_price": Decimal("1.001"),
        },
        "stop_price: 1.001 is no multiple of 0.01",
    ),
    "too little": ({"quantity": Decimal("0.00001")}, "quantity: a notional of 0.37 is too small"),
    "too much": ({"quantity": Decimal(9001)}, "quantity: 9001 is above 9000"),
    "too much money": (
        {"quantity": Decimal(8000)},
        "quantity: a notional of 296000000 is too large",
    ),
}


@pytest.mark.parametrize(("fields", "reason"), BREACHES.values(), ids=BREACHES)
def test_what_breaks_a_known_rule_is_not_sent(fields, reason):
    with recording(Says(documents.EXCHANGE), Says(documents.PLACED)) as venue:
        address = VenueAddress(rest=venue.url, stream="")
        credentials = Credentials(keys=KEYS, address=address, budget=budget())
        BinanceUs(credentials).rules()
        answer = BinanceUs(credentials).submit(order(**fields))  # another lane's adapter knows them
    assert answer == NotSent(reason=reason)
    assert [asked.path for asked in venue.asked] == ["/api/v3/exchangeInfo"]


def test_an_order_type_that_is_not_listed_is_not_sent():
    listed = documents.changed(documents.LISTED, orderTypes=["LIMIT"])
    with recording(Says({"symbols": [listed]})) as venue:
        asking = adapter(venue.url)
        asking.rules()
        answer = asking.submit(order(order_type=OrderType.MARKET, limit_price=None))
    assert answer == NotSent(reason="order_type: BTC-USDT takes no market orders")


def test_without_a_key_nothing_is_sent_and_public_questions_are_answered():
    with recording(Says(documents.BOOK)) as venue:
        asking = adapter(venue.url, keys=VenueKeys())
        assert isinstance(asking.submit(order()), NotSent)
        with pytest.raises(KeyRefused):
            asking.balances()
        assert venue.asked == []
        assert asking.top_of_book(BTC).bid == Decimal("36999.99")
    assert "x-mbx-apikey" not in venue.asked[0].headers


def test_nothing_leaves_after_the_time_to_send():
    with recording(Says(documents.PLACED)) as venue:
        answer = adapter(venue.url).submit(order(send_by=time.monotonic() - 1))
    assert isinstance(answer, NotSent)
    assert venue.asked == []


def test_a_refused_connection_is_not_sent():
    answer = adapter(f"http://127.0.0.1:{spare_port()}").submit(order())
    assert answer == NotSent(reason="nothing left: ConnectionError")


def test_a_name_that_nobody_has_is_not_sent():
    assert isinstance(adapter("http://venue.invalid").submit(order()), NotSent)


UNCLEAR = {
    "reset": Says(breaks=True),
    "timeout": Says(documents.PLACED, waits=1.0),
    "cut off": Says(documents.PLACED, cut_to=40),
    "redirected": Says(status=307, headers={"Location": "/api/v3/order"}),
    "broken gzip": Says(b"no gzip", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("says", UNCLEAR.values(), ids=UNCLEAR)
def test_what_goes_wrong_after_a_byte_left_is_ambiguous_and_never_sent_again(says, monkeypatch):
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    with recording(says) as venue:
        answer = adapter(venue.url).submit(order())
        time.sleep(0.1)
        assert len(venue.asked) == 1
    assert isinstance(answer, Ambiguous)


def test_an_adapter_goes_on_after_a_broken_connection():
    with recording(Says(breaks=True), Says(documents.PLACED)) as venue:
        asking = adapter(venue.url)
        assert isinstance(asking.submit(order()), Ambiguous)
        assert isinstance(asking.submit(order()), Accepted)
    assert len(venue.asked) == 2


def test_a_connection_that_the_venue_has_closed_meanwhile_leaves_no_doubt():
    with recording(Says(documents.PLACED, closes=True)) as venue:
        asking = adapter(venue.url)
        for _ in range(3):
            assert isinstance(asking.submit(order()), Accepted)
            time.sleep(0.05)
    assert len(venue.asked) == 3


def test_an_order_by_our_id():
    with recording(Says(documents.ORDER)) as venue:
        found = adapter(venue.url).find_order(REFERENCE)
    (asked,) = venue.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/api/v3/order", "")
    sent = verified(asked)
    assert sent.pop("timestamp").isdecimal()
    assert sent == {"symbol": "BTCUSDT", "origClientOrderId": documents.OURS, "recvWindow": "5000"}
    assert found is not None
    assert found.status is OrderStatus.PARTIAL


def test_no_order_by_our_id():
    with recording(Says({"code": -2013, "msg": "Order does not exist."}, status=400)) as venue:
        assert adapter(venue.url).find_order(REFERENCE) is None


@pytest.mark.parametrize(
    "says",
    [
        Says(status=500),
        Says({"code": -1121, "msg": "Invalid symbol."}, status=400),
        Says(documents.changed(documents.ORDER, clientOrderId="other")),
        Says(documents.changed(documents.ORDER, symbol="ETHUSDT")),
        Says(b""),
        Says(breaks=True),
    ],
)
def test_an_order_is_not_taken_for_absent_where_the_answer_is_no_clear_one(says):
    with recording(says) as venue, pytest.raises(VenueAway):
        adapter(venue.url).find_order(REFERENCE)
    assert len(venue.asked) == 1


@pytest.mark.parametrize(
    ("order_id", "named"),
    [
        (None, {"origClientOrderId": documents.OURS}),
        (VenueOrderId("4711"), {"orderId": "4711"}),
    ],
)
def test_a_cancel(order_id, named):
    with recording(Says(documents.CANCELED)) as venue:
        answer = adapter(venue.url).cancel(replace(REFERENCE, venue_order_id=order_id))
    (asked,) = venue.asked
    assert (asked.method, asked.target) == ("DELETE", "/api/v3/order")
    sent = verified(asked)
    sent.pop("timestamp")
    assert sent == {"symbol": "BTCUSDT", "recvWindow": "5000"} | named
    assert answer is CancelAnswer.REQUESTED


def test_a_cancel_of_what_has_ended():
    with recording(Says({"code": -2011, "msg": "Unknown order sent."}, status=400)) as venue:
        assert adapter(venue.url).cancel(REFERENCE) is CancelAnswer.GONE


def test_a_cancel_that_is_not_understood_is_no_answer():
    with recording(Says(b"<html>")) as venue, pytest.raises(VenueAway):
        adapter(venue.url).cancel(REFERENCE)


def test_recent_orders_come_from_another_address_than_one_order():
    with recording(Says([documents.ORDER])) as venue:
        asking = adapter(venue.url)
        asking.set_offset(SINCE + timedelta(hours=1) - datetime.now(UTC))
        (found,) = asking.recent_orders(BTC, SINCE)
    (asked,) = venue.asked
    assert asked.path == "/api/v3/allOrders"
    sent = verified(asked)
    assert (sent["startTime"], sent["limit"], sent["symbol"]) == (
        "1699999200000",
        "1000",
        "BTCUSDT",
    )
    assert "endTime" not in sent
    assert found.venue_order_id == "4711"


def test_a_long_past_is_asked_for_day_by_day():
    with recording(Says([])) as venue:
        asking = adapter(venue.url)
        asking.set_offset(SINCE + timedelta(hours=50) - datetime.now(UTC))
        asking.recent_orders(BTC, SINCE)
    spans = [(sent["startTime"], sent.get("endTime")) for sent in map(verified, venue.asked)]
    day = 86_400_000
    start = 1699999200000
    assert spans == [
        (str(start), str(start + day - 1)),
        (str(start + day), str(start + 2 * day - 1)),
        (str(start + 2 * day), None),
    ]


@pytest.mark.parametrize("newest_first", [False, True])
def test_full_pages_are_split_until_none_is_full_whichever_end_the_venue_gives(newest_first):
    start = 1699999200000
    trades = [
        documents.changed(documents.TRADE, id=number, time=start + number * 1000)
        for number in range(2500)
    ]

    def page(asked: Asked) -> Says:
        sent = verified(asked)
        first, last = int(sent["startTime"]), int(sent.get("endTime", "9" * 13))
        matching = [one for one in trades if first <= one["time"] <= last]
        return Says(matching[-1000:] if newest_first else matching[:1000])

    with recording(by=page) as venue:
        asking = adapter(venue.url)
        asking.set_offset(SINCE + timedelta(hours=1) - datetime.now(UTC))
        found = asking.fills(BTC, SINCE)
    assert [int(one.trade_id) for one in found] == list(range(2500))
    assert {asked.path for asked in venue.asked} == {"/api/v3/myTrades"}


def test_the_fills_of_one_order_are_paged_by_their_ids():
    trades = [
        documents.changed(documents.TRADE, id=number, time=1700000000000 + number)
        for number in range(10, 1510)
    ]

    def page(asked: Asked) -> Says:
        sent = verified(asked)
        assert sent["orderId"] == "4712"
        return Says([one for one in trades if one["id"] >= int(sent["fromId"])][:1000])

    with recording(by=page) as venue:
        found = adapter(venue.url).fills(
            BTC, SINCE, replace(REFERENCE, venue_order_id=VenueOrderId("4712"))
        )
    assert len(venue.asked) == 2
    assert [int(one.trade_id) for one in found] == list(range(10, 1510))
    assert {one.client_order_id for one in found} == {documents.OURS}
    assert found[0].liquidity is Liquidity.TAKER


def test_the_fills_of_an_order_whose_number_is_not_known_need_the_order():
    answers = (Says(documents.changed(documents.ORDER, orderId=4712)), Says([documents.TRADE]))
    with recording(*answers) as venue:
        (found,) = adapter(venue.url).fills(BTC, SINCE, REFERENCE)
    assert [asked.path for asked in venue.asked] == ["/api/v3/order", "/api/v3/myTrades"]
    assert found.trade_id == "901"


def test_fills_of_another_order_are_not_taken():
    with recording(Says([documents.TRADE])) as venue, pytest.raises(VenueAway):
        adapter(venue.url).fills(BTC, SINCE, replace(REFERENCE, venue_order_id=VenueOrderId("1")))


def test_open_orders_are_named_by_the_list_of_instruments():
    answers = (Says([documents.ORDER]), Says(documents.EXCHANGE), Says([documents.ORDER]))
    with recording(*answers) as venue:
        asking = adapter(venue.url)
        (found,) = asking.open_orders()
        asking.open_orders()
    paths = [asked.path for asked in venue.asked]
    assert paths == ["/api/v3/openOrders", "/api/v3/exchangeInfo", "/api/v3/openOrders"]
    assert "symbol" not in verified(venue.asked[0])
    assert found.symbol == BTC


def test_an_open_order_of_an_instrument_that_is_not_listed_is_not_overlooked():
    unlisted = documents.changed(documents.ORDER, symbol="XXXUSDT")
    with recording(Says([unlisted]), Says(documents.EXCHANGE)) as venue, pytest.raises(VenueAway):
        adapter(venue.url).open_orders()


def test_candles_of_all_pages_without_the_open_one():
    start = datetime(2023, 11, 14, tzinfo=UTC)
    first = int(start.timestamp()) * 1000

    def candle(number: int) -> list:
        opened = first + number * 60_000
        return [opened, *documents.CANDLE[1:6], opened + 59_999, *documents.CANDLE[7:]]

    def page(asked: Asked) -> Says:
        sent = dict(parse_qsl(asked.query))
        low, high = int(sent["startTime"]), int(sent["endTime"])
        listed = [one for one in map(candle, range(1300)) if low <= one[0] <= high]
        return Says(listed[: int(sent["limit"])])

    with recording(by=page) as venue:
        asking = adapter(venue.url)
        asking.set_offset(start + timedelta(minutes=1200, seconds=30) - datetime.now(UTC))
        found = asking.candles(BTC, Interval.M1, start, start + timedelta(minutes=1250))
    assert len(venue.asked) == 2
    assert "signature" not in venue.asked[0].query
    assert [one.open_at for one in found] == [
        start + timedelta(minutes=number) for number in range(1200)
    ]


def test_no_candles_are_asked_for_where_there_is_no_time():
    with recording(Says([])) as venue:
        assert adapter(venue.url).candles(BTC, Interval.H1, SINCE, SINCE) == []
    assert venue.asked == []


@pytest.mark.parametrize("interval", list(Interval))
def test_every_interval_has_its_name(interval):
    with recording(Says([])) as venue:
        adapter(venue.url).candles(BTC, interval, SINCE, SINCE + timedelta(days=2))
    assert dict(parse_qsl(venue.asked[0].query))["interval"] == interval.value


def test_questions_of_the_account():
    answers = (Says(documents.ACCOUNT), Says(documents.FEES), Says(documents.RESTRICTIONS))
    with recording(*answers) as venue:
        asking = adapter(venue.url)
        assert [one.asset for one in asking.balances()] == ["BTC", "USDT"]
        assert asking.fee_rates(BTC).taker == Decimal("0.006")
        assert asking.key_permissions().may_withdraw is False
    paths = [asked.path for asked in venue.asked]
    assert paths == [
        "/api/v3/account",
        "/sapi/v1/asset/query/trading-fee",
        "/sapi/v1/account/apiRestrictions",
    ]
    assert verified(venue.asked[1])["symbol"] == "BTCUSDT"


def test_where_the_venue_does_not_tell_of_the_key_the_account_is_asked():
    answers = (Says(b"<html>404</html>", status=404), Says(documents.ACCOUNT))
    with recording(*answers) as venue:
        permissions = adapter(venue.url).key_permissions()
    assert [asked.path for asked in venue.asked][1] == "/api/v3/account"
    assert permissions.may_trade
    assert permissions.may_withdraw is None


def test_the_time_of_the_venue():
    with recording(Says(documents.SERVER_TIME)) as venue:
        told = adapter(venue.url).server_time()
    assert told == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)


def test_a_question_whose_time_is_refused_asks_for_the_clock():
    skewed = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
    with recording(Says(skewed, status=400)) as venue, pytest.raises(ClockSkewed):
        adapter(venue.url).balances()


def test_nothing_leaves_while_the_venue_told_us_to_wait():
    units = budget()
    with recording(Says(status=429, headers={"Retry-After": "30"})) as venue:
        asking = adapter(venue.url, units=units)
        with pytest.raises(RateLimited) as caught:
            asking.balances()
        assert caught.value.retry_after_seconds == 30
        assert isinstance(asking.submit(order()), NotSent)
        with pytest.raises(RateLimited):
            asking.cancel(REFERENCE)
        use = asking.rate_use()
    assert len(venue.asked) == 1
    assert use.used_ratio == 1
    assert use.held_until is not None
    assert timedelta(seconds=25) < use.held_until - datetime.now(UTC) < timedelta(seconds=31)


def test_an_order_that_meets_a_limit_is_refused_and_the_rest_waits():
    with recording(Says(status=418, headers={"Retry-After": "120"})) as venue:
        asking = adapter(venue.url)
        assert asking.submit(order()) == Refused(reason="turned away with HTTP 418", code="418")
        with pytest.raises(RateLimited) as caught:
            asking.server_time()
    assert caught.value.is_banned
    assert len(venue.asked) == 1


def test_the_headers_of_the_venue_count_more_than_what_we_counted():
    headers = {"X-MBX-USED-WEIGHT-1M": "1100", "X-MBX-ORDER-COUNT-10S": "95"}
    units = budget()
    units.seconds_now = lambda: 1_700_000_000.0
    with recording(Says(documents.PLACED, headers=headers), Says(documents.CANCELED)) as venue:
        asking = adapter(venue.url, units=units)
        asking.submit(order())
        assert asking.rate_use().used_ratio == max(1100 / WEIGHT.units, 95 / ORDERS.units)
        assert isinstance(asking.submit(order()), NotSent)  # the reserve is for cancels
        with pytest.raises(RateLimited):
            asking.open_orders()
        assert asking.cancel(REFERENCE) is CancelAnswer.REQUESTED
    assert len(venue.asked) == 2


class _Forgetful(LocalBudget):
    def learn(self, pool, used):
        raise RuntimeError("nobody is there")


def test_an_accepted_order_is_not_lost_where_its_limits_cannot_be_written_down():
    units = _Forgetful(venue=VenueName.BINANCE_US)
    headers = {"X-MBX-USED-WEIGHT-1M": "5"}
    with recording(Says(documents.PLACED, headers=headers)) as venue:
        assert isinstance(adapter(venue.url, units=units).submit(order()), Accepted)


def test_nothing_is_taken_from_the_environment(monkeypatch):
    port = spare_port()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with recording(Says(documents.SERVER_TIME)) as venue:
        adapter(venue.url).server_time()
    assert len(venue.asked) == 1


def test_making_an_adapter_asks_nothing():
    with recording(Says(documents.SERVER_TIME)) as venue:
        adapter(venue.url)
    assert venue.asked == []
