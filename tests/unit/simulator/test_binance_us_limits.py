"""Rate limits of the simulated Binance.US: weights, orders, 429 and the ban that follows it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from simulator.engine.clocks import ManualClock
from simulator.wire.port import RateLimits
from tests.unit.simulator.binance_us_served import Served, served


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def venue(clock: ManualClock) -> Iterator[Served]:
    with served(clock, RateLimits(scale=0.05)) as one:  # 60 weight a minute, 5 orders in 10 seconds
        yield one


def used(response) -> int:
    return int(response.headers["x-mbx-used-weight-1m"])


def test_every_request_costs_its_weight(venue: Served) -> None:
    total = 0
    for weight, response in (
        (1, venue.ask("/api/v3/time")),
        (10, venue.ask("/api/v3/exchangeInfo")),
        (1, venue.ask("/api/v3/depth", symbol="BTCUSDT", limit=100)),
        (5, venue.ask("/api/v3/depth", symbol="BTCUSDT", limit=500)),
        (2, venue.ask("/api/v3/ticker/bookTicker")),
        (1, venue.place()),
        (2, venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1)),
        (3, venue.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")),
        (10, venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")),
    ):
        total += weight
        assert used(response) == total


def test_too_much_weight_is_refused_until_the_minute_is_over(
    venue: Served, clock: ManualClock
) -> None:
    for _ in range(6):
        assert venue.ask("/api/v3/exchangeInfo").status_code == 200
    refused = venue.ask("/api/v3/time")
    assert (refused.status_code, refused.json()["code"]) == (429, -1003)
    assert "current limit is 60 requests per minute" in refused.json()["msg"]
    assert 0 < int(refused.headers["retry-after"]) <= 61
    clock.go_on(timedelta(seconds=60))
    assert venue.ask("/api/v3/time").status_code == 200


def test_who_goes_on_is_banned_longer_each_time(venue: Served, clock: ManualClock) -> None:
    for ban in (120, 240):
        statuses = [venue.ask("/api/v3/exchangeInfo").status_code for _ in range(16)]
        assert statuses == [200] * 6 + [429] * 9 + [418]
        banned = venue.ask("/api/v3/time")
        until = venue.now() + ban * 1000
        assert banned.status_code == 418
        assert banned.json()["code"] == -1003
        assert f"IP banned until {until}." in banned.json()["msg"]
        assert int(banned.headers["retry-after"]) == ban + 1
        clock.go_on(timedelta(seconds=ban))
        assert venue.ask("/api/v3/time").status_code == 200
        clock.go_on(timedelta(seconds=60))


def test_orders_have_limits_of_their_own(venue: Served, clock: ManualClock) -> None:
    for number in range(1, 6):
        accepted = venue.place()
        assert accepted.headers["x-mbx-order-count-10s"] == str(number)
        assert accepted.headers["x-mbx-order-count-1d"] == str(number)
    refused = venue.place()
    assert (refused.status_code, refused.json()) == (
        429,
        {"code": -1015, "msg": "Too many new orders; current limit is 5 orders per 10 SECOND."},
    )
    assert int(refused.headers["retry-after"]) <= 11
    counts = venue.signed("GET", "/api/v3/rateLimit/order").json()
    assert [one["intervalNum"] for one in counts] == [10, 1]
    clock.go_on(timedelta(seconds=10))
    assert venue.place().status_code == 200


def test_the_limits_are_listed(venue: Served) -> None:
    listed = venue.ask("/api/v3/exchangeInfo").json()["rateLimits"]
    assert [(one["rateLimitType"], one["interval"], one["limit"]) for one in listed] == [
        ("REQUEST_WEIGHT", "MINUTE", 60),
        ("ORDERS", "SECOND", 5),
        ("ORDERS", "DAY", 10_000),
    ]


def test_nothing_is_refused_where_limits_are_not_enforced(clock: ManualClock) -> None:
    with served(clock, RateLimits(is_enforced=False, scale=0.01)) as venue:
        assert {venue.place().status_code for _ in range(20)} == {200}
        assert used(venue.ask("/api/v3/exchangeInfo")) > 12
