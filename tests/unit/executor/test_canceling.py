"""A cancel that the venue's rate limit held up leaves as soon as the limit allows."""

import time

import pytest

from executor.core.steps import accept, claim_approved, request_cancel
from executor.tasks.canceling import Canceler
from shared.domain.ids import VenueOrderId
from tests.unit.executor.venue_room import SaidVenue, VenueRoom, open_account
from venues.errors import RateLimited, VenueAway
from venues.port import CancelAnswer


class LimitedVenue(SaidVenue):
    """`errors` are raised by the first cancels."""

    def __init__(self, *errors):
        super().__init__()
        self.errors = list(errors)
        self.canceled = 0

    def cancel(self, order):
        if self.errors:
            raise self.errors.pop(0)
        self.canceled += 1
        return CancelAnswer.REQUESTED


@pytest.fixture
def canceler_at(sqlite_engine):
    def make(venue):
        open_account(sqlite_engine)
        room = VenueRoom(sqlite_engine, venue).lead()
        identity = room.approve()
        for step in (
            claim_approved,
            lambda state, now: accept(state, VenueOrderId("v1"), now),
            request_cancel,
        ):
            room.line.journal.apply(identity, lambda state, now, step=step: [step(state, now)])
        return Canceler(line=room.line)

    return make


def test_a_cancel_that_was_held_up_is_asked_for_when_the_limit_allows(canceler_at):
    venue, asked = LimitedVenue(RateLimited("kucoin", "used up", 0.2)), {}
    canceler = canceler_at(venue)
    canceler.cancel_wanted(asked)
    canceler.cancel_wanted(asked)
    assert venue.canceled == 0
    time.sleep(0.25)
    canceler.cancel_wanted(asked)
    assert venue.canceled == 1


def test_a_cancel_that_left_is_not_repeated_at_once(canceler_at):
    venue, asked = LimitedVenue(VenueAway("kucoin", "no answer")), {}
    canceler = canceler_at(venue)
    for _ in range(3):
        canceler.cancel_wanted(asked)
    assert (len(venue.errors), venue.canceled) == (0, 0)
