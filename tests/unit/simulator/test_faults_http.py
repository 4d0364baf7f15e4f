"""Each fault of a request, once, over a real connection; the oracle says what was really done."""

import json
import ssl
import time
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from simulator.server import running_simulator
from tests.unit.simulator.small_wire import small_hosting

D = Decimal

RESET = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
BUY = {"client_order_id": "first"}


@contextmanager
def simulated(**hosting):
    with (
        running_simulator(
            "binance_us",
            prices={"BTC-USD": D(65_000)},
            funds={"USD": D(100_000)},
            hosting=small_hosting(**hosting),
        ) as sim,
        httpx.Client(base_url=sim.url, timeout=5, trust_env=False) as client,
    ):
        yield sim, client


@pytest.fixture
def venue():
    with simulated() as (sim, client):
        yield sim, client


def on_create(fault, **parameters):
    return {"match": {"operation": "create"}, "do": {"fault": fault, **parameters}}


def accepted(sim):
    return [one.client_order_id for one in sim.oracle().orders]


def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def buy(client, **asked):
    return client.post("/order", json=BUY | asked)


@pytest.mark.parametrize("fault", ["reset_before_request", "reset_mid_request"])
def test_a_request_cut_before_it_is_known_is_reset_and_not_done(venue, fault):
    sim, client = venue
    sim.plan([on_create(fault)])
    with pytest.raises(RESET):
        buy(client)
    assert accepted(sim) == []
    assert buy(client).status_code == 200


def test_a_request_can_be_cut_by_what_is_in_its_body(venue):
    sim, client = venue
    match = {"operation": "create", "client_order_id": "second", "symbol": "BTC-USD"}
    sim.plan([{"match": match, "do": {"fault": "reset_before_request"}}])
    assert buy(client, symbol="BTC-USD").status_code == 200
    with pytest.raises(RESET):
        buy(client, client_order_id="second", symbol="BTC-USD")
    assert accepted(sim) == ["first"]


def test_reset_after_accept_tells_nothing_of_an_order_that_exists(venue):
    sim, client = venue
    sim.plan([on_create("reset_after_accept")])
    with pytest.raises(RESET):
        buy(client)
    assert accepted(sim) == ["first"]


@pytest.mark.parametrize("when", ["at_once", "at_end"])
def test_a_timeout_hides_an_order_that_was_accepted(venue, when):
    sim, client = venue
    sim.plan([on_create("timeout_then_accepted", seconds=0.6, accepted=when)])
    with pytest.raises(httpx.ReadTimeout):
        client.post("/order", json=BUY, timeout=0.3)
    assert accepted(sim) == (["first"] if when == "at_once" else [])
    until(lambda: accepted(sim) == ["first"])


@pytest.mark.parametrize("answer", ["hang", "reset"])
def test_a_late_order_is_accepted_where_its_window_allows(venue, answer):
    sim, client = venue
    sim.plan([on_create("accepted_late", seconds=0.3, answer=answer)])
    with pytest.raises(RESET):
        buy(client, signed_at=sim.exchange.now().isoformat(), window=5)
    assert accepted(sim) == (["first"] if answer == "hang" else [])
    until(lambda: accepted(sim) == ["first"])


def test_a_late_order_is_refused_by_the_venue_itself_once_its_window_has_passed(venue):
    sim, client = venue
    sim.plan([on_create("accepted_late", seconds=0.3, answer="reset")])
    with pytest.raises(RESET):
        buy(client, signed_at=sim.exchange.now().isoformat(), window=0.1)
    until(lambda: sim.faults()[0]["notes"] == ["the venue answered 400"])
    assert accepted(sim) == []


@pytest.mark.parametrize(
    ("fault", "status", "is_done"),
    [
        (on_create("error_before"), 500, False),
        (on_create("error_before", status=503), 503, False),
        (on_create("error_after", status=500), 500, True),
        (on_create("error_after"), 502, True),
        (on_create("error_after", status=504), 504, True),
    ],
)
def test_a_proxys_error_page_says_nothing_about_the_order(venue, fault, status, is_done):
    sim, client = venue
    sim.plan([fault])
    reply = buy(client)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "text/html"
    assert reply.text.startswith("<html>")
    assert accepted(sim) == (["first"] if is_done else [])


@pytest.mark.parametrize(
    ("fault", "status", "wait"),
    [
        (on_create("rate_limited"), 429, None),
        (on_create("rate_limited", retry_after_seconds=7), 429, "7"),
        (on_create("banned"), 418, "60"),
    ],
)
def test_a_limit_refuses_with_or_without_saying_how_long(venue, fault, status, wait):
    sim, client = venue
    sim.plan([fault])
    reply = buy(client)
    assert (reply.status_code, reply.headers.get("retry-after")) == (status, wait)
    assert reply.json()["code"] == -1003
    assert accepted(sim) == []


