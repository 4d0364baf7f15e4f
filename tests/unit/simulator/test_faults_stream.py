"""Each fault of a private stream, once, over a real WebSocket."""

import json
import threading
from contextlib import contextmanager
from decimal import Decimal

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from simulator.server import running_simulator
from tests.unit.simulator.small_wire import small_hosting

D = Decimal

A_MOMENT = 0.4


@pytest.fixture
def venue():
    with running_simulator(
        "kucoin",
        prices={"BTC-USD": D(65_000)},
        funds={"USD": D(100_000)},
        hosting=small_hosting(),
    ) as sim:
        yield sim


@contextmanager
def listening(sim):
    with connect(sim.stream_url + "/stream") as stream:
        assert stream.recv(timeout=2) == "welcome"
        yield stream


def told(stream, wait=A_MOMENT):
    """Return everything that is told until it has been quiet for a moment."""
    found = []
    while True:
        try:
            message = json.loads(stream.recv(timeout=wait))
        except TimeoutError:
            return found
        found.append((message["client_order_id"], message["change"]))


def buy(sim, name):
    asked = {"client_order_id": name, "quantity": "0.01"}
    return httpx.post(sim.url + "/order", json=asked, trust_env=False)


def hit(sim, fault, *, nth=1, **parameters):
    sim.plan([{"match": {"nth": nth}, "do": {"fault": fault, **parameters}}])


A, B = ("a", "accepted"), ("a", "executed")


def test_without_a_fault_everything_is_told_once_in_order(venue):
    with listening(venue) as stream:
        buy(venue, "a")
        assert told(stream) == [A, B]


def test_an_event_comes_twice(venue):
    hit(venue, "stream_duplicate", nth=2)
    with listening(venue) as stream:
        buy(venue, "a")
        assert told(stream) == [A, B, B]


def test_an_event_comes_after_the_next(venue):
    hit(venue, "stream_reorder")
    with listening(venue) as stream:
        buy(venue, "a")
        assert told(stream) == [B, A]


def test_an_event_never_comes(venue):
    hit(venue, "stream_gap", nth=2)
    with listening(venue) as stream:
        buy(venue, "a")
        buy(venue, "b")
        assert told(stream) == [A, ("b", "accepted"), ("b", "executed")]


def test_a_stream_falls_silent_and_stays_open(venue):
    hit(venue, "stream_stall", nth=2)
    with listening(venue) as stream:
        buy(venue, "a")
        buy(venue, "b")
        assert told(stream) == [A]
        assert stream.ping().wait(2)


def test_a_stream_is_cut_and_the_next_one_tells_the_old_again(venue):
    hit(venue, "stream_cut", nth=2)
    with listening(venue) as stream:
        buy(venue, "a")
        with pytest.raises(ConnectionClosed):
            told(stream)
    hit(venue, "stream_replay", seconds=0.05)
    with listening(venue) as stream:
        assert told(stream) == [A, B]


def test_a_fill_is_told_before_the_order_is_acknowledged(venue):
    venue.plan(
        [{"match": {"operation": "create"}, "do": {"fault": "fill_before_ack", "seconds": 1}}]
    )
    answers = []
    with listening(venue) as stream:
        asking = threading.Thread(target=lambda: answers.append(buy(venue, "a")))
        asking.start()
        assert told(stream) == [A, B]
        assert answers == []
        asking.join()
    assert answers[0].status_code == 200


def test_a_rule_can_be_about_one_order(venue):
    venue.plan([{"match": {"client_order_id": "b", "times": 0}, "do": {"fault": "stream_gap"}}])
    with listening(venue) as stream:
        buy(venue, "a")
        buy(venue, "b")
        assert told(stream) == [A, B]
