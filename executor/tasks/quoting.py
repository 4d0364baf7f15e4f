"""Tells the best prices of everything that is traded here, so that risk can judge by them.

What is held or being bought is asked for anyway, tick by tick; the rest is asked for in turns, no
more often than its price would grow old, and only while the venue's rate limit has room for it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from threading import Event

from executor.tasks.line import Line, attempt
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.clock import EPOCH
from shared.domain.events import QuotesSeen, SeenQuote
from shared.domain.ids import Symbol
from shared.domain.venue import TopOfBook

_ROUND_SECONDS = 1.0
_MOST_USED = 0.5  # of any rate limit: the rest is for orders, and for what is held


@dataclass(slots=True)
class _Said:
    """`at`: the youngest price told; `next`: when to tell again, by the monotonic clock.

    `tried`: when each was last asked for: one that is not answered waits for its turn again.
    """

    at: datetime = EPOCH
    next: float = 0.0
    tried: dict[Symbol, datetime] = field(default_factory=dict[Symbol, datetime])


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoter:
    line: Line
    _said: _Said = field(default_factory=_Said)

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            pause = attempt(self.round, "quoting")
            stop.wait(max(pause, _ROUND_SECONDS))

    def round(self) -> None:
        """Ask for what has grown old, then tell what is new."""
        if not self.line.may_act():
            return
        try:
            self._refresh()
        finally:
            self._tell()

    def _refresh(self) -> None:
        """Ask for the oldest prices; as many as it takes for all to be asked for in time."""
        line, oldest_allowed = self.line, 2 * self.line.pauses.quotes
        since = line.board.clock.now() - timedelta(seconds=oldest_allowed)
        listed = [one for one in line.symbols if line.board.rules(one) is not None]
        old = sorted((at, one) for one in listed if (at := self._asked_at(one)) < since)
        if not old or line.venue.rate_use().used_ratio > _MOST_USED:
            return
        for _at, symbol in old[: ceil(len(listed) * _ROUND_SECONDS / oldest_allowed)]:
            self._said.tried[symbol] = line.board.clock.now()
            line.ask_quote(symbol)

    def _asked_at(self, symbol: Symbol) -> datetime:
        quote, tried = self.line.board.quote(symbol), self._said.tried.get(symbol, EPOCH)
        return tried if quote is None else max(quote.at, tried)

    def _tell(self) -> None:
        if time.monotonic() < self._said.next:
            return
        line = self.line
        known = [line.board.quote(one) for one in line.symbols]
        new = [one for one in known if one is not None and one.at > self._said.at]
        fact = self._fact([one for one in new if _is_sound(one)])
        if fact is not None:
            line.transactions.attempt(lambda uow: _say(fact, uow))
        self._said.at = max((one.at for one in new), default=self._said.at)
        self._said.next = time.monotonic() + line.pauses.quotes

    def _fact(self, quotes: Sequence[TopOfBook]) -> QuotesSeen | None:
        """Return what is told, dated by the oldest of the prices: none is older than it says."""
        if not quotes:
            return None
        return QuotesSeen(
            account=self.line.account,
            venue=self.line.venue.name,
            seen_at=min(one.at for one in quotes),
            quotes=tuple(SeenQuote(symbol=one.symbol, bid=one.bid, ask=one.ask) for one in quotes),
        )


def _say(fact: QuotesSeen, uow: UnitOfWork) -> None:
    uow.emit(fact)


def _is_sound(quote: TopOfBook) -> bool:
    """Tell whether there is somebody on both sides, the buyer not above the seller."""
    return 0 < quote.bid <= quote.ask