@pytest.mark.parametrize("is_processed", [True, False])
def test_a_duplicate_id_is_said_in_the_venues_words(venue, is_processed):
    sim, client = venue
    sim.plan([on_create("duplicate_id", is_processed=is_processed)])
    assert buy(client).json() == {"code": -2010, "msg": "Duplicate order sent."}
    assert accepted(sim) == (["first"] if is_processed else [])


def test_garbage_is_no_json_and_truncated_json_neither(venue):
    sim, client = venue
    for number in ("first", "second"):
        sim.plan([on_create("garbage" if number == "first" else "truncated_json")])
        reply = buy(client, client_order_id=number)
        assert reply.status_code == 200
        with pytest.raises((ValueError, UnicodeDecodeError)):
            json.loads(reply.content)
    assert accepted(sim) == ["first", "second"]


def test_a_field_is_called_otherwise(venue):
    sim, client = venue
    sim.plan([on_create("renamed_field")])
    assert set(buy(client).json()) == {"renamed", "state"}
    sim.plan([on_create("renamed_field", field="state", to="status")])
    assert set(buy(client, client_order_id="b").json()) == {"order_id", "status"}


def test_a_reply_that_drips_takes_its_time_and_is_whole(venue):
    sim, client = venue
    sim.plan([on_create("slow_drip", byte_seconds=0.005)])
    started = time.monotonic()
    assert buy(client).json()["state"] == "filled"
    assert time.monotonic() - started > 0.2


def test_reads_do_not_see_what_is_younger_than_the_lag(venue):
    sim, client = venue
    sim.plan([{"match": {}, "do": {"fault": "stale_reads", "seconds": 30}}])
    assert buy(client).status_code == 200
    assert client.get("/orders").json() == []
    sim.plan([])
    assert client.get("/orders").json() == ["first"]


def test_the_exchanges_clock_is_wrong_until_the_plan_is_cleared(venue):
    sim, client = venue
    for seconds in (10, -10):
        sim.plan([{"do": {"fault": "clock_skew", "seconds": seconds}}])
        off = sim.exchange.now() - sim.exchange.clock.base.now()
        assert abs(off - timedelta(seconds=seconds)) < timedelta(seconds=1)
    sim.plan([{"match": {"operation": "time"}, "do": {"fault": "clock_skew", "seconds": 5}}])
    assert sim.exchange.clock.offset == timedelta(0)
    client.get("/time")
    assert sim.exchange.clock.offset == timedelta(seconds=5)
    sim.plan([])
    assert sim.exchange.clock.offset == timedelta(0)


def test_a_door_that_is_shut_refuses_every_connection_and_opens_again(venue):
    sim, client = venue
    assert client.get("/time").status_code == 200  # a connection that is kept
    sim.plan([{"do": {"fault": "connect_refused", "seconds": 0.3}}])
    with pytest.raises(httpx.ConnectError):
        buy(client)
    until(lambda: _answers(sim))
    assert accepted(sim) == []


def _answers(sim):
    try:
        return httpx.get(sim.url + "/time", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_connection_can_be_reset_as_soon_as_it_is_there(venue):
    sim, client = venue
    sim.plan([{"do": {"fault": "connect_reset", "seconds": 0.3}}])
    with pytest.raises((httpx.ConnectError, *RESET)):
        buy(client)
    until(lambda: _answers(sim))
    assert accepted(sim) == []


def test_tls_is_served_by_an_own_authority_and_can_be_cut(tmp_path):
    with simulated(tls_folder=tmp_path) as (sim, _):
        assert sim.url.startswith("https://")
        assert sim.stream_url.startswith("wss://")
        believes = ssl.create_default_context(cafile=sim.address.authority)
        with httpx.Client(base_url=sim.url, verify=believes, trust_env=False) as client:
            assert buy(client).status_code == 200
            sim.plan([{"do": {"fault": "tls_cut", "seconds": 0.3}}])
            with pytest.raises(httpx.ConnectError):
                buy(client, client_order_id="second")
            time.sleep(0.4)
            assert client.get("/time").status_code == 200
        with (
            httpx.Client(base_url=sim.url, trust_env=False) as stranger,
            pytest.raises(httpx.ConnectError),
        ):
            stranger.get("/time")
        assert accepted(sim) == ["first"]


def test_a_fault_on_one_request_leaves_the_others_alone(venue):
    sim, client = venue
    sim.plan([{"match": {"operation": "query"}, "do": {"fault": "error_before"}}])
    assert buy(client).status_code == 200
    assert client.get("/orders").status_code == 500
    assert client.get("/orders").json() == ["first"]
    assert [(one["seen"], one["hits"]) for one in sim.faults()] == [(2, 1)]
