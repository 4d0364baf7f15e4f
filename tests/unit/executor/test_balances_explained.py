"""Executor and portfolio about one account: what the venue holds, and how it is explained."""

from dataclasses import replace
from datetime import timedelta
from threading import Event
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, insert, select

from executor.handlers.movements import Declared
from executor.tables import balance_baselines, fills
from executor.tasks.balancing import Balances
from shared.bus.consumer import Consumer
from shared.bus.tables import subscriptions
from shared.db.audit import audit
from shared.domain.clock import SystemClock
from shared.domain.enums import BalanceKind, Side
from shared.domain.errors import Conflict
from shared.domain.events import BalanceMoved, OrderFilled
from tests.builders import ACCOUNT, asked
from tests.unit.executor.venue_room import D, SaidVenue, VenueRoom, open_account
from tests.unit.portfolio.test_movements import Two
from tests.unit.portfolio.test_portfolio_service import filled


class Both:
    """The comparison of an executor, and the portfolio that hears what it says."""

    def __init__(self, engine, **held):
        self.held = {asset: D(str(amount)) for asset, amount in held.items()}
        venue = SaidVenue()
        venue.balances = lambda: [
            SimpleNamespace(asset=asset, total=total) for asset, total in self.held.items()
        ]
        open_account(engine)
        self.room = VenueRoom(engine, venue)
        self.balances = Balances(line=self.room.line)
        self.portfolio = Two(engine, symbols=("BTC-USDT",))
        declared = Declared(account=ACCOUNT, venue="kucoin")
        handlers = {BalanceMoved.topic: declared.on_balance_moved}
        self.hears = Consumer("executor", self.room.line.transactions, handlers, 1.0)
        self.hears.subscribe()

    def compare(self):
        """Look twice, as the comparison wants it; both services hear what is said."""
        found = [self.balances.compare() for _ in range(2)][-1]
        self.listen()
        return [one.subject for one in found]

    def listen(self):
        while self.portfolio.consumer.handle_waiting() or self.hears.handle_waiting():
            pass

    def trade(self, number, side, quantity, price, fee="0"):
        """Have the venue execute, the executor write it down, and the portfolio hear of it."""
        fact = filled(f"t{number}", side, quantity, price, 1, fee=fee)
        at = SystemClock().now() - timedelta(hours=1)
        fill = replace(fact.fill, venue="kucoin", filled_at=at)
        fact = OrderFilled(order=replace(fact.order, venue="kucoin"), fill=fill)
        row = {name: getattr(fill, name) for name in fill.__slots__} | {
            "recorded_at": self.room.clock.now()
        }
        with self.room.line.transactions.begin() as uow:
            uow.connection.execute(insert(fills), [row])
            uow.emit(fact)
        self.listen()
        signed = D(quantity) * side.sign
        self.held["BTC"] = self.held.get("BTC", D(0)) + signed
        self.held["USDT"] -= signed * D(price) + D(fee)

    def later(self, **passed):
        self.room.clock.observe(self.room.clock.now() + timedelta(**passed))

    def assert_books_equal_venue(self):
        owned = self.portfolio.owned()
        for asset, total in self.held.items():
            free, aside = owned.get(asset, (D(0), D(0)))
            assert free + aside == total, asset

    def frozen(self):
        return self.room.frozen()

    def said(self, kind):
        facts = self.portfolio.said("balance.found")
        return [(one.asset, one.amount) for one in facts if one.kind is kind]


@pytest.fixture
def both(sqlite_engine):
    return Both(sqlite_engine, USDT=5000, BTC="0.25")


def test_the_first_look_opens_the_books_with_what_the_venue_holds(engine):
    both = Both(engine, USDT=5000, BTC="0.25")
    assert both.compare() == []
    assert both.said(BalanceKind.OPENING) == [("BTC", D("0.25")), ("USDT", D(5000))]
    assert both.portfolio.owned() == {
        "USDT": (D(5000), D(0)),
        "BTC": (D(0), D("0.25")),
    }
    assert both.portfolio.position() is None
    both.compare()
    assert len(both.said(BalanceKind.OPENING)) == 2
    with both.room.line.transactions.read() as connection:
        actions = connection.execute(select(audit.c.action)).scalars().all()
    assert actions.count("balance.opening") == 2


