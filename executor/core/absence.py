"""When an order that the venue does not know was certainly never placed.

Not being found means nothing while the request can still arrive, nor when the venue did not answer
clearly. Only after `final_after`, and only after several clear answers, each from two different
endpoints and some time apart (a venue may read from a copy that lags), is it absent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MISSES_NEEDED = 3
APART = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How often an order was clearly not there; `final_after` None: it was never dated."""

    final_after: datetime | None
    misses: int = 0
    missed_at: datetime | None = None

    @property
    def is_conclusive(self) -> bool:
        return self.misses >= MISSES_NEEDED


def missed(search: Search, now: datetime) -> Search:
    """Return the search after two endpoints clearly did not know the order at `now`.

    `now` is the venue's clock, as `final_after` is.
    """
    if search.final_after is None or now <= search.final_after:
        return search
    if search.missed_at is not None and now - search.missed_at < APART:
        return search
    return replace(search, misses=search.misses + 1, missed_at=now)
