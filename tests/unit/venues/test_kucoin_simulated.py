"""The adapter of KuCoin against the simulated KuCoin: both were written from the documents alone."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.enums import Interval, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.venue import Accepted, Ambiguous, Gap, OrderHint, OrderRef, OrderRequest, Refused
from simulator.wire.port import RateLimits
from tests.unit.simulator.kucoin_served import KEY, PASSPHRASE, READ_KEY, SECRET, served_kucoin
from venues.budget import LocalBudget
from venues.errors import ClockSkewed, KeyRefused, RateLimited
from venues.kucoin.adapter import KuCoin
from venues.kucoin.stream import KuCoinStream
from venues.opening import Credentials
from venues.port import CancelAnswer, VenueAddress, VenueKeys, VenueName
from venues.stream import follow

BTC = Symbol("BTC-USDT")
DAY = timedelta(days=1)


def credentials_of(served, key: str = KEY, **secrets: str) -> Credentials:
    return Credentials(
        keys=VenueKeys(**{"key": key, "secret": SECRET, "passphrase": PASSPHRASE} | secrets),
        address=VenueAddress(rest=served.url, stream=""),
        budget=LocalBudget(venue=VenueName.KUCOIN),
    )


@pytest.fixture(scope="module")
def served():
    with served_kucoin() as running:
        yield running


@pytest.fixture
def kucoin(served) -> KuCoin:
    return KuCoin(credentials_of(served))


def request_of(name: str, **changes) -> OrderRequest:
    return replace(
        OrderRequest(
            client_order_id=ClientOrderId(name),
            symbol=BTC,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=Decimal("0.01"),
            limit_price=Decimal(40_000),
            signed_at=datetime.now(UTC),
            window=timedelta(seconds=5),
            send_by=time.monotonic() + 2,
        ),
        **changes,
    )


def ref_of(request: OrderRequest) -> OrderRef:
    return OrderRef(
        symbol=request.symbol,
        client_order_id=request.client_order_id,
        placed_at=request.signed_at,
    )


def test_the_market_is_read(kucoin: KuCoin) -> None:
    assert abs(kucoin.server_time() - datetime.now(UTC)) < timedelta(seconds=5)
    rules = {one.instrument.symbol: one for one in kucoin.rules()}
    assert rules[BTC].instrument.tick_size == Decimal("0.1")
    top = kucoin.top_of_book(BTC)
    assert top.bid < top.ask
    now = datetime.now(UTC)
    candles = kucoin.candles(BTC, Interval.M1, now - timedelta(minutes=30), now)
    assert 28 <= len(candles) <= 30
    assert all(one.closed_at <= datetime.now(UTC) for one in candles)


def test_the_account_is_read(served, kucoin: KuCoin) -> None:
    assets = {one.asset for one in kucoin.balances()}
    assert {"BTC", "USDT"} <= assets
    assert kucoin.fee_rates(BTC).taker == Decimal("0.001")
    mine = kucoin.key_permissions()
    assert (mine.may_trade, mine.may_withdraw, mine.is_ip_restricted) == (True, False, True)
    other = KuCoin(credentials_of(served, READ_KEY)).key_permissions()
    assert (other.may_trade, other.may_withdraw, other.is_ip_restricted) == (False, True, False)


def test_an_order_rests_is_found_everywhere_and_is_canceled(kucoin: KuCoin) -> None:
    request = request_of("rests")
    answer = kucoin.submit(request)
    assert isinstance(answer, Accepted)
    found = kucoin.find_order(ref_of(request))
    assert found is not None
    assert (found.venue_order_id, found.status) == (answer.venue_order_id, OrderStatus.OPEN)
    assert found in kucoin.open_orders()
    assert found in kucoin.recent_orders(BTC, request.signed_at - DAY)
    assert kucoin.cancel(ref_of(request)) is CancelAnswer.REQUESTED
    ended = kucoin.find_order(ref_of(request))
    assert ended is not None
    assert ended.status is OrderStatus.CANCELED
    assert ended in kucoin.recent_orders(BTC, request.signed_at - 8 * DAY)
    assert kucoin.cancel(ref_of(request)) is CancelAnswer.GONE


def test_orders_that_take_are_filled_and_their_fills_listed(kucoin: KuCoin) -> None:
    request = request_of("takes", time_in_force=TimeInForce.IOC, limit_price=Decimal(60_000))
    market = request_of(
        "market", order_type=OrderType.MARKET, limit_price=None, time_in_force=TimeInForce.IOC
    )
    for one in (request, market):
        assert isinstance(kucoin.submit(one), Accepted)
        found = kucoin.find_order(ref_of(one))
        assert found is not None
        assert found.status is OrderStatus.FILLED
        fills = kucoin.fills(BTC, one.signed_at - DAY, ref_of(one))
        assert sum(fill.quantity for fill in fills) == Decimal("0.01")
        assert {fill.fee_asset for fill in fills} == {"USDT"}
        assert {fill.client_order_id for fill in fills} == {one.client_order_id}
    every = {fill.trade_id for fill in kucoin.fills(BTC, request.signed_at - DAY)}
    assert {fill.trade_id for fill in fills} < every


def test_an_order_until_an_instant_ends_by_itself(kucoin: KuCoin) -> None:
    now = datetime.now(UTC)
    request = request_of(
        "ends", time_in_force=TimeInForce.GTD, good_until=now + timedelta(seconds=2)
    )
    assert isinstance(kucoin.submit(request), Accepted)
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        found = kucoin.find_order(ref_of(request))
        assert found is not None
        if found.status is OrderStatus.CANCELED:
            return
        time.sleep(0.1)
    pytest.fail("it still rests")


def test_refusals_are_final_and_a_taken_id_is_not(kucoin: KuCoin) -> None:
    wrong = (
        request_of("much", quantity=Decimal(900)),
        request_of("fine", quantity=Decimal("0.000001")),
        request_of("tick", limit_price=Decimal("40000.05")),
        request_of("none", symbol=Symbol("NONE-USDT")),
        request_of("little", limit_price=Decimal(1), quantity=Decimal("0.00001")),
        request_of(
            "late", signed_at=datetime.now(UTC) - timedelta(seconds=4), window=timedelta(seconds=1)
        ),
        request_of("old", signed_at=datetime.now(UTC) - timedelta(minutes=1)),
    )
    for request in wrong:
        answer = kucoin.submit(request)
        assert isinstance(answer, Refused), (request.client_order_id, answer)
    first = request_of("twice")
    assert isinstance(kucoin.submit(first), Accepted)
    assert isinstance(kucoin.submit(first), Ambiguous)
    kucoin.cancel(ref_of(first))


def test_an_order_that_was_never_placed_is_absent(kucoin: KuCoin) -> None:
    assert kucoin.find_order(ref_of(request_of("never"))) is None
    assert kucoin.cancel(ref_of(request_of("never"))) is CancelAnswer.GONE
    assert kucoin.fills(BTC, datetime.now(UTC) - DAY, ref_of(request_of("never"))) == ()


def test_pages_are_read_to_their_end(kucoin: KuCoin) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    names = {f"page-{number}" for number in range(103)}
    for name in names:
        request = request_of(name, time_in_force=TimeInForce.IOC)
        assert isinstance(kucoin.submit(request), Accepted)
    found = [one.client_order_id for one in kucoin.recent_orders(BTC, since)]
    assert names <= set(found)
    assert len(found) == len(set(found))


def test_the_dead_man_can_be_armed_and_taken_back(kucoin: KuCoin) -> None:
    assert kucoin.arm_dead_man(3600, [BTC])
    assert kucoin.arm_dead_man(0, ())


@pytest.mark.parametrize(
    "wrong", [{"key": "no-such-key"}, {"secret": "another"}, {"passphrase": "another"}]
)
def test_a_key_that_is_not_right_is_refused(served, wrong) -> None:
    kucoin = KuCoin(credentials_of(served, **wrong))
    with pytest.raises(KeyRefused):
        kucoin.balances()
    assert isinstance(kucoin.submit(request_of("wrong-key")), Refused)


def test_a_key_that_only_reads_places_nothing(served) -> None:
    reading = KuCoin(credentials_of(served, READ_KEY))
    assert isinstance(reading.submit(request_of("reads")), Refused)


def test_a_wrong_clock_is_named_and_an_offset_heals_it(kucoin: KuCoin) -> None:
    kucoin.set_offset(timedelta(minutes=-1))
    with pytest.raises(ClockSkewed):
        kucoin.balances()
    kucoin.set_offset(timedelta())
    assert kucoin.balances()


def test_limits_are_learned_before_they_are_reached_and_obeyed_after() -> None:
    with served_kucoin(RateLimits(scale=0.005)) as tight:
        kucoin = KuCoin(credentials_of(tight))
        asked = ref_of(request_of("asked"))
        with pytest.raises(RateLimited):
            [kucoin.find_order(asked) for _ in range(30)]
        assert kucoin.rate_use().used_ratio > 0.8


def test_the_private_stream_hints_at_every_order(served, kucoin: KuCoin) -> None:
    heard: list[object] = []
    stop, wake = threading.Event(), threading.Event()

    def hear(hint: object) -> None:
        heard.append(hint)
        wake.set()

    stream = KuCoinStream(credentials_of(served))
    thread = threading.Thread(target=follow, args=(stream, hear, stop))
    thread.start()
    try:
        deadline = time.monotonic() + 8
        while not stream._is_subscribed and time.monotonic() < deadline:
            time.sleep(0.02)
        assert isinstance(heard[0], Gap)
        request = request_of("hinted")
        answer = kucoin.submit(request)
        assert isinstance(answer, Accepted)
        while len(heard) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert heard[1] == OrderHint(
            client_order_id=request.client_order_id, venue_order_id=answer.venue_order_id
        )
        kucoin.cancel(ref_of(request))
    finally:
        stop.set()
        thread.join(10)
