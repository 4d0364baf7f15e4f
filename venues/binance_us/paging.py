"""Long lists in time, whichever end of them the venue gives first.

The venue looks at most a day at a time and gives at most a thousand entries, and does not say
whether they are the oldest or the newest: where a page is full its time is halved until none is.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from venues.errors import VenueAway
from venues.port import VenueName

PAGE = 1000
_DAY = 86_400_000

T = TypeVar("T")

# from and to, both included, in milliseconds; without an end: until now
Ask = Callable[[int, int | None], Sequence[T]]


def entries(ask: Ask[T], start: int, now: int) -> Sequence[T]:
    """Return every entry since `start`.

    Raises:
        VenueAway: more entries in one millisecond than the venue gives.
    """
    found: list[T] = []
    while now - start >= _DAY:
        found += _within(ask, start, start + _DAY - 1, now)
        start += _DAY
    return [*found, *_within(ask, start, None, now)]


def _within(ask: Ask[T], start: int, end: int | None, now: int) -> Sequence[T]:
    page = ask(start, end)
    if len(page) < PAGE:
        return page
    middle = (start + (now if end is None else end)) // 2
    if middle <= start:
        raise VenueAway(VenueName.BINANCE_US, "more entries at one instant than can be listed")
    return [*_within(ask, start, middle - 1, now), *_within(ask, middle, end, now)]
