"""The dead-man switch of a venue: armed while an entry may rest there, by whoever leads."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from executor.core.steps import give_up
from executor.tasks.timing import Timekeeper
from shared.bus.history import last_events
from shared.db.control import control
from shared.domain.clock import SystemClock
from shared.domain.enums import Purpose, Side, TradingState
from shared.domain.events import TradingAlarmed
from shared.domain.venue import RateUse
from tests.builders import ACCOUNT, BTC
from tests.unit.executor.venue_room import RULES, SaidVenue, VenueRoom, open_account
from venues.errors import VenueAway


class TimedVenue(SaidVenue):
    """`has_switch`: whether it can cancel by itself; `armed`: what it was asked for."""

    def __init__(self, *, has_switch=True, slowness=0.0):
        super().__init__()
        self.has_switch, self.slowness = has_switch, slowness
        self.armed = []
        self.offset = None
        self.ahead = timedelta()

    def server_time(self):
        time.sleep(self.slowness)
        return SystemClock().now() + self.ahead

    def set_offset(self, offset):
        self.offset = offset

    def rules(self):
        return [RULES]

    def rate_use(self):
        return RateUse(used_ratio=0.0)

    def arm_dead_man(self, seconds, symbols):
        self.armed.append((seconds, list(symbols)))
        return self.has_switch


def timekeeper(engine, venue, *, leads=True, clock=None):
    open_account(engine)
    room = VenueRoom(engine, venue, clock=clock)
    return (room.lead() if leads else room), Timekeeper(line=room.line)


def test_while_an_entry_may_rest_the_venue_is_told_to_cancel_it_should_we_die(sqlite_engine):
    venue = TimedVenue()
    room, keeper = timekeeper(sqlite_engine, venue)
    room.approve()
    keeper.round()
    assert venue.armed == [(60, [BTC])]
    keeper.round()
    assert len(venue.armed) == 1  # not with every round


def test_without_an_entry_there_is_nothing_to_cancel(sqlite_engine):
    venue = TimedVenue()
    room, keeper = timekeeper(sqlite_engine, venue)
    room.approve(side=Side.SELL, purpose=Purpose.EXIT)
    keeper.round()
    assert venue.armed == []


def test_once_the_last_entry_has_ended_the_switch_is_taken_back(sqlite_engine, monkeypatch):
    monkeypatch.setattr("executor.tasks.timing._REARMED_SECONDS", 0.0)
    venue = TimedVenue()
    room, keeper = timekeeper(sqlite_engine, venue)
    identity = room.approve()
    keeper.round()
    room.line.journal.apply(identity, lambda state, now: [give_up(state, "for a test", now)])
    for _ in range(2):
        keeper.round()
    assert venue.armed == [(60, [BTC]), (0, [])]  # or a person's own orders would be canceled


def test_who_does_not_lead_keeps_nobodys_orders_alive(sqlite_engine):
    venue = TimedVenue()
    room, keeper = timekeeper(sqlite_engine, venue, leads=False)
    room.approve()
    keeper.round()
    assert venue.armed == []


def test_a_venue_without_such_a_switch_is_asked_once(sqlite_engine, monkeypatch):
    monkeypatch.setattr("executor.tasks.timing._REARMED_SECONDS", 0.0)
    venue = TimedVenue(has_switch=False)
    room, keeper = timekeeper(sqlite_engine, venue)
    room.approve()
    for _ in range(3):
        keeper.round()
    assert len(venue.armed) == 1


def test_the_switch_is_armed_again_well_before_it_strikes(sqlite_engine, monkeypatch):
    monkeypatch.setattr("executor.tasks.timing._REARMED_SECONDS", 0.05)
    venue = TimedVenue()
    room, keeper = timekeeper(sqlite_engine, venue)
    room.approve()
    for _ in range(2):
        keeper.round()
        time.sleep(0.06)
    assert len(venue.armed) == 2


def test_a_reading_of_the_clock_that_took_too_long_is_not_believed(sqlite_engine, monkeypatch):
    monkeypatch.setattr("executor.tasks.timing._LONGEST_ROUND_TRIP", timedelta(milliseconds=50))
    venue = TimedVenue(slowness=0.1)
    _, keeper = timekeeper(sqlite_engine, venue)
    with pytest.raises(VenueAway, match="too slowly"):
        keeper.read_clock()
    assert venue.offset is None


def test_while_the_venue_is_silent_people_are_told_why_until_it_answers(sqlite_engine, monkeypatch):
    venue = TimedVenue()
    room, keeper = timekeeper(sqlite_engine, venue)

    def away():
        raise VenueAway("kucoin", "no answer: ConnectionError")

    with monkeypatch.context() as patched:
        patched.setattr(venue, "server_time", away)
        with pytest.raises(VenueAway):
            keeper.round()
    assert room.line.board.silence == "kucoin: no answer: ConnectionError"
    keeper.round()
    assert room.line.board.silence is None


def alarms(room):
    with room.line.transactions.read() as connection:
        later = SystemClock().now() + timedelta(days=1)
        found = last_events(
            connection, topic=TradingAlarmed.topic, stream=ACCOUNT, before=later, limit=9
        )
    return [envelope.event for envelope in found]


def set_state(engine, state, version):
    with engine.begin() as connection:
        connection.execute(update(control).values(state=state, version=version))


@pytest.fixture
def off(sqlite_engine):
    """A leader whose venue's clock is three seconds ahead, read at every round."""
    venue = TimedVenue()
    venue.ahead = timedelta(seconds=3)
    room, keeper = timekeeper(sqlite_engine, venue, clock=SystemClock())

    def rounds(count=1):
        for _ in range(count):
            keeper._next.clock = 0.0
            keeper.round()

    return venue, room, rounds


def test_risk_is_warned_of_a_clock_that_is_off_once(off):
    _, room, rounds = off
    rounds(3)
    (alarm,) = alarms(room)
    assert (alarm.kind, alarm.subject) == ("clock", "kucoin")
    assert "+3.0" in alarm.detail
    assert "apart" in room.line.board.clock_problem()  # and nothing is claimed meanwhile


def test_who_resumes_while_the_clock_is_still_off_is_warned_again(sqlite_engine, off):
    _, room, rounds = off
    rounds()
    set_state(sqlite_engine, TradingState.REDUCE, 2)
    rounds(2)
    assert len(alarms(room)) == 1
    set_state(sqlite_engine, TradingState.RUN, 3)
    rounds(2)
    assert len(alarms(room)) == 2


def test_a_clock_that_agrees_or_may_agree_warns_nobody(off):
    venue, room, rounds = off
    venue.ahead = timedelta(seconds=0.9)
    rounds()
    venue.ahead, venue.slowness = timedelta(seconds=0.95), 0.2  # half of which the reading may err
    rounds()
    assert alarms(room) == []


def test_a_process_that_only_waits_for_its_turn_warns_nobody(sqlite_engine):
    venue = TimedVenue()
    venue.ahead = timedelta(seconds=3)
    room, keeper = timekeeper(sqlite_engine, venue, leads=False, clock=SystemClock())
    keeper.round()
    assert alarms(room) == []
