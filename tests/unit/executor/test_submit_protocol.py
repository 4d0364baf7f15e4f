"""The submit protocol on a real database: what is sent, when, how often, and what is believed."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from executor.core.steps import close
from executor.handlers.journal import Seen
from executor.handlers.venue_wishes import VenueWishes
from executor.repository import requests
from executor.tables import orders
from executor.tasks.missing import Missing
from executor.tasks.sending import WINDOW
from shared.db.control import control
from shared.domain.clock import FollowingClock, SystemClock
from shared.domain.enums import OrderStatus, TradingState
from shared.domain.errors import Conflict, NotFound
from shared.domain.venue import Ambiguous, NotSent, Refused
from tests.builders import asked
from tests.unit.executor.venue_room import (
    ACCOUNT,
    SaidVenue,
    VenueRoom,
    executed,
    open_account,
    reported,
)
from venues.errors import VenueAway

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def venue():
    return SaidVenue()


@pytest.fixture
def room(sqlite_engine, venue):
    open_account(sqlite_engine)
    return VenueRoom(sqlite_engine, venue).lead()


@pytest.fixture
def everywhere(engine, venue):
    """The same room on SQLite and on MariaDB."""
    open_account(engine)
    return VenueRoom(engine, venue).lead()


def doubted(room):
    """An order of which nobody knows whether it has arrived."""
    room.venue.answer = lambda _request: Ambiguous(reason="no answer")
    identity = room.approve()
    room.send(identity)
    assert room.status(identity) == OrderStatus.UNKNOWN
    return identity


def look(room, seconds, times=1):
    """Look for what is in doubt, so long after now on the venue's clock, two seconds apart."""
    start = SystemClock().now()
    for number in range(times):
        room.see_clock(start + timedelta(seconds=seconds + 2.1 * number))
        room.looker.resolve()


def test_an_order_is_committed_as_sent_before_a_byte_leaves(everywhere, venue):
    room = everywhere
    identity, seen = room.approve(), []
    venue.answer = lambda _request: seen.append(room.status(identity)) or NotSent(reason="no")
    room.send(identity)
    assert seen == [OrderStatus.SENDING]


def test_an_order_without_an_answer_is_in_doubt_and_never_sent_again(room, venue):
    identity = doubted(room)
    for _ in range(3):
        room.sender.send_waiting(threading.Event())
        room.send(identity)
    assert len(venue.requests) == 1
    assert room.status(identity) == OrderStatus.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Refused(reason="insufficient balance", code="-2010"), OrderStatus.REJECTED),
        (NotSent(reason="connection refused"), OrderStatus.NOT_SENT),
        (Ambiguous(reason="reset"), OrderStatus.UNKNOWN),
    ],
)
def test_each_answer_leads_to_its_status(room, venue, answer, status):
    venue.answer = lambda _request: answer
    identity = room.approve()
    room.send(identity)
    assert room.status(identity) == status


def test_a_request_carries_the_date_that_was_committed_and_its_window(room, venue):
    identity = room.approve()
    room.send(identity)
    (request,) = venue.requests
    assert request.signed_at == room.row(identity).signed_at
    assert request.window == WINDOW == timedelta(seconds=5)
    assert room.row(identity).final_after == request.signed_at + venue.finality


def test_an_order_that_is_not_found_is_absent_only_after_its_horizon(everywhere):
    room = everywhere
    identity = doubted(room)
    look(room, 1, times=8)
    assert (room.status(identity), room.row(identity).misses) == (OrderStatus.UNKNOWN, 0)
    look(room, 31, times=3)
    assert room.status(identity) == OrderStatus.ABSENT


def test_a_venue_that_does_not_answer_says_nothing_about_an_order(room, venue):
    identity = doubted(room)
    venue.error = VenueAway("kucoin", "no answer")
    look(room, 31, times=6)
    assert venue.looks == 6
    assert (room.status(identity), room.row(identity).misses) == (OrderStatus.UNKNOWN, 0)


def test_an_order_that_one_endpoint_shows_is_found(room, venue):
    identity = doubted(room)
    venue.listed = [reported(identity, OrderStatus.OPEN, 0)]
    look(room, 31, times=4)
    assert room.status(identity) == OrderStatus.OPEN


def test_an_approval_ends_by_the_databases_clock_whatever_ours_says(engine, venue):
    open_account(engine)
    slow = FollowingClock(SystemClock().now() - HOUR)
    room = VenueRoom(engine, venue, clock=slow).lead()
    identity = room.approve(expires_at=SystemClock().now() - SECOND)
    room.send(identity)
    assert (room.status(identity), venue.requests) == (OrderStatus.NOT_SENT, [])


def test_a_lease_ends_by_the_databases_clock_whatever_ours_says(engine, venue):
    open_account(engine)
    first = VenueRoom(engine, venue, "first").lead()
    fast = FollowingClock(SystemClock().now() + HOUR)
    second = VenueRoom(engine, venue, "second", fast).lead()
    assert first.line.leadership.token == 1
    assert second.line.leadership.token is None


def test_who_lost_the_lease_claims_nothing(engine, venue):
    open_account(engine)
    first = VenueRoom(engine, venue, "first").lead()
    identity, token = first.approve(), first.line.leadership.token
    first.leader.resign()
    VenueRoom(engine, venue, "second").lead()
    first.sender.send_one(identity, "BTC-USDT", token)
    assert (first.status(identity), venue.requests) == (OrderStatus.APPROVED, [])


def test_a_halt_lets_nothing_out(room, venue):
    identity = room.approve()
    with room.engine.begin() as connection:
        connection.execute(update(control).values(state=TradingState.HALT))
    room.send(identity)
    assert (room.status(identity), venue.requests) == (OrderStatus.NOT_SENT, [])


