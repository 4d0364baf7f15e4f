"""The adapter of Binance.US and the simulated Binance.US do business with each other."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.clock import SystemClock
from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId
from shared.domain.venue import Accepted, Ambiguous, Gap, OrderHint, OrderRef, OrderRequest, Refused
from tests.unit.simulator.binance_us_served import BTC, KEY, READ_KEY, SECRET, Served, served
from venues.binance_us.adapter import BinanceUs
from venues.binance_us.stream import BinanceUsStream
from venues.budget import LocalBudget
from venues.errors import ClockSkewed, KeyRefused
from venues.opening import Credentials
from venues.port import CancelAnswer, VenueAddress, VenueKeys, VenueName
from venues.stream import follow


@pytest.fixture(scope="module")
def simulated() -> Iterator[Served]:
    with served(SystemClock()) as one:
        yield one


def credentials(venue: Served, keys=None) -> Credentials:
    return Credentials(
        keys=keys or VenueKeys(key=KEY, secret=SECRET),
        address=VenueAddress(rest=venue.url, stream=venue.stream_url),
        budget=LocalBudget(venue=VenueName.BINANCE_US),
    )


@pytest.fixture
def adapter(simulated: Served) -> BinanceUs:
    return BinanceUs(credentials(simulated))


def order(name: str, **fields) -> OrderRequest:
    request = OrderRequest(
        client_order_id=ClientOrderId(name),
        symbol=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("0.001"),
        limit_price=Decimal(40_000),
        signed_at=datetime.now(UTC),
        window=timedelta(seconds=5),
        send_by=time.monotonic() + 2,
    )
    return replace(request, **fields)


def reference(request: OrderRequest) -> OrderRef:
    return OrderRef(
        symbol=BTC, client_order_id=request.client_order_id, placed_at=request.signed_at
    )


def test_the_market_is_read(adapter):
    offset = adapter.server_time() - datetime.now(UTC)
    assert abs(offset) < timedelta(seconds=1)
    rules = {one.instrument.symbol: one for one in adapter.rules()}
    assert rules[BTC].instrument.tick_size == Decimal("0.01")
    assert rules[BTC].has_native_stop
    book = adapter.top_of_book(BTC)
    assert book.bid < book.ask
    end = datetime.now(UTC)
    candles = adapter.candles(BTC, Interval.M5, end - timedelta(hours=1), end)
    assert len(candles) in (11, 12)
    assert all(one.closed_at <= end for one in candles)


def test_the_account_is_read(adapter):
    assert {one.asset for one in adapter.balances()} >= {"BTC", "USDT"}
    assert adapter.fee_rates(BTC).taker == Decimal("0.001")
    permissions = adapter.key_permissions()
    assert permissions.may_trade
    assert permissions.may_withdraw is False


def test_an_order_rests_is_found_and_canceled(adapter):
    request = order("resting")
    answer = adapter.submit(request)
    assert isinstance(answer, Accepted)
    assert answer.report is not None
    assert answer.report.status is OrderStatus.OPEN
    found = adapter.find_order(reference(request))
    assert found is not None
    assert found.venue_order_id == answer.venue_order_id
    assert "resting" in {one.client_order_id for one in adapter.open_orders()}
    duplicate = adapter.submit(order("resting"))
    assert isinstance(duplicate, Ambiguous)
    assert adapter.cancel(reference(request)) is CancelAnswer.REQUESTED
    assert adapter.cancel(reference(request)) is CancelAnswer.GONE
    ended = adapter.find_order(reference(request))
    assert ended is not None
    assert ended.status is OrderStatus.CANCELED
    assert ended.client_order_id == "resting"
    recent = adapter.recent_orders(BTC, request.signed_at - timedelta(seconds=2))
    assert ended in recent


def test_an_order_fills_at_once(adapter):
    request = order("taking", time_in_force=TimeInForce.IOC, limit_price=Decimal(60_000))
    answer = adapter.submit(request)
    assert isinstance(answer, Accepted)
    assert answer.report is not None
    assert answer.report.status is OrderStatus.FILLED
    asked = replace(reference(request), venue_order_id=answer.venue_order_id)
    fills = adapter.fills(BTC, request.signed_at - timedelta(seconds=2), asked)
    assert fills
    assert sum(one.quantity for one in fills) == request.quantity
    assert {one.trade_id for one in fills} == {one.trade_id for one in answer.report.fills}
    assert {one.fee_asset for one in fills} == {"BTC"}
    assert {one.liquidity for one in fills} == {Liquidity.TAKER}
    assert adapter.fills(BTC, request.signed_at - timedelta(seconds=2))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("at-market", {"order_type": OrderType.MARKET, "limit_price": None}),
        ("all-or-none", {"time_in_force": TimeInForce.FOK, "limit_price": Decimal(60_000)}),
        ("post-only", {"is_post_only": True}),
        (
            "stop",
            {
                "order_type": OrderType.STOP_LIMIT,
                "side": Side.SELL,
                "stop_price": Decimal(41_000),
            },
        ),
    ],
)
def test_every_kind_of_order_is_taken(adapter, name, fields):
    answer = adapter.submit(order(name, **fields))
    assert isinstance(answer, Accepted)
    assert answer.report is not None
    found = adapter.find_order(reference(order(name)))
    assert found is not None
    assert found.order_type is fields.get("order_type", OrderType.LIMIT)


@pytest.mark.parametrize(
    ("name", "fields", "code"),
    [
        ("tiny", {"quantity": Decimal("0.00001")}, "-1013"),
        ("crooked", {"limit_price": Decimal("40000.001")}, "-1013"),
        ("rich", {"quantity": Decimal(50)}, "-2010"),
        ("would-take", {"is_post_only": True, "limit_price": Decimal(60_000)}, "-2010"),
        ("late", {"signed_at": datetime(2023, 1, 1, tzinfo=UTC)}, "-1021"),
    ],
)
def test_a_refusal_of_the_venue_is_final(adapter, name, fields, code):
    answer = adapter.submit(order(name, **fields))
    assert isinstance(answer, Refused)
    assert answer.code == code
    assert adapter.find_order(reference(order(name))) is None


def test_keys_are_refused_and_clocks_asked_for(simulated):
    unknown = BinanceUs(credentials(simulated, VenueKeys(key="z" * 64, secret=SECRET)))
    with pytest.raises(KeyRefused):
        unknown.balances()
    wrong = BinanceUs(credentials(simulated, VenueKeys(key=KEY, secret="wrong")))
    with pytest.raises(KeyRefused):
        wrong.balances()
    reading = BinanceUs(credentials(simulated, VenueKeys(key=READ_KEY, secret=SECRET)))
    assert reading.key_permissions().may_trade is False
    assert isinstance(reading.submit(order("by-reader")), Refused)
    ahead = BinanceUs(credentials(simulated))
    ahead.set_offset(timedelta(seconds=30))
    with pytest.raises(ClockSkewed):
        ahead.balances()


def test_the_private_stream_tells_where_to_look(simulated, adapter):
    heard: list[object] = []
    stop = threading.Event()
    stream = BinanceUsStream(credentials(simulated))
    watching = threading.Thread(target=follow, args=(stream, heard.append, stop))
    watching.start()
    request = order("heard")
    until = time.monotonic() + 5
    while not heard and time.monotonic() < until:
        time.sleep(0.02)
    adapter.submit(request)
    adapter.cancel(reference(request))
    while len(heard) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    watching.join(10)
    assert heard[0] == Gap(reason="the stream was opened")
    assert [one.client_order_id for one in heard if isinstance(one, OrderHint)] == [
        "heard",
        "heard",
    ]
