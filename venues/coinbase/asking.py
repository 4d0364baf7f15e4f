"""One request after the other: paid from the budget, dated by the venue's clock, read strictly."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from coinbase.constants import API_PREFIX

from shared.domain.clock import SystemClock
from venues.budget import Pool
from venues.coinbase.client import Failed, HardClient, Question, Span
from venues.coinbase.outcome import failure, is_unknown_order, waiting_seconds
from venues.coinbase.parse import next_cursor
from venues.errors import VenueAway
from venues.opening import Credentials
from venues.port import VenueName
from venues.reading import Document, Unreadable, read
from venues.transport import Reply

# the last official numbers; today's documentation names none
PRIVATE = Pool(name="private", units=30, seconds=1.0)
PUBLIC = Pool(name="public", units=10, seconds=1.0, binds_orders=False)
_MOST_PAGES = 100

Params = dict[str, Any]


class Asker:
    """What the adapter asks with, for one thread; questions raise VenueError and nothing else."""

    def __init__(self, credentials: Credentials) -> None:
        address = credentials.address
        self._client = HardClient(
            credentials.keys, address.rest, address.authority, credentials.reach
        )
        self._budget = credentials.budget
        self._clock = SystemClock()
        self.session = self._client.hard_session
        self.offset = timedelta()
        self.held_until: datetime | None = None

    def now(self) -> datetime:
        """Return the venue's time."""
        return self._clock.now() + self.offset

    def look(self, path: str, params: Params | None = None) -> Document:
        """Ask in public: without a token."""
        question = Question(method="GET", path=f"{API_PREFIX}{path}", params=params)
        return self._document(question, self._paid(question))

    def look_at_market(self, path: str, params: Params | None = None) -> Document:
        """Ask about the market: fresh and by our own limit with a key, in public without one."""
        if not self._client.signer.has_key:
            return self.look(f"/market{path}", params)
        return self.get(path, params)

    def get(self, path: str, params: Params | None = None, *, is_urgent: bool = False) -> Document:
        question = self._private("GET", path, params=params)
        return self._document(question, self._paid(question, is_urgent=is_urgent))

    def find(self, path: str, *, is_urgent: bool = False) -> Document | None:
        """Return an order's document, None where the venue clearly says that there is none."""
        question = self._private("GET", path)
        reply = self._paid(question, is_urgent=is_urgent)
        return None if is_unknown_order(reply) else self._document(question, reply)

    def post(self, path: str, data: dict[str, Any], *, is_urgent: bool = False) -> Document:
        question = self._private("POST", path, data=data)
        return self._document(question, self._paid(question, is_urgent=is_urgent))

    def pages(
        self, path: str, name: str, params: Params, *, is_urgent: bool = False
    ) -> Iterator[Document]:
        """Yield what is listed under `name`, page by page."""
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            page = self.get(path, params | {"cursor": cursor}, is_urgent=is_urgent)
            items = list(page[name].items())
            yield from items
            cursor = next_cursor(page, is_empty=not items)
            if cursor is None:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise VenueAway(VenueName.COINBASE, f"the pages of {name} do not end")

    def spend(self, question: Question, *, is_urgent: bool = False) -> None:
        pool = PUBLIC if question.span is None else PRIVATE
        self._budget.spend(pool, 1, is_urgent=is_urgent)

    def send(self, question: Question) -> Reply:
        """Send once, and learn what the answer says of the limits.

        Raises:
            KeyRefused, TooLate, Failed: as `HardClient.ask`.
        """
        reply = self._client.ask(question)
        self._learn(reply, PUBLIC if question.span is None else PRIVATE)
        return reply

    def _private(
        self, method: str, path: str, *, params: Params | None = None, data: Params | None = None
    ) -> Question:
        return Question(
            method=method,
            path=f"{API_PREFIX}{path}",
            span=Span(signed_at=self.now()),
            params=params,
            data=data,
        )

    def _paid(self, question: Question, *, is_urgent: bool = False) -> Reply:
        self.spend(question, is_urgent=is_urgent)
        try:
            return self.send(question)
        except Failed as error:
            raise VenueAway(VenueName.COINBASE, f"no answer: {error}") from error

    def _document(self, question: Question, reply: Reply) -> Document:
        if reply.status != 200:
            raise failure(reply, question.span)
        try:
            return read(reply.body)
        except Unreadable as error:
            raise VenueAway(VenueName.COINBASE, str(error)) from error

    def _learn(self, reply: Reply, pool: Pool) -> None:
        limit = _count(reply, "x-ratelimit-limit")
        remaining = _count(reply, "x-ratelimit-remaining")
        if limit and remaining is not None and remaining <= limit:
            self._budget.learn(pool, round(pool.units * (limit - remaining) / limit))
        if reply.status in (418, 429):
            seconds = waiting_seconds(reply)
            self.held_until = self._clock.now() + timedelta(seconds=seconds)
            self._budget.hold(seconds, is_ban=reply.status == 418)


def _count(reply: Reply, name: str) -> int | None:
    text = reply.headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
