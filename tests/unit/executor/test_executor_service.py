"""The executor on real databases, through the real bus."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from executor.core.order import OrderFacts, merged, status_of
from executor.repository.lists import our_view
from executor.tables import fills, order_events, orders
from executor.venues.simulated import SimulatedVenue
from shared.bus.codec import from_builtins
from shared.bus.unit_of_work import Transactions
from shared.db.engine import DatabaseAddress, connect
from shared.domain.enums import Interval, OrderStatus, Purpose, Side, TradingState
from shared.domain.events import CandlesClosed, RecommendationApproved, TradingStateChanged
from shared.domain.ids import Symbol
from tests.builders import ACCOUNT, CLOSED_AT, HOUR
from tests.database import empty_database
from tests.unit.executor.executor_builders import approval, candle
from tests.unit.executor.executor_room import Room

D = Decimal
ETH = Symbol("ETH-USDT")


def assert_rows_follow_from_events(room):
    """The stored status of every order is what its events say, and its fills are its fills."""
    events, traded = room.rows(order_events), room.rows(fills)
    for row in room.rows(orders):
        learned = [
            from_builtins(one.payload, OrderFacts)
            for one in events
            if one.client_order_id == row.client_order_id
        ]
        known = merged(learned)
        of_order = [one.quantity for one in traded if one.client_order_id == row.client_order_id]
        assert row.status == status_of(known, row.quantity)
        assert row.filled_quantity == known.filled_quantity == sum(of_order, D(0))
        assert row.is_working is not OrderStatus(row.status).is_terminal


def story(room):
    """Two entries, a refusal, a partial fill, a stop through two candles, a recommended exit."""
    room.approve(
        approval(), approval(symbol=ETH), approval(hour=0, symbol=ETH, quantity=D("0.01"),
        decision_id="00000000-0000-8000-8000-000000000001"),
    )  # fmt: skip
    room.close(1, candle(1), candle(1, volume=5, symbol=ETH))
    room.approve(approval(Side.SELL, 1, symbol=ETH))
    room.close(2, candle(2, 100, low=90, volume=4), candle(2, symbol=ETH))
    room.close(3, candle(3, 95, volume=40), candle(3, symbol=ETH))
    return room


def test_an_approval_becomes_an_order_that_fills_in_the_next_candle(engine):
    room = Room(engine)
    room.approve(approval())
    assert room.topics() == ["order.submitted", "order.accepted"]
    room.close(1)
    assert room.topics()[2:] == ["order.filled", "account.reconciled"]
    filled, reconciled = (one.event for one in room.heard()[2:])
    assert filled.order.status is OrderStatus.FILLED
    assert filled.fill.price == D("100.05")
    assert reconciled.as_of == CLOSED_AT + HOUR
    assert_rows_follow_from_events(room)


def test_the_story_ends_flat_with_everything_said_once(engine):
    room = story(Room(engine))
    sides = {(one.symbol, one.side): D(0) for one in room.rows(fills)}
    for one in room.rows(fills):
        sides[one.symbol, one.side] += one.quantity
    assert sides == {
        ("BTC-USDT", "buy"): D(1), ("BTC-USDT", "sell"): D(1),
        ("ETH-USDT", "buy"): D("0.5"), ("ETH-USDT", "sell"): D("0.5"),
    }  # fmt: skip
    assert not any(row.is_held or row.is_working for row in room.rows(orders))
    assert_rows_follow_from_events(room)
    assert room.ask("POST", "/reconcile").json() == {"agrees": True, "differences": []}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_at_any_commit_changes_nothing(sqlite_engine, tmp_path, phase):
    undisturbed = story(Room(sqlite_engine))
    expected, commits = undisturbed.books(), undisturbed.commits
    assert commits >= 8
    for number in range(2, commits + 1):  # the first commit is the subscription itself
        address = DatabaseAddress(file=tmp_path / f"{phase}-{number}.sqlite")
        empty_database(address)
        engine = connect(address)
        room = story(Room(engine, kill_at=(phase, number)))
        assert room.kill_at is None
        assert room.books() == expected
        engine.dispose()


def test_a_claimed_order_of_a_dead_process_is_sent_by_the_next_one(engine):
    room = Room(engine)
    room.clock.observe(CLOSED_AT)
    room.tell(RecommendationApproved(approved=approval()))
    room.consumer.handle_waiting()
    assert [row.status for row in room.rows(orders)] == [OrderStatus.SENDING]
    room.start()
    room.settle()
    assert [row.status for row in room.rows(orders)] == [OrderStatus.OPEN]
    assert room.topics() == ["order.submitted", "order.accepted"]


def test_a_claimed_order_found_too_late_is_never_sent(engine):
    room = Room(engine)
    room.clock.observe(CLOSED_AT)
    room.tell(RecommendationApproved(approved=approval()))
    room.consumer.handle_waiting()
    room.start()
    room.clock.observe(CLOSED_AT + HOUR)
    room.settle()
    assert [row.status for row in room.rows(orders)] == [OrderStatus.NOT_SENT]
    assert room.topics() == ["order.submitted", "order.expired"]


@pytest.mark.parametrize(("hours", "expected"), [(1, "not_sent"), (3, "filled")])
def test_a_candle_that_overtakes_the_answer_settles_the_order_first(engine, hours, expected):
    room = Room(engine)
    room.clock.observe(CLOSED_AT)
    late = approval(expires_at=CLOSED_AT + hours * HOUR)
    room.tell(RecommendationApproved(approved=late))
    room.consumer.handle_waiting()
    room.hear_only(CandlesClosed.topic)
    room.close(1)
    assert [row.status for row in room.rows(orders)] == [expected]
    assert_rows_follow_from_events(room)


def test_the_same_approval_heard_twice_is_one_order(engine):
    room = Room(engine)
    room.approve(approval())
    again = replace(approval(), limits_version=2)
    with Transactions(engine, room.clock, room.runtime.doorbell, "other").begin() as uow:
        uow.emit(RecommendationApproved(approved=again))
    room.settle()
    assert len(room.rows(orders)) == 1


def test_what_is_late_is_given_back(engine):
    room = Room(engine)
    room.clock.observe(CLOSED_AT + HOUR)
    room.say(RecommendationApproved(approved=approval()))
    assert room.rows(orders) == []
    (lapsed,) = room.heard("recommendation.expired")
    assert lapsed.event.recommendation_id == approval().recommendation_id


@pytest.mark.parametrize(
    ("state", "made"), [(TradingState.HALT, 0), (TradingState.REDUCE, 1), (TradingState.RUN, 2)]
)
def test_halt_blocks_all_and_reduce_lets_exits_pass(engine, state, made):
    room = Room(engine)
    room.set_state(state)
    room.approve(approval(symbol=ETH), approval(Side.SELL))
    assert len(room.rows(orders)) == made
    assert len(room.heard("recommendation.expired")) == 2 - made


@pytest.mark.parametrize("state", [TradingState.HALT, TradingState.REDUCE])
def test_a_stop_cancels_open_entries_and_leaves_brackets_alone(engine, state):
    room = Room(engine)
    room.approve(approval())
    room.close(1)
    room.approve(approval(hour=1, symbol=ETH))
    room.set_state(state)
    stopped = TradingStateChanged(
        account=ACCOUNT, state=state, version=2, actor="a person", reason="storm",
        changed_at=CLOSED_AT + HOUR,
    )  # fmt: skip
    room.say(stopped)
    assert [one.event.order.symbol for one in room.heard("order.canceled")] == [ETH]
    room.close(2, candle(2, 100, low=90))
    assert room.heard("order.filled")[-1].event.order.exit_reason == "stop"


def test_an_order_outside_the_rules_is_rejected_with_its_reason(engine):
    room = Room(engine)
    room.approve(approval(quantity=D("0.000001")))
    assert room.topics() == ["order.submitted", "order.rejected"]
    assert "no multiple" in room.rows(orders)[0].detail


def test_books_in_doubt_let_only_exits_pass(engine):
    room = Room(engine)
    room.approve(approval())
    room.close(1)
    with engine.begin() as connection:
        connection.execute(update(orders).values(open_quantity=D("0.5")))
    room.start()
    room.approve(approval(hour=1, symbol=ETH), approval(Side.SELL, 1))
    assert [one.purpose for one in room.rows(orders)].count(Purpose.EXIT) == 1
    assert len(room.heard("recommendation.expired")) == 1
    ready = room.ask("GET", "/health/ready")
    assert ready.status_code == 503
    assert "balance" in ready.text


def test_candles_of_another_venue_or_interval_are_not_ours(engine):
    room = Room(engine)
    room.approve(approval())
    ours = CandlesClosed(
        venue="synthetic", interval=Interval.H1, closed_at=CLOSED_AT + HOUR, shard=0,
        candles=(candle(1),), references=(),
    )  # fmt: skip
    room.say(replace(ours, venue="elsewhere"), replace(ours, interval=Interval.M1))
    assert room.rows(fills) == []
    assert room.heard("account.reconciled") == []


def test_several_candles_in_one_batch_are_matched_in_order(engine):
    room = Room(engine)
    room.approve(approval())
    room.tell(
        *(
            CandlesClosed(
                venue="synthetic", interval=Interval.H1, closed_at=CLOSED_AT + hour * HOUR,
                shard=0, references=(), candles=(candle(hour, open_),),
            )
            for hour, open_ in ((1, 100), (2, 97), (3, 100))
        )
    )  # fmt: skip
    room.settle()
    assert [one.event.fill.reference_price for one in room.heard("order.filled")] == [D(100), D(97)]
    assert len(room.heard("account.reconciled")) == 3
    assert room.heard("order.filled")[-1].event.fill.filled_at == CLOSED_AT + timedelta(hours=2)
    assert_rows_follow_from_events(room)


def test_comparing_reads_recent_trades_and_remembers_what_older_ones_left(engine):
    room = Room(engine)
    room.approve(approval())
    room.close(1)
    month = 24 * 30
    transactions = room.runtime.transactions("test")
    venue = SimulatedVenue(
        name=room.rows(fills)[0].venue, account=ACCOUNT, instruments={}, read=transactions.read
    )
    first = venue.view(CLOSED_AT)
    room.approve(approval(hour=month, symbol=ETH))
    room.close(month + 1, candle(month + 1, symbol=ETH))
    since = CLOSED_AT + 20 * 24 * HOUR
    with transactions.read() as connection:
        ours = our_view(connection, ACCOUNT, since)
    second, again = venue.view(since), venue.view(since)
    assert len(first.trades) == len(ours.trades) == len(second.trades) == 1
    assert ours.trades.keys() == second.trades.keys() != first.trades.keys()
    assert ours.balances == second.balances == again.balances == venue.view(CLOSED_AT).balances
    assert second.balances.keys() == {"BTC", "ETH"}
    assert room.ask("POST", "/reconcile").json()["agrees"] is True