def test_books_and_venue_agree_after_fills_and_declared_movements(both):
    both.compare()
    both.trade(1, Side.BUY, "1", "100", fee="0.1")
    both.portfolio.move(kind="deposit", asset="USDT", amount="700")
    both.held["USDT"] += 700
    both.portfolio.move(
        kind="external_trade", symbol="BTC-USDT", side="sell", quantity="0.4", price="120", fee="1"
    )
    both.held["BTC"] -= D("0.4")
    both.held["USDT"] += D(47)
    both.portfolio.move(kind="withdrawal", asset="BTC", amount="0.1")
    both.held["BTC"] -= D("0.1")
    both.listen()
    assert both.compare() == []
    assert both.frozen() == []
    both.assert_books_equal_venue()
    assert both.portfolio.position().quantity == D("0.5")


def test_a_movement_declared_after_the_freeze_explains_it_and_a_person_thaws(both):
    both.compare()
    both.held["BTC"] += 3
    assert both.compare() == ["BTC"]
    assert both.frozen() == ["balance"]
    both.portfolio.move(kind="deposit", asset="BTC", amount="3", aside=True)
    both.listen()
    assert both.compare() == []
    both.assert_books_equal_venue()
    assert both.frozen() == ["balance"]


def test_money_that_is_missing_is_told_measured_and_explained(both):
    both.compare()
    both.held["USDT"] -= 1000
    assert both.compare() == ["USDT"]
    gauge = both.room.line.metrics.reconciliation_divergence
    labels = {"venue": "kucoin", "kind": "balance"}
    assert gauge.labels(**labels)._value.get() == 1
    assert both.room.line.board.mismatch is not None
    both.portfolio.move(kind="withdrawal", asset="USDT", amount="1000")
    both.listen()
    assert both.compare() == []
    assert gauge.labels(**labels)._value.get() == 0
    assert both.room.line.board.mismatch is None
    both.assert_books_equal_venue()


def test_what_a_person_accepts_is_booked_by_its_difference(both):
    both.compare()
    both.held["USDT"] += D("12.5")
    both.held["BTC"] -= D("0.05")
    assert both.compare() == ["BTC", "USDT"]
    both.balances.accept("USDT", asked(actor="ann"))
    both.balances.accept("BTC", asked("wish-0002", "ann"))
    both.balances.accept("BTC", asked("wish-0003", "ann"))  # nothing is left to explain
    both.listen()
    assert both.said(BalanceKind.ACCEPTED) == [("USDT", D("12.5")), ("BTC", D("-0.05"))]
    assert both.compare() == []
    both.assert_books_equal_venue()


def test_what_was_declared_and_not_heard_yet_cannot_be_accepted(engine):
    both = Both(engine, USDT=5000, BTC="0.25")
    both.compare()
    both.portfolio.move(kind="deposit", asset="USDT", amount="700")
    both.held["USDT"] += 700
    with pytest.raises(Conflict, match="would book it twice; ask again"):
        both.balances.accept("USDT", asked(actor="ann"))
    both.listen()
    assert both.balances.accept("USDT", asked(actor="ann")) == D(5700)
    both.listen()
    assert both.said(BalanceKind.ACCEPTED) == []
    assert both.compare() == []
    both.assert_books_equal_venue()


def test_what_is_heard_while_the_venue_is_asked_cannot_be_accepted_with_its_answer(both):
    both.compare()
    answer = [SimpleNamespace(asset="USDT", total=D(5000))]

    def late():
        both.portfolio.move(kind="deposit", asset="USDT", amount="700")
        both.listen()
        return answer

    both.room.line.venue.balances = late
    with pytest.raises(Conflict):
        both.balances.accept("USDT", asked(actor="ann"))
    assert both.said(BalanceKind.ACCEPTED) == []


def test_another_asset_can_be_accepted_meanwhile(both):
    both.compare()
    both.portfolio.move(kind="deposit", asset="USDT", amount="700")
    both.held["BTC"] += 1
    assert both.balances.accept("BTC", asked(actor="ann")) == D("1.25")


def test_an_account_begins_with_what_was_declared_only_once_that_is_heard(both):
    both.portfolio.move(kind="deposit", asset="USDT", amount="1000")
    both.balances.compare()
    both.listen()
    assert both.compare() == []
    assert both.said(BalanceKind.OPENING) == [("BTC", D("0.25")), ("USDT", D(5000))]
    both.assert_books_equal_venue()


def test_a_cent_that_was_declared_is_no_rounding(both):
    both.compare()
    both.trade(1, Side.BUY, "1", "100")
    both.portfolio.move(kind="withdrawal", asset="USDT", amount="0.01")
    both.held["USDT"] -= D("0.01")
    for _ in range(3):
        both.balances.compare()
    assert both.compare() == []
    assert both.said(BalanceKind.ROUNDING) == []
    both.assert_books_equal_venue()


