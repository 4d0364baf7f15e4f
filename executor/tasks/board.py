"""What the tasks of one process know of the venue right now; on purpose nothing outlives it."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock

from shared.domain.clock import EPOCH, Clock
from shared.domain.errors import TradingError
from shared.domain.ids import Symbol
from shared.domain.venue import ClockReading, TopOfBook, TradingRules

CLOCK_TRUSTED_SECONDS = 60.0
LARGEST_OFFSET = timedelta(seconds=1)
_NEWS_SECONDS = 30.0


@dataclass(slots=True, kw_only=True)
class Board:
    """`recovered` is the lease token under which books and venue were last made to agree.

    `lots` holds the lot sizes of the venue itself; what is smaller cannot be sold there. `silence`
    says why the venue gave no answer the last time, `hindrance` why books and venue could not be
    compared; both are for people, nothing is decided by them.
    """

    clock: Clock
    recovered: int | None = None
    mismatch: str | None = None
    silence: str | None = None
    hindrance: str | None = None
    lots: dict[Symbol, Decimal] = field(default_factory=dict[Symbol, Decimal])
    _rules: dict[Symbol, TradingRules] = field(default_factory=dict[Symbol, TradingRules])
    _quotes: dict[Symbol, TopOfBook] = field(default_factory=dict[Symbol, TopOfBook])
    _reading: ClockReading | None = None
    _read_at: float = 0.0
    _was: datetime = EPOCH
    _told: dict[str, float] = field(default_factory=dict[str, float])
    _lock: Lock = field(default_factory=Lock)

    def learn_rules(self, rules: dict[Symbol, TradingRules]) -> None:
        with self._lock:
            self._rules = rules
            self.lots.update({one: known.instrument.lot_size for one, known in rules.items()})

    def rules(self, symbol: Symbol) -> TradingRules | None:
        with self._lock:
            return self._rules.get(symbol)

    def learn_quote(self, quote: TopOfBook) -> None:
        with self._lock:
            self._quotes[quote.symbol] = quote

    def quote(self, symbol: Symbol) -> TopOfBook | None:
        with self._lock:
            return self._quotes.get(symbol)

    def is_news(self, what: str) -> bool:
        """Tell whether this is worth a line in the log: not asked in the last half minute."""
        with self._lock:
            now = time.monotonic()
            is_new = now - self._told.get(what, -_NEWS_SECONDS) >= _NEWS_SECONDS
            if is_new:
                self._told[what] = now
            return is_new

    @contextmanager
    def explaining(self) -> Generator[None]:
        """Keep why the work within failed, until it succeeds."""
        try:
            yield
        except TradingError as error:
            self.hindrance = error.detail
            raise
        self.hindrance = None

    def learn_clock(self, reading: ClockReading) -> None:
        with self._lock:
            self._reading, self._read_at = reading, time.monotonic()
            self._was = self.clock.now() + reading.offset

    def venue_now(self) -> datetime:
        """Return the venue's clock as far as it is known.

        It goes on from the last reading by the monotonic clock: a machine whose time is set while
        an order is being looked for would otherwise call it absent too early.
        """
        with self._lock:
            if self._reading is None:
                return self.clock.now()
            return self._was + timedelta(seconds=time.monotonic() - self._read_at)

    def clock_problem(self) -> str | None:
        """Return why requests cannot be dated, or None."""
        with self._lock:
            reading, age = self._reading, time.monotonic() - self._read_at
        if reading is None or age > CLOCK_TRUSTED_SECONDS:
            return "the venue's clock has not been read lately"
        if abs(reading.offset) > LARGEST_OFFSET:
            return (
                f"our clock and the venue's are {reading.offset.total_seconds():.3f} s apart; "
                "synchronise this machine's clock (NTP)"
            )
        return None

    def problem(self, token: int | None) -> str | None:
        """Return why nothing may be sent under this token, or None."""
        if token is None:
            return "this executor does not hold the lease"
        if self.recovered != token:
            why = self.silence or self.hindrance
            told = "books and venue have not been compared since the lease was taken"
            return told if why is None else f"{told}: {why}"
        return self.clock_problem()
