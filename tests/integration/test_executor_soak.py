"""Five minutes of everything at once: approvals, stops, exits and faults drawn from a seed."""

import random
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from executor.tables import fills, frozen_symbols, orders
from shared.domain.enums import Side
from tests.bench.executor_rig import Desk, Servers, start_executor, start_venue
from tests.bench.machine import resident_mb
from tests.builders import PLAN
from venues.port import VenueName

D = Decimal
SEED = 20261121
SECONDS = 300.0
WARM_SECONDS = 60.0
SETTLED_WITHIN = 150.0  # an order nobody has is absent after more than half a minute
EVERY = 0.5
MOST_GROWTH_MB = 5.0
TIMES = {"EXECUTOR__OPEN_ORDERS_SECONDS": "3", "EXECUTOR__RECONCILE_SECONDS": "5",
         "EXECUTOR__TICK_SECONDS": "0.5"}  # fmt: skip
OF_ORDERS = (
    {"fault": "reset_before_request"}, {"fault": "reset_mid_request"},
    {"fault": "reset_after_accept"}, {"fault": "error_before", "status": 503},
    {"fault": "error_after", "status": 502}, {"fault": "garbage"}, {"fault": "truncated_json"},
    {"fault": "timeout_then_accepted", "seconds": 3}, {"fault": "duplicate_id"},
    {"fault": "accepted_late", "seconds": 2}, {"fault": "fill_before_ack"},
    {"fault": "rate_limited", "retry_after_seconds": 1},
)  # fmt: skip
OF_QUESTIONS = (
    {"fault": "reset_after_accept"}, {"fault": "error_before", "status": 500},
    {"fault": "garbage"}, {"fault": "truncated_json"},
)  # fmt: skip
OF_STREAMS = ("stream_duplicate", "stream_reorder", "stream_gap", "stream_cut", "stream_replay")
QUESTIONS = ("query", "open_orders", "history", "fills", "balances", "book", "cancel")


class Soak:
    """One executor and the random person before it."""

    def __init__(self, desk, executor):
        self.desk, self.executor = desk, executor
        self.chance = random.Random(SEED)
        self.price = D(100)

    @property
    def footprint(self):
        """Threads, file handles and resident MB of the executor."""
        process = Path(f"/proc/{self.executor.process.pid}")
        status = (process / "status").read_text()
        threads = int(status.partition("Threads:")[2].split()[0])
        return threads, len(list((process / "fd").iterdir())), resident_mb(process.name)

    def go_on(self, seconds):
        began = time.monotonic()
        for turn in range(1, int(seconds / EVERY) + 1):
            time.sleep(max(began + turn * EVERY - time.monotonic(), 0.0))
            assert self.executor.process.poll() is None
            if turn % 4 == 0:
                self.move()
            if turn % 6 == 0:
                self.break_something()
            self.approve()

    def move(self):
        """Let stops and targets be touched now and then."""
        self.price = D(str(round(self.chance.uniform(96, 104), 1)))
        self.set_price()

    def set_price(self):
        for symbol in self.desk.venue.symbols:
            told = {"symbol": symbol, "price": str(self.price), "level_quantity": "100000"}
            self.desk.venue.ask("price", told)

    def break_something(self):
        draw = self.chance.random()
        if draw < 0.5:
            rule = {"match": {"operation": "create"}, "do": self.chance.choice(OF_ORDERS)}
        elif draw < 0.85:
            match = {"operation": self.chance.choice(QUESTIONS), "times": 2}
            rule = {"match": match, "do": self.chance.choice(OF_QUESTIONS)}
        elif draw < 0.95:
            rule = {"do": {"fault": self.chance.choice(OF_STREAMS)}}
        else:
            rule = {"do": {"fault": "connect_refused", "seconds": 1}}
        self.desk.venue.ask("faults", [rule])

    def approve(self):
        held = [one for one in self.desk.rows(orders.c.is_held) if one.status == "filled"]
        if held and self.chance.random() < 0.35:
            self.desk.leave(self.chance.choice(held), limit_price=self.price * D("0.99"))
            return
        far = D("0.97") if self.chance.random() < 0.1 else D("1.01")
        self.desk.approve(Side.BUY, limit_price=self.price * far, bracket=PLAN)

    def settle(self):
        """Let the venue be well again, and wait until every order has ended or rests."""
        self.desk.venue.ask("faults", [])
        self.price = D(100)
        self.set_price()
        deadline = time.monotonic() + SETTLED_WITHIN
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 6.0:
            restless = [one for one in self.desk.rows(orders.c.is_working) if one.status != "open"]
            if restless:
                quiet_since = time.monotonic()
            assert time.monotonic() < deadline, [(one.status, one.detail) for one in restless]
            time.sleep(0.5)


