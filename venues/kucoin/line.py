"""One request after the other to KuCoin, within its limits, each answer told to the budget."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar, cast

import requests
from urllib3.exceptions import HTTPError

from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from venues.budget import Budget, Pool
from venues.errors import VenueAway
from venues.kucoin.client import Call, HardClient
from venues.kucoin.envelope import question, rate_limit
from venues.opening import Credentials
from venues.port import VenueName
from venues.reading import Document, Unreadable
from venues.transport import Reply

T = TypeVar("T")

# units per 30 s of the lowest tier; private pools count by account, the public one by address
SPOT = Pool(name="spot", units=4000, seconds=30)
MANAGEMENT = Pool(name="management", units=2000, seconds=30, binds_orders=False)
PUBLIC = Pool(name="public", units=2000, seconds=30, binds_orders=False)

LOST = (requests.RequestException, HTTPError, OSError, ValueError)


@dataclass(slots=True, kw_only=True)
class Line:
    """The client and the budget of one adapter; for one thread."""

    client: HardClient
    budget: Budget
    held_until: datetime | None = None
    clock: SystemClock = field(default_factory=SystemClock)

    def ask(self, pool: Pool, weight: int, call: Call, read: Callable[[Document], T]) -> T:
        """Send one question and return what `read` makes of its data.

        Raises:
            VenueError: there is no answer, or not one that can be read.
        """
        return self.understand(self.send(pool, weight, call), read)

    def understand(self, reply: Reply, read: Callable[[Document], T]) -> T:
        """Return what `read` makes of an answer's data, or raise VenueError."""
        data = question(reply)
        with _understanding():
            return read(data)

    def understood(self, rows: Iterable[Document], read: Callable[[Document], T]) -> Sequence[T]:
        """Return what `read` makes of each row, or raise VenueError."""
        found = list(rows)
        with _understanding():
            return [read(row) for row in found]

    def send(self, pool: Pool, weight: int, call: Call, *, is_urgent: bool = False) -> Reply:
        """Send one request and return the reply, whatever it says.

        Raises:
            VenueError: no units are left for it, or no reply came.
        """
        self.budget.spend(pool, weight, is_urgent=is_urgent)
        try:
            reply = cast("Reply", call())
        except (*LOST, BadInput) as error:
            raise VenueAway(VenueName.KUCOIN, f"no answer: {type(error).__name__}") from error
        self.learn(pool, reply)
        return reply

    def learn(self, pool: Pool, reply: Reply) -> None:
        """Take over what the reply says about the limits."""
        limit, remaining = (
            _count(reply.headers.get(f"gw-ratelimit-{name}")) for name in ("limit", "remaining")
        )
        if limit and remaining is not None:  # another tier has other units: its share counts
            self.budget.learn(pool, pool.units * max(limit - remaining, 0) // limit)
        limited = rate_limit(reply)
        if limited is not None:
            seconds = limited.retry_after_seconds
            self.budget.hold(seconds, is_ban=limited.is_banned)
            self.held_until = self.clock.now() + timedelta(seconds=seconds)


@contextmanager
def _understanding() -> Generator[None]:
    try:
        yield
    except Unreadable as error:
        raise VenueAway(VenueName.KUCOIN, f"what it says cannot be read: {error}") from error


def open_line(credentials: Credentials) -> Line:
    client = HardClient(credentials.keys, credentials.address, credentials.reach)
    return Line(client=client, budget=credentials.budget)


def _count(text: str | None) -> int | None:
    is_count = text is not None and text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if text is not None and is_count else None