def test_of_two_that_claim_at_once_one_sends(mariadb_engine, venue):
    """Both hold the same token, as a process does whose task hangs while another begins."""
    open_account(mariadb_engine)
    first = VenueRoom(mariadb_engine, venue, "same").lead()
    other = VenueRoom(mariadb_engine, venue, "same").lead()
    identity = first.approve()
    thread = threading.Thread(target=lambda: other.send(identity))

    def meanwhile(point):
        if point == "executor.claim_before_commit":
            thread.start()
            thread.join(0.4)

    first.reached = meanwhile
    first.send(identity)
    thread.join()
    assert len(venue.requests) == 1


def see(room, identity, *told, report=None):
    with room.line.transactions.read() as connection:
        standing = requests.find(connection, room.line.account, identity)
    room.line.journal.see(standing, Seen(report=report, fills=told))


def test_two_trades_alike_are_two(everywhere):
    room = everywhere
    identity = room.approve()
    room.send(identity)
    see(room, identity, executed(1, "0.5"), executed(2, "0.5"))
    see(room, identity, executed(2, "0.5"), executed(1, "0.5"))
    assert [fill.quantity for fill in room.fills()] == [executed(1, "0.5").quantity] * 2
    assert room.status(identity) == OrderStatus.FILLED


def test_more_than_was_asked_for_is_kept_and_freezes_the_instrument(room):
    identity = room.approve()
    room.send(identity)
    see(room, identity, executed(1, "0.5"), executed(2, "0.7"))
    assert room.status(identity) == OrderStatus.OVERFILLED
    assert sum(fill.quantity for fill in room.fills()) == executed(1, "1.2").quantity
    assert room.frozen() == ["overfilled"]


def test_told_of_too_much_an_instrument_is_frozen_before_the_fills_are_known(room):
    identity = room.approve()
    room.send(identity)
    see(room, identity, report=reported(identity, filled="1.5"))
    assert (room.status(identity), room.frozen()) == (OrderStatus.FILLS_MISSING, ["overfilled"])


def test_a_canceled_order_has_not_ended_while_a_fill_is_missing(room):
    identity = room.approve()
    room.send(identity)
    see(room, identity, report=reported(identity, OrderStatus.CANCELED, "0.5"))
    assert room.status(identity) == OrderStatus.FILLS_MISSING
    assert room.row(identity).is_working
    see(room, identity, executed(1, "0.5"))
    assert room.status(identity) == OrderStatus.CANCELED


def test_an_order_called_absent_comes_back_when_the_venue_shows_it(room):
    identity = doubted(room)
    look(room, 31, times=3)
    assert room.status(identity) == OrderStatus.ABSENT
    see(room, identity, report=reported(identity, OrderStatus.OPEN, 0))
    assert (room.status(identity), room.frozen()) == (OrderStatus.OPEN, ["returned"])


def test_a_process_that_dies_after_its_claim_leaves_an_order_that_is_asked_about(room, venue):
    class Killed(BaseException):
        pass

    def dies(point):
        if point == "executor.signed":
            raise Killed

    room.reached = dies
    identity = room.approve()
    with pytest.raises(Killed):
        room.send(identity)
    assert room.status(identity) == OrderStatus.SENDING
    with room.engine.begin() as connection:
        connection.execute(update(orders).values(lease_token=0))  # an earlier holder's
    room.looker.recover()
    assert (room.status(identity), venue.requests) == (OrderStatus.UNKNOWN, [])


def test_a_person_ends_an_order_in_doubt_and_only_such_a_one(room):
    wishes = VenueWishes(
        account=ACCOUNT, mode="paper", transactions=room.line.transactions,
        journal=room.line.journal, ring_sender=lambda: None, ring_canceler=lambda: None,
    )  # fmt: skip
    identity = doubted(room)
    wishes.close(identity, "venue ticket 4711", asked())
    assert room.status(identity) == OrderStatus.ABSENT
    assert not room.row(identity).is_working
    wishes.close(identity, "venue ticket 4711", asked())  # the same request again
    with pytest.raises(Conflict):
        wishes.close(identity, "venue ticket 4711", asked("wish-0002"))
    with pytest.raises(NotFound):
        wishes.close(
            "f1020000-0000-8000-8000-000000000000", "venue ticket 4711", asked("wish-0003")
        )


def test_what_fills_after_it_was_closed_by_hand_is_booked_and_freezes_its_instrument(room):
    identity = doubted(room)
    room.line.journal.apply(identity, lambda state, now: [close(state, "seen", now)])
    see(room, identity, executed(1, "0.5"))
    assert room.status(identity) == OrderStatus.CANCELED
    assert sum(fill.quantity for fill in room.fills()) == executed(1, "0.5").quantity
    assert room.frozen() == ["returned"]


def test_an_order_that_no_list_knows_any_more_freezes_its_instrument_and_may_be_closed(room, venue):
    identity = room.approve()
    room.send(identity)
    assert room.status(identity) == OrderStatus.OPEN
    missing = Missing(line=room.line, looker=room.looker)
    room.see_clock(SystemClock().now() + 10 * SECOND)

    def round_():
        with room.line.transactions.read() as connection:
            working = requests.working(connection, ACCOUNT)
        missing.look_for(working, [])

    round_()
    assert room.frozen() == []  # a list may lag once
    round_()
    assert room.frozen() == ["missing"]
    wishes = VenueWishes(
        account=ACCOUNT, mode="paper", transactions=room.line.transactions,
        journal=room.line.journal, ring_sender=lambda: None, ring_canceler=lambda: None,
    )  # fmt: skip
    wishes.close(identity, "venue ticket 4711", asked())
    assert room.status(identity) == OrderStatus.ABSENT