def compare(desk):
    """Hold the books against what the venue really did."""
    oracle = desk.venue.ask("oracle")
    assert oracle["is_conserved"]
    theirs = {one["client_order_id"]: one for one in oracle["orders"]}
    doubles = [name for name, n in Counter(o["client_order_id"] for o in oracle["orders"]).items()
               if n > 1]  # fmt: skip
    assert not doubles
    rows = {one.client_order_id: one for one in desk.rows(orders.c.account.is_not(None))}
    assert theirs.keys() <= rows.keys(), "an order at the venue is in no row"
    filled = {name: one.filled_quantity for name, one in rows.items() if one.filled_quantity}
    assert filled == {
        name: D(one["filled_quantity"]) for name, one in theirs.items() if D(one["filled_quantity"])
    }
    resting = {name for name, one in rows.items() if one.status == "open"}
    assert resting == {n for n, one in theirs.items() if one["state"] in ("open", "pending")}
    with desk.engine.begin() as connection:
        booked = list(connection.execute(select(fills)))
        frozen = list(connection.execute(select(frozen_symbols)))
    assert len(booked) == sum(len(one["fills"]) for one in theirs.values())
    assert explained(booked) == {
        asset: D(one["available"]) + D(one["held"]) - (D(10**9) if asset.startswith("USD") else 0)
        for asset, one in oracle["balances"]["main"].items()
        if asset in explained(booked)
    }
    assert not frozen, frozen


def explained(booked):
    """Return what the fills moved, by asset."""
    moved = defaultdict(Decimal)
    for fill in booked:
        base, _, quote = fill.symbol.partition("-")
        sign = 1 if fill.side == "buy" else -1
        moved[base] += sign * fill.quantity
        moved[quote] -= sign * fill.quantity * fill.price
        moved[fill.fee_asset] -= fill.fee
    return dict(moved)


@pytest.mark.long
@pytest.mark.parametrize("venue", list(VenueName))
def test_after_minutes_of_faults_books_and_venue_agree_and_nothing_has_grown(
    mariadb_server, redis_server, tmp_path, venue
):
    servers = Servers(database=mariadb_server, redis=redis_server)
    with ExitStack() as held:
        running = start_venue(venue, held, is_limited=False)
        desk = Desk(servers, running, held)
        executor = start_executor(
            servers, running, tmp_path, BENCH_LIFTED="1", BENCH_MARKS="", **TIMES
        )
        held.callback(executor.end)
        with httpx.Client(timeout=2.0) as client:
            executor.wait_ready(client)
        soak = Soak(desk, executor)
        soak.go_on(WARM_SECONDS)
        threads, handles, resident = soak.footprint
        soak.go_on(SECONDS - WARM_SECONDS)
        soak.settle()
        compare(desk)
        after = soak.footprint
        assert after[0] <= threads + 1, f"{after[0]} threads, {threads} after a minute"
        assert after[1] <= handles + 4, f"{after[1]} file handles, {handles} after a minute"
        assert after[2] < resident + MOST_GROWTH_MB, f"{after[2]:.1f} MB, was {resident:.1f}"
