"""One order that cannot be handled holds up no other, and each process has a clock of its own."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import update

from executor.tables import order_events, orders
from executor.tasks.balancing import Balances
from executor.tasks.leading import Leader
from shared.domain.clock import FollowingClock, SystemClock
from shared.domain.enums import OrderStatus
from shared.domain.venue import Ambiguous, RateUse
from tests.unit.executor.venue_room import SaidVenue, VenueRoom, open_account

HOUR = timedelta(hours=1)


class CalmVenue(SaidVenue):
    def rate_use(self):
        return RateUse(used_ratio=0.0)


class VenueHeardByOurClock(CalmVenue):
    """Its prices are dated as a machine dates them whose clock is behind the database's."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def top_of_book(self, symbol):
        return replace(super().top_of_book(symbol), at=self.clock.now())


@pytest.fixture
def room(sqlite_engine):
    open_account(sqlite_engine)
    return VenueRoom(sqlite_engine, CalmVenue()).lead()


def spoil(room, identity):
    """Make what is known of an order unreadable."""
    with room.engine.begin() as connection:
        found = update(order_events).where(order_events.c.client_order_id == identity)
        connection.execute(found.values(payload={"trades": "unreadable"}))


def test_an_order_that_cannot_be_claimed_holds_up_no_other(room):
    spoilt, whole = room.approve(0), room.approve(1)
    spoil(room, spoilt)
    room.sender.send_waiting(Event())
    assert [one.client_order_id for one in room.venue.requests] == [whole]


def test_an_order_that_cannot_be_doubted_keeps_no_other_from_being_asked_for(room):
    lost = [room.approve(number) for number in range(2)]
    room.venue.answer = lambda _request: Ambiguous(reason="no answer")
    for identity in lost:
        room.send(identity)
    with room.engine.begin() as connection:
        long_ago = SystemClock().now() - HOUR
        sending = {"status": OrderStatus.SENDING, "claimed_at": long_ago}
        connection.execute(
            update(orders).where(orders.c.client_order_id == lost[0]).values(sending)
        )
    spoil(room, lost[0])
    room.looker.resolve()
    assert room.venue.looks == 1


def test_the_age_of_a_price_is_told_by_the_clock_that_dated_it(sqlite_engine):
    open_account(sqlite_engine)
    clock = FollowingClock(SystemClock().now() - 3 * HOUR)
    room = VenueRoom(sqlite_engine, VenueHeardByOurClock(clock), clock=clock).lead()
    room.approve()
    room.sender.send_waiting(Event())
    assert len(room.venue.requests) == 1


def test_balances_are_compared_by_one_at_a_time(room):
    at_once, most = [], []

    def balances():
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.05)
        at_once.pop()
        return []

    room.venue.balances = balances
    compared = Balances(line=room.line)
    threads = [threading.Thread(target=compared.compare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_an_error_without_a_word_does_not_end_the_holding_of_the_lease(room):
    stop = Event()

    class Speechless(Leader):
        def renew(self):
            stop.set()
            raise TimeoutError

    leader = room.leader
    Speechless(
        leadership=leader.leadership, account=leader.account,
        transactions=leader.transactions, metrics=leader.metrics,
    ).run(stop)  # fmt: skip
    assert stop.is_set()


def test_a_look_that_began_before_the_horizon_says_nothing_about_absence(room):
    room.venue.answer = lambda _request: Ambiguous(reason="no answer")
    identity = room.approve()
    room.send(identity)
    final_after = room.row(identity).final_after

    def slow(_ref):
        room.see_clock(final_after + timedelta(seconds=1))

    room.venue.find_order = slow
    room.looker.resolve()
    assert room.row(identity).misses == 0
    room.looker.resolve()
    assert room.row(identity).misses == 1
