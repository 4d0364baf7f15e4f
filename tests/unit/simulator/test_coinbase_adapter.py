"""The platform's own adapter on the simulated venue: both were written from the same facts, apart."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.clock import SystemClock
from shared.domain.enums import Interval, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId
from shared.domain.venue import Accepted, FeeRates, OrderRef, OrderRequest, Refused
from tests.unit.simulator.coinbase_served import BTC, TRADER, Served, served
from venues.budget import LocalBudget
from venues.coinbase.adapter import Coinbase
from venues.opening import Credentials
from venues.port import CancelAnswer, VenueAddress, VenueKeys, VenueName

MINUTE = timedelta(minutes=1)


@pytest.fixture
def venue() -> Iterator[Served]:
    with served(clock=SystemClock()) as place:
        yield place


@pytest.fixture
def adapter(venue: Served) -> Iterator[Coinbase]:
    credentials = Credentials(
        keys=VenueKeys(key=TRADER.key, secret=TRADER.secret),
        address=VenueAddress(rest=f"http://{venue.host}", stream=f"ws://{venue.host}"),
        budget=LocalBudget(venue=VenueName.COINBASE),
    )
    one = Coinbase(credentials)
    yield one
    one._asker.session.close()


def request_of(name: str, **changes) -> OrderRequest:
    request = OrderRequest(
        client_order_id=ClientOrderId(name),
        symbol=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("0.01"),
        limit_price=Decimal(49_000),
        signed_at=SystemClock().now(),
        window=timedelta(seconds=5),
        send_by=time.monotonic() + 2,
    )
    return replace(request, **changes)


def test_the_adapter_reads_everything_it_starts_with(adapter: Coinbase):
    rules = {one.instrument.symbol: one for one in adapter.rules()}
    assert rules[BTC].instrument.tick_size == Decimal("0.01")
    book = adapter.top_of_book(BTC)
    assert book.bid < 50_000 < book.ask
    assert {one.asset: one.available for one in adapter.balances()} == {
        "BTC": Decimal(2),
        "USD": Decimal(100_000),
    }
    assert adapter.fee_rates(BTC) == FeeRates(maker=Decimal("0.006"), taker=Decimal("0.012"))
    assert adapter.key_permissions().may_trade
    assert abs(adapter.server_time() - SystemClock().now()) < timedelta(seconds=2)


def test_the_adapter_pages_through_candles_without_a_gap(adapter: Coinbase):
    end = SystemClock().now().replace(second=0, microsecond=0) - MINUTE
    candles = adapter.candles(BTC, Interval.M1, end - 400 * MINUTE, end)
    assert [one.open_at for one in candles] == [
        end - number * MINUTE for number in range(400, 0, -1)
    ]


def test_an_order_is_placed_found_cancelled_and_its_fills_told(adapter: Coinbase):
    since = SystemClock().now() - MINUTE
    answer = adapter.submit(request_of("resting"))
    assert isinstance(answer, Accepted)
    order = OrderRef(
        symbol=BTC,
        client_order_id=ClientOrderId("resting"),
        placed_at=since,
        venue_order_id=answer.venue_order_id,
    )
    found = adapter.find_order(replace(order, venue_order_id=None))
    assert found is not None
    assert (found.status, found.venue_order_id) == (OrderStatus.OPEN, answer.venue_order_id)
    assert [one.client_order_id for one in adapter.open_orders()] == ["resting"]
    assert adapter.cancel(order) is CancelAnswer.REQUESTED
    assert adapter.find_order(order).status is OrderStatus.CANCELED
    taking = {"time_in_force": TimeInForce.IOC, "limit_price": Decimal(50_100)}
    assert isinstance(adapter.submit(request_of("taking", **taking)), Accepted)
    fills = adapter.fills(BTC, since)
    assert sum(one.quantity for one in fills) == Decimal("0.01")
    assert {one.fee_asset for one in fills} == {"USD"}


def test_every_refusal_of_the_venue_is_one_to_the_adapter(adapter: Coinbase):
    for number, changes in enumerate(
        (
            {"quantity": Decimal(1000)},
            {"quantity": Decimal("0.00000001")},
            {"quantity": Decimal("0.00001")},
            {"quantity": Decimal(5000)},
            {"limit_price": Decimal(1)},
            {"limit_price": Decimal(51_000), "is_post_only": True},
            {"symbol": "DOGE-USD"},
        )
    ):
        answer = adapter.submit(request_of(f"refused-{number}", **changes))
        assert isinstance(answer, Refused), (changes, answer)
    assert list(adapter.open_orders()) == []
