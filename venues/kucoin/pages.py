"""Lists that KuCoin tells in pages: by id backwards, and never over more than a week at once."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from venues.errors import VenueAway
from venues.port import VenueName
from venues.reading import Document

LARGEST_PAGE = 100
MOST_CANDLES = 1500
_MOST_PAGES = 1000
_OVERLAP = timedelta(seconds=1)
_STEP = timedelta(days=7) - _OVERLAP

Rows = Sequence[Document]
# the id to go on from; None: the newest page
Answer = tuple[Rows, int | None]
Page = Callable[[int | None], Answer]


def rows_and_last(data: Document) -> Answer:
    """Return a page's rows, and the id the next page goes on from."""
    rows = list(data["items"].items())
    last = data.maybe("lastId")
    return rows, None if last is None else last.integer()


def every(page: Page) -> Iterator[Document]:
    """Yield the rows of every page.

    Raises:
        VenueError: of `page`; or the venue never comes to an end.
    """
    last: int | None = None
    for _ in range(_MOST_PAGES):
        rows, following = page(last)
        yield from rows
        if len(rows) < LARGEST_PAGE or not following or following == last:
            return
        last = following
    raise VenueAway(VenueName.KUCOIN, f"a list has more than {_MOST_PAGES} pages")


def weeks(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield periods from `start` to `end`, none longer than a week.

    They overlap by a second: nobody documents whether the ends of a period belong to it.
    """
    while start < end:
        stop = min(start + _STEP, end)
        yield start - _OVERLAP, stop
        start = stop


def candle_pages(
    start: datetime, end: datetime, length: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the periods of as many candles as the venue tells at once."""
    while start < end:
        stop = min(start + MOST_CANDLES * length, end)
        yield start, stop
        start = stop
