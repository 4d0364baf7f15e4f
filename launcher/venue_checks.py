"""What the doctor asks the venue that orders go to: whether it answers, its clock, its key."""

from collections.abc import Sequence
from datetime import timedelta

from executor.core.gate import LARGEST_OFFSET
from executor.settings import ExecutorSettings
from launcher.places import credentials_for, venues_in_use
from shared.domain.clock import SystemClock
from shared.domain.errors import TradingError
from shared.domain.venue import KeyPermissions
from shared.runtime.settings import Mode, PlatformSettings
from venues.opening import adapter_of
from venues.port import SpotVenue, VenueName

Checked = tuple[str, str | None]  # what was looked at, and what is wrong with it


def check_venues(platform: PlatformSettings, settings: ExecutorSettings) -> Sequence[Checked]:
    """Ask every venue that this configuration trades at; ask nobody where none is."""
    return [
        one
        for name in venues_in_use(platform.mode, settings)
        for one in _check(name, platform.mode, settings)
    ]


def _check(name: VenueName, mode: Mode, settings: ExecutorSettings) -> Sequence[Checked]:
    try:
        venue = adapter_of(name, credentials_for(name, mode, settings))
    except TradingError as error:
        return [(f"{name} is configured", error.detail)]
    answered = _clock(venue)
    if answered is None:
        return [(f"{name} answers", None), *_key(venue)]
    return [(f"{name} answers, with our time", answered)]


def _clock(venue: SpotVenue) -> str | None:
    clock = SystemClock()
    before = clock.now()
    try:
        theirs = venue.server_time()
    except TradingError as error:
        return error.detail
    offset = theirs - (before + (clock.now() - before) / 2)
    if abs(offset) <= LARGEST_OFFSET:
        return None
    seconds = offset / timedelta(seconds=1)
    return f"its clock and ours are {seconds:.3f} s apart; synchronise this machine's (NTP)"


def _key(venue: SpotVenue) -> Sequence[Checked]:
    try:
        found = venue.key_permissions()
    except TradingError as error:
        return [(f"{venue.name} takes the key", error.detail)]
    return [(f"{venue.name} takes the key", _missing(found))]


def _missing(found: KeyPermissions) -> str | None:
    if not (found.may_read and found.may_trade):
        return "the key must be allowed to read and to trade"
    if found.may_withdraw:
        return "the key may withdraw; make one that cannot"
    return None
