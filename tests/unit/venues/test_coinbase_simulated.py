"""The adapter of Coinbase and the simulated Coinbase do business with each other, over TLS."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.clock import SystemClock
from shared.domain.enums import Interval, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId
from shared.domain.venue import Accepted, Gap, NotSent, OrderHint, OrderRef, OrderRequest, Refused
from tests.unit.simulator.coinbase_served import (
    BTC,
    EDWARDS,
    READER,
    TRADER,
    Served,
    certify,
    served,
)
from venues.budget import LocalBudget
from venues.coinbase.adapter import Coinbase
from venues.coinbase.stream import CoinbaseStream
from venues.errors import ClockSkewed, KeyRefused
from venues.opening import Credentials
from venues.port import CancelAnswer, VenueAddress, VenueKeys, VenueName
from venues.stream import follow

MINUTE = timedelta(minutes=1)


class Unlimited(LocalBudget):
    def spend(self, pool, units, *, is_urgent=False):
        return


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[tuple[Served, str]]:
    folder = certify(tmp_path_factory.mktemp("certificates"))
    with served(SystemClock(), tls=folder) as one:
        yield one, str(folder / "ca.crt")


def credentials(place, key=TRADER, authority=True) -> Credentials:
    venue, certificate = place
    return Credentials(
        keys=VenueKeys(key=key.key, secret=key.secret),
        address=VenueAddress(
            rest=f"https://{venue.host}",
            stream=f"wss://{venue.host}",
            authority=certificate if authority else None,
        ),
        budget=Unlimited(venue=VenueName.COINBASE),
    )


@pytest.fixture
def adapter(place) -> Iterator[Coinbase]:
    one = Coinbase(credentials(place))
    yield one
    one._asker.session.close()


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


def reference(request: OrderRequest, answer=None) -> OrderRef:
    return OrderRef(
        symbol=BTC,
        client_order_id=request.client_order_id,
        placed_at=request.signed_at,
        venue_order_id=answer and answer.venue_order_id,
    )


def accepted(adapter: Coinbase, request: OrderRequest) -> OrderRef:
    answer = adapter.submit(request)
    assert isinstance(answer, Accepted), answer
    return reference(request, answer)


def test_without_the_venues_authority_no_order_leaves(place):
    adapter = Coinbase(credentials(place, authority=False))
    answer = adapter.submit(order("nobody-vouches"))
    assert isinstance(answer, NotSent)
    assert "SSLError" in answer.reason


@pytest.mark.parametrize("key", [TRADER, EDWARDS], ids=["EC", "Ed25519"])
def test_the_account_is_read_with_either_kind_of_key(place, key):
    adapter = Coinbase(credentials(place, key))
    assert {one.asset for one in adapter.balances()} == {"BTC", "USD"}
    assert adapter.key_permissions().may_withdraw is False
    adapter._asker.session.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"time_in_force": TimeInForce.IOC, "limit_price": Decimal(50_500)},
        {"time_in_force": TimeInForce.FOK, "limit_price": Decimal(50_500)},
        {"time_in_force": TimeInForce.IOC, "order_type": OrderType.MARKET, "limit_price": None},
    ],
    ids=["IOC", "FOK", "market"],
)
def test_an_order_that_takes_is_filled_and_its_fills_are_told(adapter, fields):
    name = f"takes-{fields['time_in_force']}-{fields.get('order_type', 'limit')}"
    request = order(name, **fields)
    known = accepted(adapter, request)
    report = adapter.find_order(known)
    assert report == adapter.find_order(reference(request))
    assert (report.status, report.filled_quantity) == (OrderStatus.FILLED, Decimal("0.001"))
    assert report.order_type is request.order_type
    fills = adapter.fills(BTC, request.signed_at - MINUTE, known)
    assert sum(one.quantity for one in fills) == Decimal("0.001")
    assert {one.client_order_id for one in fills} == {request.client_order_id}
    assert {one.trade_id for one in fills} <= {
        one.trade_id for one in adapter.fills(BTC, request.signed_at - MINUTE)
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"is_post_only": True},
        {"time_in_force": TimeInForce.GTD, "good_until": datetime.now(UTC) + timedelta(hours=1)},
        {
            "order_type": OrderType.STOP_LIMIT,
            "side": Side.SELL,
            "stop_price": Decimal(45_000),
            "limit_price": Decimal(44_900),
        },
    ],
    ids=["GTC", "post-only", "GTD", "stop-limit"],
)
def test_an_order_that_rests_is_found_everywhere_and_canceled(adapter, fields):
    request = order(f"rests-{sorted(fields)}".replace(" ", ""), **fields)
    known = accepted(adapter, request)
    for report in (
        adapter.find_order(known),
        adapter.find_order(reference(request)),
        *(one for one in adapter.open_orders() if one.client_order_id == request.client_order_id),
        *(
            one
            for one in adapter.recent_orders(BTC, request.signed_at - MINUTE)
            if one.client_order_id == request.client_order_id
        ),
    ):
        assert report.status is OrderStatus.OPEN
        assert (report.side, report.order_type) == (request.side, request.order_type)
        assert (report.quantity, report.limit_price) == (request.quantity, request.limit_price)
    assert adapter.cancel(reference(request)) is CancelAnswer.REQUESTED
    assert adapter.find_order(known).status is OrderStatus.CANCELED
    assert request.client_order_id not in {one.client_order_id for one in adapter.open_orders()}
    adapter.cancel(known)  # once more: neither answer is a verdict


def test_an_id_sent_twice_is_the_first_order_again(adapter):
    request = order("twice")
    known = accepted(adapter, request)
    again = accepted(adapter, replace(request, signed_at=datetime.now(UTC)))
    assert again.venue_order_id == known.venue_order_id
    adapter.cancel(known)


def test_an_order_nobody_placed_is_absent(adapter):
    nobody = reference(order("nobody"))
    assert adapter.find_order(nobody) is None
    assert adapter.find_order(replace(nobody, venue_order_id="no-such-order")) is None
    assert adapter.fills(BTC, nobody.placed_at, nobody) == []
    assert adapter.cancel(nobody) is CancelAnswer.GONE
    assert adapter.cancel(replace(nobody, venue_order_id="no-such-order")) is CancelAnswer.GONE


def test_an_order_later_than_its_window_is_refused_by_the_venue_itself(adapter):
    late = order("late", signed_at=datetime.now(UTC) - timedelta(seconds=7))
    assert isinstance(adapter.submit(late), Refused)
    assert adapter.find_order(reference(late)) is None


def test_more_orders_than_a_page_holds_are_all_found(adapter):
    oldest = order("paged-0")
    for number in range(110):
        known = accepted(adapter, order(f"paged-{number}", quantity=Decimal("0.0001")))
        adapter.cancel(known)
    assert adapter.find_order(reference(oldest)) is not None
    found = {one.client_order_id for one in adapter.recent_orders(BTC, oldest.signed_at)}
    assert {f"paged-{number}" for number in range(110)} <= found


def test_a_key_that_may_only_read_places_and_cancels_nothing(place):
    adapter = Coinbase(credentials(place, READER))
    refused = adapter.submit(order("read-only"))
    assert isinstance(refused, Refused)
    assert refused.code == "403"
    with pytest.raises(KeyRefused):
        adapter.cancel(replace(reference(order("x")), venue_order_id="y"))
    adapter._asker.session.close()


def test_a_clock_that_is_ahead_is_told_apart_from_a_wrong_key(place, adapter):
    adapter.set_offset(timedelta(seconds=20))
    with pytest.raises(ClockSkewed):
        adapter.balances()
    adapter.set_offset(timedelta(seconds=-300))
    with pytest.raises(ClockSkewed):
        adapter.balances()
    adapter.set_offset(timedelta())
    assert adapter.balances()
    stranger = Coinbase(credentials(place, replace(READER, secret=TRADER.secret)))
    stranger.set_offset(timedelta(seconds=-10))  # well within, whatever second the venue's date is
    with pytest.raises(KeyRefused):
        stranger.balances()
    stranger._asker.session.close()


@pytest.mark.parametrize("interval", list(Interval))
def test_every_interval_has_candles_without_the_open_one(adapter, interval):
    end = datetime.now(UTC)
    candles = adapter.candles(BTC, interval, end - 5 * interval.delta, end)
    assert 4 <= len(candles) <= 5
    assert all(one.closed_at <= end for one in candles)
    assert [one.open_at for one in candles] == sorted({one.open_at for one in candles})


def test_the_private_stream_hints_at_what_happens(place, adapter):
    heard, stop, ready, hinted = [], threading.Event(), threading.Event(), threading.Event()
    wanted = order("streamed")

    def hear(hint) -> None:
        heard.append(hint)
        ready.set()
        if isinstance(hint, OrderHint) and hint.client_order_id == wanted.client_order_id:
            hinted.set()

    dialect = CoinbaseStream(credentials(place))
    following = threading.Thread(target=follow, args=(dialect, hear, stop, place[1]))
    following.start()
    try:
        assert ready.wait(5)
        assert isinstance(heard[0], Gap)
        time.sleep(0.3)
        known = accepted(adapter, replace(wanted, signed_at=datetime.now(UTC)))
        assert hinted.wait(5), heard
        adapter.cancel(known)
    finally:
        stop.set()
        following.join(5)
    assert [hint for hint in heard if isinstance(hint, Gap)] == heard[:1]
