"""What the tasks of one process know of the venue right now."""

import time
from datetime import timedelta

import pytest

from executor.tasks.board import Board
from shared.domain.clock import FollowingClock, SystemClock
from shared.domain.venue import ClockReading
from tests.builders import BTC, CLOSED_AT
from tests.unit.executor.venue_room import RULES
from venues.errors import KeyRefused

READING = ClockReading(offset=timedelta(seconds=0.4), round_trip=timedelta(seconds=0.1))


def test_the_venues_clock_is_ours_until_it_has_been_read():
    assert Board(clock=FollowingClock(CLOSED_AT)).venue_now() == CLOSED_AT


def test_setting_the_machines_time_does_not_move_the_venues_clock():
    clock = FollowingClock(CLOSED_AT)
    board = Board(clock=clock)
    board.learn_clock(READING)
    clock.observe(CLOSED_AT + timedelta(seconds=40))
    passed = board.venue_now() - (CLOSED_AT + READING.offset)
    assert timedelta(0) <= passed < timedelta(seconds=5)


def test_the_venues_clock_goes_on_between_two_readings():
    board = Board(clock=FollowingClock(CLOSED_AT))
    board.learn_clock(READING)
    before = board.venue_now()
    time.sleep(0.02)
    assert board.venue_now() - before >= timedelta(seconds=0.02)


def test_the_lots_of_the_venue_are_known_as_soon_as_its_rules_are():
    board = Board(clock=SystemClock())
    lots = board.lots
    board.learn_rules({BTC: RULES})
    assert lots == {BTC: RULES.instrument.lot_size}


def test_who_has_not_recovered_says_what_stopped_it_until_it_has():
    board = Board(clock=SystemClock())
    board.learn_clock(READING)
    with pytest.raises(KeyRefused), board.explaining():
        raise KeyRefused("kucoin", "Invalid API-key")
    assert "kucoin: Invalid API-key" in board.problem(1)
    board.silence = "kucoin: no answer: ConnectionError"  # before it, the key was not asked about
    assert "no answer" in board.problem(1)
    with board.explaining():
        board.recovered, board.silence = 1, None
    assert board.problem(1) is None
    assert board.hindrance is None


def test_what_was_told_is_news_again_after_half_a_minute(monkeypatch):
    board, now = Board(clock=SystemClock()), [100.0]
    monkeypatch.setattr("executor.tasks.board.time.monotonic", lambda: now[0])
    assert board.is_news("orders.wait")
    assert board.is_news("quote.missing")
    now[0] += 29.0
    assert not board.is_news("orders.wait")
    now[0] += 1.0
    assert board.is_news("orders.wait")
