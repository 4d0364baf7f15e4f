"""Every command given to an order stands once in the audit, and a claim waits for no chain."""

import pytest
from sqlalchemy import select

from executor.core.steps import doubt
from executor.handlers.venue_wishes import VenueWishes
from executor.tables import orders
from shared.bus import unit_of_work
from shared.db.audit import append, audit
from shared.domain.enums import OrderStatus, SurpriseKind, TradingState
from shared.domain.events import TradingStateChanged
from shared.domain.venue import Ambiguous, NotSent
from tests.builders import ACCOUNT, BTC, CLOSED_AT, asked
from tests.unit.executor.executor_builders import approval, candle
from tests.unit.executor.executor_room import Killed, Room
from tests.unit.executor.venue_room import SaidVenue, VenueRoom, open_account


def told(engine, subject=None):
    """What the audit says of an order: (actor, action), oldest first."""
    statement = select(audit).order_by(audit.c.seq)
    if subject is not None:
        statement = statement.where(audit.c.subject == subject)
    with engine.connect() as connection:
        return [(row.actor, row.action) for row in connection.execute(statement)]


def actions(engine, subject=None):
    return [action for _, action in told(engine, subject)]


@pytest.fixture
def room(engine):
    open_account(engine)
    return VenueRoom(engine, SaidVenue()).lead()


def wishes(room):
    return VenueWishes(
        account=ACCOUNT,
        mode="paper",
        transactions=room.line.transactions,
        journal=room.line.journal,
        ring_sender=lambda: None,
        ring_canceler=lambda: None,
    )


def test_an_order_is_told_when_it_is_taken_in_and_when_it_was_sent(room):
    identity = room.approve()
    room.send(identity)
    assert actions(room.engine, identity) == ["order.taken_in", "order.sent"]
    with room.engine.connect() as connection:
        row = connection.execute(select(audit).where(audit.c.action == "order.sent")).one()
        order = connection.execute(select(orders)).one()
    assert row.detail["decision_id"] == order.decision_id
    assert (row.detail["side"], row.detail["symbol"]) == ("buy", BTC)
    assert row.chain == "executor"


def test_between_a_claim_and_the_first_byte_nothing_is_written_to_the_chain(room, monkeypatch):
    identity = room.approve()
    seen = []
    room.reached = seen.append

    def spy(connection, chain, deeds):
        if deeds:
            seen.append("audit")
        append(connection, chain, deeds)

    monkeypatch.setattr(unit_of_work, "append", spy)
    room.send(identity)
    assert seen.index("executor.signed") > seen.index("executor.claim_after_commit")
    assert [one for one in seen if one == "audit"] == ["audit"]
    assert seen.index("audit") > seen.index("executor.answered")


def test_an_order_whose_answer_is_lost_is_told_as_sent_by_whoever_finds_out(room):
    identity = room.approve()
    room.venue.answer = lambda _request: (_ for _ in ()).throw(Killed)
    with pytest.raises(Killed):
        room.send(identity)
    assert actions(room.engine, identity) == ["order.taken_in"]
    found_out = "it died while it was sent"
    room.line.journal.apply(identity, lambda state, now: [doubt(state, found_out, now)])
    assert actions(room.engine, identity) == ["order.taken_in", "order.sent"]


def test_an_order_that_never_left_is_told_as_not_sent(room):
    room.venue.answer = lambda _request: NotSent(reason="the door was shut")
    identity = room.approve()
    room.send(identity)
    assert actions(room.engine, identity) == ["order.taken_in", "order.not_sent"]


def test_whoever_cancels_or_closes_an_order_is_named(room):
    resting = room.approve()
    room.send(resting)
    wishes(room).cancel(resting, "ada")
    assert told(room.engine, resting)[-1] == ("ada", "order.cancel_requested")
    room.venue.answer = lambda _request: Ambiguous(reason="no answer")
    doubtful = room.approve(1)
    room.send(doubtful)
    wishes(room).close(doubtful, "ticket 7", asked(actor="grace"))
    assert told(room.engine, doubtful)[-1] == ("grace", "order.closed")


def test_what_freezes_an_instrument_is_told_once_and_who_thaws_it(room):
    journal = room.line.journal
    for _ in range(2):
        room.line.transactions.attempt(
            lambda uow: journal.surprise(uow, BTC, SurpriseKind.BALANCE, "0.1 too much")
        )
    wishes(room).thaw(BTC, "ada")
    assert told(room.engine, BTC) == [("executor", "symbol.frozen"), ("ada", "symbol.thawed")]


def test_at_the_simulated_venue_every_command_stands_once_whichever_commit_is_killed(sqlite_engine):
    room = Room(sqlite_engine, kill_at=("before", 2))
    room.approve(approval())
    room.close(1, candle(1, 100, low=90))
    per_order = {
        row.client_order_id: actions(room.engine, row.client_order_id) for row in room.rows(orders)
    }
    assert len(per_order) == 2  # the entry, and the bracket's exit
    assert all(one == ["order.taken_in", "order.sent"] for one in per_order.values())


def test_entries_that_a_halt_cancels_are_told(sqlite_engine):
    room = Room(sqlite_engine)
    room.approve(approval())
    room.say(
        TradingStateChanged(
            account=ACCOUNT, state=TradingState.HALT, version=2, actor="ops", reason="test",
            changed_at=CLOSED_AT,
        )
    )  # fmt: skip
    (row,) = room.rows(orders)
    assert row.status == OrderStatus.CANCELED
    assert actions(room.engine, row.client_order_id)[-1] == "order.canceled"


def test_an_approval_that_lapses_is_told(sqlite_engine):
    room = Room(sqlite_engine)
    room.set_state(TradingState.HALT)
    approved = approval()
    room.approve(approved)
    assert told(room.engine, approved.decision_id) == [("executor", "approval.lapsed")]


def test_who_forces_an_exit_over_rest_is_named(sqlite_engine):
    room = Room(sqlite_engine)
    room.approve(approval())
    room.close(1)
    key = {"Idempotency-Key": "leave-0001"}
    answer = room.ask("POST", "/forceexit", "trade", {"all": True}, key)
    assert answer.status_code == 202
    (identity,) = answer.json()["client_order_ids"]
    actor, action = told(room.engine, identity)[0]
    assert action == "order.taken_in"
    assert actor != "executor"  # the name of the key
