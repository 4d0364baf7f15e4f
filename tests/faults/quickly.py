"""Lets minutes of waiting pass in seconds: only our own pauses and limits, nothing of the venues.

What makes a late request be refused (its window of 5 s) stays as it is in production.
"""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Lock

import pytest

from executor.settings import ExecutorSettings
from venues.budget import LocalBudget
from venues.lanes import LanedVenue

READ_SECONDS = 1.0
FINALITY = timedelta(seconds=7)  # 5 s of window, and a margin
BAN_SECONDS = 2.0  # what a ban lasts where the venue does not say

_pauses = ExecutorSettings.pauses
_calls = {"submit": LanedVenue.submit, "cancel": LanedVenue.cancel}
_calls |= {"find_order": LanedVenue.find_order, "fills": LanedVenue.fills}


class Before:
    """What to do once, just before a venue is asked something; by the venue asked."""

    def __init__(self):
        self._waiting = {}
        self._lock = Lock()

    def do(self, venue, call, is_due, act):
        with self._lock:
            self._waiting[id(venue), call] = (is_due, act)

    def reached(self, venue, call, subject):
        with self._lock:
            found = self._waiting.get((id(venue), call))
            if found is None or not found[0](subject):
                return
            del self._waiting[id(venue), call]
        found[1]()


BEFORE = Before()


def _watched(call):
    ask = _calls[call]

    def asked(self, *given):
        BEFORE.reached(self, call, given[0])
        return ask(self, *given)

    return asked


def _short_pauses(self):
    return replace(_pauses(self), resolve=0.3, clock=1.0)


def _held_ratio(self):
    """Return 1 while the venue wants to be left alone, as ever, and 0 otherwise."""
    return float(self.seconds_now() < self._held_until)


@contextmanager
def quickly():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venues.transport.READ_SECONDS", READ_SECONDS)
        patch.setattr("venues.coinbase.adapter._FINALITY", FINALITY)
        patch.setattr("venues.binance_us.adapter.FINALITY", FINALITY)
        patch.setattr("venues.kucoin.adapter._ACCEPTANCE", FINALITY)
        patch.setattr("venues.coinbase.outcome._BAN_SECONDS", BAN_SECONDS)
        patch.setattr("venues.binance_us.limits._UNTOLD_WAIT", {429: 1.0, 418: BAN_SECONDS})
        patch.setattr("venues.kucoin.envelope._WAIT_SECONDS", 1.0)
        patch.setattr("venues.kucoin.envelope._BAN_SECONDS", BAN_SECONDS)
        # what is asked in a minute here is asked in ten by an executor that does not hurry
        patch.setattr("venues.budget.refuse_if_spent", lambda *_, **__: None)
        patch.setattr(LocalBudget, "used_ratio", _held_ratio)
        patch.setattr("executor.core.absence.APART", timedelta(seconds=0.3))
        patch.setattr("executor.tasks.canceling._AGAIN_SECONDS", 0.5)
        patch.setattr(ExecutorSettings, "pauses", _short_pauses)
        for call in _calls:
            patch.setattr(LanedVenue, call, _watched(call))
        yield
