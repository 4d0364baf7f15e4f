"""Whatever a private stream says, twice, late, in another order or never: the books are the same.

Hints are only hints. The same story is lived with each fault of the stream, and without a stream at
all, and ends in the same orders and fills.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from shared.db.engine import DatabaseAddress
from shared.domain.enums import Side, TradingState
from tests.database import empty_database
from tests.faults.cell import empty_copy, judge, line_of, started, trading_at, until
from tests.faults.golden import VENUES
from tests.faults.quickly import quickly

D = Decimal
ALWAYS = {"times": 0}
PLANS = {
    "no fault": [],
    "fill before ack": [
        {"match": {"operation": "create", "times": 0}, "do": {"fault": "fill_before_ack"}}
    ],
    "duplicate": [{"match": ALWAYS, "do": {"fault": "stream_duplicate"}}],
    "reorder": [{"match": ALWAYS, "do": {"fault": "stream_reorder", "seconds": 0.7}}],
    "gap": [{"match": ALWAYS, "do": {"fault": "stream_gap"}}],
    "silent stall": [{"match": {"nth": 2}, "do": {"fault": "stream_stall"}}],
    "replay on reconnect": [
        {"match": {"nth": 2, "times": 3}, "do": {"fault": "stream_cut"}},
        {"match": {"nth": 2, "times": 0}, "do": {"fault": "stream_replay"}},
    ],
}
THE_STORY = [
    ("entry", "canceled", D(0)),
    ("entry", "filled", D("0.5")),
    ("entry", "filled", D("0.7")),
    ("exit", "filled", D("0.2")),
]


@pytest.fixture(autouse=True)
def hurry():
    with quickly():
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    file = tmp_path_factory.mktemp("empty") / "trading.sqlite"
    empty_database(DatabaseAddress(file=file))
    return file


def live(trading):
    """Rest and be filled later, take at once, rest and be canceled, leave."""
    symbol = trading.symbol
    rested = trading.approve(limit_price=D(99), bracket=None)
    trading.wait_status(rested, "open")
    trading.sim.exchange.set_price(symbol, D("98.5"))
    line = line_of(trading)
    line.board.learn_quote(line.venue.top_of_book(symbol))  # the price of before is seconds old
    trading.wait_status(rested, "filled")
    took = trading.approve(quantity=D("0.7"), limit_price=D(99), bracket=None)
    trading.wait_status(took, "filled")
    unwanted = trading.approve(quantity=D("0.3"), limit_price=D(90), bracket=None)
    trading.wait_status(unwanted, "open")
    trading.say_state(TradingState.REDUCE)
    trading.wait_status(unwanted, "canceled")
    left = trading.approve(side=Side.SELL, quantity=D("0.2"), limit_price=D(98))
    trading.wait_status(left, "filled")
    until(lambda: told(trading) == THE_STORY, lambda: told(trading))


def told(trading):
    return sorted((one["purpose"], one["status"], one["filled_quantity"]) for one in trading.rows())


def run(venue, plan, engine, *, has_stream=True):
    with trading_at(venue, engine, time_in_force="gtc") as trading:
        trading.sim.plan(plan)
        started(trading)
        if has_stream:
            until(lambda: trading.sim.exchange._hearers._hearers, "nobody listens")
        live(trading)
        until(lambda: all(one["hits"] for one in trading.sim.faults()), "the fault never came")
        time.sleep(1.0)  # what is told late comes now
        assert told(trading) == THE_STORY
        judge(trading)


@pytest.mark.parametrize("plan", PLANS)
def test_a_stream_that_lies_changes_nothing(plan, template, tmp_path):
    with ThreadPoolExecutor(len(VENUES)) as pool:
        running = [
            pool.submit(run, venue, PLANS[plan], empty_copy(template, tmp_path / venue))
            for venue in VENUES
        ]
        for one in running:
            one.result()


def test_without_any_stream_nothing_changes(template, tmp_path, monkeypatch):
    monkeypatch.setattr("executor.tasks.hearing.follow", lambda *_: None)
    with ThreadPoolExecutor(len(VENUES)) as pool:
        running = [
            pool.submit(run, venue, [], empty_copy(template, tmp_path / venue), has_stream=False)
            for venue in VENUES
        ]
        for one in running:
            one.result()
