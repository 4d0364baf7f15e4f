"""What must be true after any crash: our books compared with what the venue really did."""

from collections import Counter, defaultdict
from decimal import Decimal
from re import fullmatch

from sqlalchemy import func, select

from executor.core.order import status_of
from executor.repository import orders as repository
from executor.tables import fills, frozen_symbols
from shared.bus.codec import decode
from shared.bus.tables import event_log
from shared.domain.enums import OrderStatus, OrderType, Purpose
from simulator.engine.model import State
from tests.crash.scene import OUR_TAG
from tests.venue_world import ACCOUNT, FUNDS, QUOTE
from venues.port import VenueName

ZERO = Decimal(0)
_AT_VENUE = {
    State.FILLED: {OrderStatus.FILLED},
    State.PENDING: {OrderStatus.OPEN},
    State.OPEN: {OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING},
    State.CANCELED: {OrderStatus.CANCELED, OrderStatus.EXPIRED},
    State.EXPIRED: {OrderStatus.CANCELED, OrderStatus.EXPIRED},
}
_NEVER_THERE = {
    OrderStatus.ABSENT, OrderStatus.NOT_SENT, OrderStatus.REJECTED, OrderStatus.APPROVED,
}  # fmt: skip
_ENDS = ("order.rejected", "order.canceled", "order.expired")


def check(scene, surprises=0, doubts=()):
    """Compare everything; `doubts`: ids of orders that may have been asked for and refused."""
    oracle = scene.sim.oracle()
    assert oracle.is_conserved, oracle.breaches
    rows = {row["client_order_id"]: row for row in scene.rows()}
    theirs = {
        one.client_order_id: one for one in oracle.orders if fullmatch(OUR_TAG, one.client_order_id)
    }
    _nothing_twice(scene, oracle)
    _nothing_lost_or_invented(rows, theirs)
    _the_same_fills(scene, theirs)
    _the_same_balances(scene, oracle, rows)
    _states_follow_from_facts(scene, rows)
    _one_story_each(scene, rows)
    assert scene.seen.creates.keys() - theirs.keys() <= set(doubts), "asked for in vain"
    with scene.engine.begin() as connection:
        found = connection.execute(select(func.count()).select_from(frozen_symbols)).scalar()
    assert found == surprises


def _nothing_twice(scene, oracle):
    placed = Counter(one.client_order_id for one in oracle.orders)
    assert not {one: many for one, many in placed.items() if many > 1}, "placed twice"
    asked = scene.seen.creates
    assert not {one: many for one, many in asked.items() if many > 1}, "asked for twice"


def _nothing_lost_or_invented(rows, theirs):
    known = {one for one, row in rows.items() if row["venue_order_id"] is not None}
    assert theirs.keys() - known == set(), "orphans: at the venue and not in our table"
    assert known - theirs.keys() == set(), "ghosts: in our table and not at the venue"
    for identity, one in theirs.items():
        row = rows[identity]
        assert row["venue_order_id"] in (one.venue_order_id, str(one.number))
        assert row["status"] in _AT_VENUE[one.state], (row["status"], one)
        assert row["filled_quantity"] == one.filled_quantity
        assert row["quantity"] == one.quantity
        assert row["lease_token"] is not None or row["detail"] == ""
    for identity in rows.keys() - theirs.keys():
        assert rows[identity]["status"] in _NEVER_THERE, rows[identity]


def _the_same_fills(scene, theirs):
    ours = defaultdict(list)
    with scene.engine.begin() as connection:
        for row in connection.execute(select(fills)):
            told = (row.trade_id, row.quantity, row.price, row.fee, row.fee_asset)
            ours[row.client_order_id].append(told)
    true = {
        identity: sorted(
            (
                f"{one.symbol}:{one.side}:{fill.trade_id}",
                fill.quantity,
                fill.price,
                fill.fee,
                fill.fee_asset,
            )
            for fill in one.fills
        )
        for identity, one in theirs.items()
        if one.fills
    }
    assert {identity: sorted(told) for identity, told in ours.items()} == true


def _the_same_balances(scene, oracle, rows):
    funds = oracle.balances["main"]
    held = defaultdict(lambda: ZERO)
    for row in rows.values():
        assert row["is_held"] == (row["open_quantity"] > ZERO)
        held[row["symbol"].split("-")[0]] += row["open_quantity"]
    quote = QUOTE[VenueName(scene.venue)]
    spent = ZERO
    for one in oracle.orders:
        for fill in one.fills:
            spent += one.side.sign * fill.quantity * fill.price
            spent += fill.fee if fill.fee_asset == quote else ZERO
    for asset in ("BTC", "ETH"):
        theirs = funds.get(asset)
        assert held[asset] == (ZERO if theirs is None else theirs.available + theirs.held), asset
    assert funds[quote].available + funds[quote].held == FUNDS - spent


def _states_follow_from_facts(scene, rows):
    transactions = scene.runtime.transactions("test")
    for identity, row in rows.items():
        state = transactions.attempt(
            lambda uow, one=identity: repository.load_state(uow.connection, ACCOUNT, one)
        )
        assert state.status == row["status"] == status_of(state.facts, row["quantity"])
        assert state.facts.filled_quantity == row["filled_quantity"]
        assert row["is_working"] == (not state.status.is_terminal)
        assert row["status"] not in (OrderStatus.UNKNOWN, OrderStatus.SENDING)
    decisions = Counter(row["decision_id"] for row in rows.values())
    assert set(decisions.values()) <= {1}


def _one_story_each(scene, rows):
    """What others heard of an order: sent once at most, filled as it filled, ended once."""
    told = defaultdict(list)
    with scene.engine.begin() as connection:
        for row in connection.execute(select(event_log).order_by(event_log.c.seq)):
            if row.topic.startswith("order."):
                event = decode(row.topic, row.payload)
                told[event.order.client_order_id].append((row.topic, event))
    for identity, row in rows.items():
        topics = Counter(topic for topic, _ in told[identity])
        status = OrderStatus(row["status"])
        assert topics["order.submitted"] == (row["claimed_at"] is not None), (identity, topics)
        quantity = sum(
            (event.fill.quantity for topic, event in told[identity] if topic == "order.filled"),
            ZERO,
        )
        assert quantity == row["filled_quantity"], (identity, topics)
        ends = sum(topics[topic] for topic in _ENDS)
        wanted = 1 if status.is_terminal and status is not OrderStatus.FILLED else 0
        assert ends == wanted, (identity, status, topics)
        assert topics["order.accepted"] <= 1, (identity, topics)


def stops(scene):
    return [row for row in scene.rows() if row["order_type"] == OrderType.STOP_LIMIT]


def exits(scene):
    return [row for row in scene.rows() if row["purpose"] == Purpose.EXIT]
