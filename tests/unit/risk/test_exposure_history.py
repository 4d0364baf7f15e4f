"""After whatever has happened the counters say what the rows say."""

import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from risk.core.tape import KEPT, Tape
from risk.repository.market import Shelf, save_tapes
from risk.tables import exposure_counters
from shared.domain.enums import Interval, OrderStatus, Purpose, Side
from shared.domain.events import (
    ExternalOrder,
    ExternalOrdersSeen,
    OrderCanceled,
    OrderExpired,
    PositionChanged,
    PositionMark,
    RecommendationExpired,
)
from tests.exposure_recount import assert_counted, overdrawn

D = Decimal
SYMBOLS = ("ADA-USDT", "BTC-USDT", "ETH-USDT", "SOL-USDT")


class Story:
    """Things that happen to one account, at random, one after the other."""

    def __init__(self, risk, facts, seed):
        self.risk, self.facts, self.chance = risk, facts, random.Random(seed)
        self.working, self.held = {}, {}
        self.minute = self.count = self.bookings = 0
        self.mark()

    def now(self):
        return 1 + self.minute / 60

    def tell(self, *facts):
        self.risk.say(*facts, now=self.now(), knows_market=False)

    def happen(self):
        self.count += 1
        self.chance.choice(
            (self.propose, self.propose, self.fill, self.fill, self.end, self.lapse, self.leave,
             self.mark, self.mark, self.others_order, self.change_limits)
        )()  # fmt: skip
        with self.risk.outside.read() as connection:
            assert_counted(connection)

    def propose(self):
        number = self.now()
        source = self.chance.choice(("combined", "rule", "ml"))
        asked = [
            replace(self.facts.entry(number, symbol, origin=f"{self.count}"), source=source)
            for symbol in self.chance.sample(SYMBOLS, self.chance.randint(1, 3))
        ]
        before = len(self.risk.approved())
        self.risk.say(self.facts.issued(number, *asked, origin=f"{self.count}"), now=number)
        for approved in self.risk.approved()[before:]:
            self.working[approved.decision_id] = (approved, D(0))

    def any_working(self):
        return self.chance.choice(sorted(self.working)) if self.working else None

    def fill(self):
        name = self.any_working()
        if name is None:
            return
        approved, done = self.working[name]
        left = approved.quantity - done
        part = left if self.chance.random() < 0.5 else min(left, D(self.chance.randint(1, 3)))
        done += part
        trade, symbol = f"t{self.count}", approved.symbol
        self.tell(self.facts.fill(approved, part, done, trade=trade))
        sign = 1 if approved.purpose is Purpose.ENTRY else -1
        self.held[symbol] = self.held.get(symbol, D(0)) + sign * part
        self.bookings += 1
        self.tell(
            PositionChanged(
                account="mock-main", symbol=symbol, quantity=self.held[symbol],
                average_cost=D(100), realized_pnl=D(0), changed_at=self.facts.at(self.now()),
                trade_id=trade, booking=self.bookings,
            )
        )  # fmt: skip
        self.working[name] = (approved, done)
        if done == approved.quantity:
            del self.working[name]

    def end(self):
        name = self.any_working()
        if name is not None:
            approved, done = self.working.pop(name)
            self.tell(OrderCanceled(order=self.facts.order(approved, OrderStatus.CANCELED, done)))

    def lapse(self):
        name = self.any_working()
        if name is None or self.working[name][1]:
            return
        approved, _ = self.working.pop(name)
        if self.chance.random() < 0.5:
            order = self.facts.order(approved, OrderStatus.NOT_SENT)
            self.tell(OrderExpired(order=order))
        else:
            self.tell(
                RecommendationExpired(
                    account=approved.account,
                    recommendation_id=approved.recommendation_id,
                    symbol=approved.symbol,
                    expired_at=self.facts.at(self.now()),
                )
            )

    def leave(self):
        held = [symbol for symbol, quantity in self.held.items() if quantity > 0]
        if not held:
            return
        symbol = self.chance.choice(sorted(held))
        wanted = self.facts.leaving(self.now(), symbol, quantity=self.held[symbol])
        before = len(self.risk.approved())
        self.tell(self.facts.issued(self.now(), wanted, origin=f"{self.count}"))
        for approved in self.risk.approved()[before:]:
            self.working[approved.decision_id] = (approved, D(0))

    def mark(self):
        self.minute += 1
        positions = []
        for symbol, quantity in sorted(self.held.items()):
            price = D(self.chance.randint(80, 120))
            if quantity > 0:
                positions.append(
                    PositionMark(
                        symbol=symbol, quantity=quantity, price=price, notional=quantity * price
                    )
                )
        equity = D(self.chance.randint(9_500, 10_500))
        marked = self.facts.marked(self.now(), equity=equity, cash="9000")
        self.tell(replace(marked, positions=tuple(positions), bookings=self.bookings))

    def others_order(self):
        self.minute += 1
        orders = tuple(
            ExternalOrder(
                venue_order_id=f"v{number}", symbol=self.chance.choice((*SYMBOLS, "ETH-USD")),
                side=self.chance.choice((Side.BUY, Side.SELL)),
                remaining=D(self.chance.randint(0, 3)), limit_price=D(self.chance.randint(50, 150)),
            )
            for number in range(self.chance.randint(0, 2))
        )  # fmt: skip
        orders = tuple(one for one in orders if one.symbol.endswith("USDT"))
        self.tell(
            ExternalOrdersSeen(
                account="mock-main",
                venue="synthetic",
                seen_at=self.facts.at(self.now()),
                orders=orders,
            )
        )

    def change_limits(self):
        found = self.risk.ask("GET", "/limits").json()
        ratio = self.chance.choice((0.03, 0.05, 0.08))
        name = self.chance.choice(("max_position_ratio", "max_source_ratio", "max_venue_ratio"))
        body = {"version": found["version"], "limits": {**found["limits"], name: ratio * 5}}
        assert self.risk.ask("PUT", "/limits", body=body).status_code == 200


