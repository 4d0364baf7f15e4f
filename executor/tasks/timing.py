"""Reads the venue's clock, rules and limits again and again; keeps its dead-man switch armed.

A clock that is off stops the claims of this process at once; risk is told as well, so that the
account does not enter again by itself once the clocks agree.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from executor.repository import requests
from executor.tasks.board import LARGEST_OFFSET
from executor.tasks.line import Line, attempt
from shared.bus.unit_of_work import UnitOfWork
from shared.db.control import running_version
from shared.domain.enums import AlarmKind, Purpose
from shared.domain.events import TradingAlarmed
from shared.domain.venue import ClockReading
from shared.runtime.logging import get_logger
from venues.errors import VenueAway, VenueError

log = get_logger()

_DEAD_MAN_SECONDS = 60
_DISARMED = 0
_REARMED_SECONDS = 15.0
_LONGEST_ROUND_TRIP = timedelta(seconds=1)  # half of it is how wrong a reading may be


@dataclass(slots=True)
class _Next:
    """When what is due; `alarmed`: the version of the running state that risk was warned of."""

    clock: float = 0.0
    rules: float = 0.0
    dead_man: float = 0.0
    has_dead_man: bool = True
    is_armed: bool = False
    alarmed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeper:
    line: Line
    _next: _Next = field(default_factory=_Next)

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            pause = attempt(self.round, "timing")
            stop.wait(max(pause, 1.0))

    def round(self) -> None:
        line, now = self.line, time.monotonic()
        if now >= self._next.dead_man and line.may_act():  # first: nothing else may hold it up
            self._keep_alive()
            self._next.dead_man = now + _REARMED_SECONDS
        if now >= self._next.clock:
            self._ask_the_time()
            self._next.clock = now + line.pauses.clock
        if now >= self._next.rules:
            self.read_rules()
            self._next.rules = now + line.pauses.rules
        used = line.venue.rate_use().used_ratio
        line.metrics.venue_rate_limit_used_ratio.labels(venue=line.venue.name).set(used)

    def _ask_the_time(self) -> None:
        try:
            reading = self.read_clock()
        except VenueError as error:
            self.line.board.silence = error.detail
            raise
        self.line.heard()
        if is_off(reading) and self.line.may_act():
            self._warn(reading)

    def _warn(self, reading: ClockReading) -> None:
        """Tell risk, once for each time that it lets the account run."""
        line = self.line
        with line.transactions.read() as connection:
            running = running_version(connection, line.account)
        if running is None or running == self._next.alarmed:
            return
        apart = f"{reading.offset.total_seconds():+.3f} s"

        def say(uow: UnitOfWork) -> None:
            uow.emit(
                TradingAlarmed(
                    account=line.account,
                    kind=AlarmKind.CLOCK,
                    subject=line.venue.name,
                    detail=f"its clock is {apart} off ours; synchronise this machine's (NTP)",
                    raised_at=uow.now,
                )
            )

        line.transactions.attempt(say)
        self._next.alarmed = running
        log.warning("clock.off", venue=line.venue.name, seconds=reading.offset.total_seconds())

    def read_clock(self) -> ClockReading:
        """Take the middle of the request for the instant the venue answered.

        Raises:
            VenueAway: it took so long (a slow venue, or a question before it) that the answer says
                little; what was known before stays in force meanwhile.
        """
        line = self.line
        asked_at: datetime = line.board.clock.now()
        started = time.monotonic()
        theirs = line.venue.server_time()
        round_trip = timedelta(seconds=time.monotonic() - started)
        if round_trip > _LONGEST_ROUND_TRIP:
            raise VenueAway(line.venue.name, f"its clock was read within {round_trip}: too slowly")
        reading = ClockReading(offset=theirs - (asked_at + round_trip / 2), round_trip=round_trip)
        line.board.learn_clock(reading)
        line.venue.set_offset(reading.offset)
        skew = line.metrics.venue_clock_skew_seconds.labels(venue=line.venue.name)
        skew.set(reading.offset.total_seconds())
        return reading

    def read_rules(self) -> None:
        line = self.line
        listed = {one.instrument.symbol: one for one in line.venue.rules()}
        line.board.learn_rules({one: listed[one] for one in line.symbols if one in listed})
        missing = sorted(set(line.symbols) - listed.keys())
        if missing:
            log.warning("instruments.unknown_to_venue", symbols=missing)

    def _keep_alive(self) -> None:
        """Have the venue cancel resting entries should this process die, where it can."""
        line = self.line
        if not self._next.has_dead_man:
            return
        with line.transactions.read() as connection:
            working = requests.working(connection, line.account)
        symbols = sorted(
            {one.order.symbol for one in working if one.order.purpose is Purpose.ENTRY}
        )
        if symbols:
            is_armed = line.venue.arm_dead_man(_DEAD_MAN_SECONDS, symbols)
            self._next.has_dead_man = self._next.is_armed = is_armed
        elif self._next.is_armed:  # or it would strike at what a person lets rest there
            line.venue.arm_dead_man(_DISARMED, ())
            self._next.is_armed = False


def is_off(reading: ClockReading) -> bool:
    """Tell whether the clocks differ by more than may be, however the reading may have erred."""
    return abs(reading.offset) - reading.round_trip / 2 > LARGEST_OFFSET