def test_what_rounding_may_come_to_begins_anew_where_books_and_venue_agree(both):
    both.compare()
    for number in range(20):
        both.trade(number, Side.BUY, "0.01", "100")
    both.later(minutes=1)
    assert both.compare() == []
    both.held["USDT"] -= D("0.02")
    both.later(hours=1)
    both.trade(500, Side.BUY, "1", "100")
    assert both.compare() == ["USDT"]
    both.trade(501, Side.BUY, "1", "100")
    both.later(minutes=1)
    assert both.compare() == []  # two fills may have cost a cent each
    assert both.said(BalanceKind.ROUNDING) == [("USDT", D("-0.02"))]
    both.held["USDT"] -= D("0.01")
    both.later(hours=1)
    assert both.compare() == ["USDT"]
    both.later(minutes=1)
    both.balances = Balances(line=both.room.line)  # a restart knows when they agreed
    assert both.compare() == ["USDT"]
    both.balances.accept("USDT", asked(actor="ann"))
    both.held["USDT"] -= D("0.01")
    both.later(minutes=1)
    assert both.compare() == ["USDT"]


def test_fills_are_counted_once_however_often_they_are_read(both):
    both.compare()
    for number in range(3):
        both.later(minutes=4)
        both.trade(number, Side.BUY, "0.1", "100")
        assert both.compare() == []
    known = both.balances._known.moved
    assert known.amounts["BTC"] == D("0.3")
    assert len(known._last) == 2  # what was recorded before is not kept
    both.room.clock._now -= timedelta(hours=2)
    assert both.compare() == []
    assert both.balances._known.moved.amounts["BTC"] == D("0.3")


def test_the_venues_rounding_of_a_quote_is_booked_once_a_day(both):
    both.compare()
    both.trade(1, Side.BUY, "1", "100")
    both.held["USDT"] -= D("0.004")
    both.compare()
    both.compare()
    assert both.said(BalanceKind.ROUNDING) == [("USDT", D("-0.004"))]
    both.assert_books_equal_venue()
    both.trade(2, Side.BUY, "1", "100")
    both.held["USDT"] -= D("0.003")
    both.compare()
    both.compare()
    assert len(both.said(BalanceKind.ROUNDING)) == 1
    both.room.clock.observe(both.room.clock.now() + timedelta(days=1, hours=1))
    both.compare()
    both.compare()
    assert both.said(BalanceKind.ROUNDING) == [("USDT", D("-0.004")), ("USDT", D("-0.003"))]
    both.assert_books_equal_venue()
    again = Balances(line=both.room.line)  # a restart knows that it has been done today
    again.compare()
    again.compare()
    assert len(both.said(BalanceKind.ROUNDING)) == 2


def test_more_than_rounding_is_not_explained_by_it(both):
    both.compare()
    both.trade(1, Side.BUY, "1", "100")
    both.held["USDT"] -= D("0.02")
    assert both.compare() == ["USDT"]
    assert both.said(BalanceKind.ROUNDING) == []


def test_a_movement_before_the_first_look_is_part_of_what_is_found(both):
    both.portfolio.move(kind="deposit", asset="USDT", amount="1000")
    both.listen()
    assert both.compare() == []
    both.assert_books_equal_venue()


def test_the_words_of_another_account_change_no_baseline(both):
    both.compare()
    fact = BalanceMoved(
        account="paper-other", asset="USDT", amount=D(5), kind=BalanceKind.DEPOSIT,
        reference="r", actor="ann", moved_at=SystemClock().now(),
    )  # fmt: skip
    with both.room.line.transactions.begin() as uow:
        uow.emit(fact)
    both.listen()
    assert both.compare() == []
    with both.room.line.transactions.read() as connection:
        found = connection.execute(select(balance_baselines.c.asset, balance_baselines.c.amount))
        assert {row.asset: row.amount for row in found} == {"BTC": D("0.25"), "USDT": D(5000)}


def test_what_was_found_before_portfolio_ever_listened_is_booked_when_it_starts(both):
    with both.room.line.transactions.begin() as uow:
        uow.connection.execute(delete(subscriptions))
    both.compare()
    assert both.portfolio.owned() == {}
    both.portfolio.restart()
    catch_up = next(one for one in both.portfolio.service.tasks if one.name == "catch_up")
    for _ in range(2):
        catch_up.run(Event())
    both.assert_books_equal_venue()