@pytest.mark.parametrize("seed", range(3))
def test_the_counters_follow_every_history(sqlite_engine, facts, seed):
    story = Story(facts.Risk(sqlite_engine, SYMBOLS), facts, seed)
    for _ in range(80):
        story.happen()
    purposes = [one.purpose for one in story.risk.approved()]
    assert purposes.count("entry") >= 5
    assert story.held


def test_the_counters_follow_a_history_on_the_server_too(mariadb_engine, facts):
    story = Story(facts.Risk(mariadb_engine, SYMBOLS), facts, 7)
    for _ in range(60):
        story.happen()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_the_counters_follow_long_histories(sqlite_engine, facts, seed):
    story = Story(
        facts.Risk(sqlite_engine, SYMBOLS, platform={"trading_deeds_per_second": 1e6}), facts, seed
    )
    for _ in range(300):
        story.happen()


def moving_as_one(risk, facts, number, *symbols):
    """Keep closes for these by which they are the same but for a little noise."""
    chance = np.random.default_rng(3)
    moves = chance.normal(0, 0.01, KEPT - 1)
    tapes = []
    for symbol in symbols:
        own = moves + chance.normal(0, 0.0005, KEPT - 1)
        closes = 100 * np.exp(np.r_[-np.cumsum(own[::-1])[::-1], 0.0])
        tapes.append(
            Tape(
                symbol=symbol,
                closed_at=facts.at(number),
                closes=tuple(closes.tolist()),
                price=D(100),
                traded_at=facts.at(number),
            )
        )
    with risk.outside.begin() as uow:
        save_tapes(uow.connection, Shelf(venue="synthetic", interval=Interval.H1), tapes)


def test_what_moves_as_one_is_counted_together_until_it_is_given_back(engine, facts):
    risk = facts.Risk(engine, SYMBOLS, max_cluster_ratio=0.07)
    moving_as_one(risk, facts, 1, "BTC-USDT", "ETH-USDT")
    risk.say(facts.marked(1), now=1, knows_market=False)
    group = facts.issued(1, facts.entry(1, "ETH-USDT"), facts.entry(1, "BTC-USDT"))
    risk.say(group, knows_market=False)
    first, second = risk.approved()
    assert second.quantity < first.quantity / 2
    assert D(690) < risk.counter("cluster", "BTC-USDT").reserved <= 700
    shown = risk.ask("GET", "/exposure", scope="read").json()["counters"]
    assert ("cluster", "BTC-USDT") in {(one["scope"], one["key"]) for one in shown}
    risk.say(OrderCanceled(order=facts.order(second, OrderStatus.CANCELED)), knows_market=False)
    assert risk.counter("cluster", "BTC-USDT").reserved == 0
    assert risk.counter().reserved == risk.counter("asset", "ETH").reserved > 490


def test_the_source_of_an_entry_is_kept_from_its_promise_to_its_position(engine, facts):
    risk = facts.Risk(engine)
    asked = replace(facts.entry(1), source="rule")
    risk.say(facts.marked(1), facts.issued(1, asked), now=1)
    (approved,) = risk.approved()
    assert approved.source == "rule"
    assert risk.counter("source", "rule").reserved == risk.counter().reserved
    risk.say(facts.fill(approved, approved.quantity, approved.quantity), now=2)
    assert risk.counter("source", "rule").reserved == 0
    assert risk.counter("source", "rule").position == risk.counter().position > 0
    risk.say(facts.marked(2, BTC=approved.quantity))
    assert risk.counter("source", "rule").position == approved.quantity * 100


def test_counts_of_past_minutes_and_days_do_not_pile_up(embedded, facts):
    for number in range(1, 100, 3):
        entered = facts.issued(number, facts.entry(number), origin=f"{number}")
        embedded.say(facts.marked(number), entered, now=number)
        approved = embedded.approved()[-1]
        embedded.say(OrderCanceled(order=facts.order(approved, OrderStatus.CANCELED)))
    kinds = [row.scope_kind for row in embedded.rows(exposure_counters)]
    assert len(embedded.approved()) == 33
    assert kinds.count("orders_per_minute") == 1
    assert kinds.count("trades_per_day") <= 3
    with embedded.outside.read() as connection:
        assert_counted(connection)
        assert overdrawn(connection) == []
