"""Threads for adapters: orders, cancels and questions each have a lane of their own.

The venues' packages are not safe for threads, so every adapter instance lives in one; and because a
lane does one thing after the other, a slow page of fills must not hold up an order, nor an order a
cancel. What a caller no longer waits for is finished by its lane all the same, never abandoned.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.venue import (
    Accepted,
    Ambiguous,
    Answer,
    Balance,
    FeeRates,
    KeyPermissions,
    NotSent,
    OrderRef,
    OrderReport,
    OrderRequest,
    RateUse,
    Refused,
    TopOfBook,
    TradingRules,
    VenueFill,
)
from venues.errors import VenueError
from venues.port import CancelAnswer, SpotVenue, VenueName

T = TypeVar("T")

# operation, outcome, seconds
Observe = Callable[[str, str, float], None]


class Lane:
    """One adapter and the thread it lives in."""

    def __init__(self, name: str, adapter: SpotVenue, observe: Observe) -> None:
        self._adapter = adapter
        self._observe = observe
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def run(self, operation: str, work: Callable[[SpotVenue], T]) -> T:
        """Return what `work` returns; time spent waiting for the lane is not counted."""
        running: Future[T] = self._thread.submit(self._observed, operation, work)
        return running.result()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _observed(self, operation: str, work: Callable[[SpotVenue], T]) -> T:
        started = time.perf_counter()
        outcome = "failed"
        try:
            result = work(self._adapter)
            outcome = _word(result)
        except VenueError as error:
            outcome = error.reason
            raise
        else:
            return result
        finally:
            self._observe(operation, outcome, time.perf_counter() - started)


def _word(result: object) -> str:
    match result:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case NotSent():
            return "not_sent"
        case Ambiguous():
            return "ambiguous"
        case _:
            return "ok"


@dataclass(slots=True, kw_only=True)
class LanedVenue:
    """A venue any thread may ask."""

    sending: Lane
    canceling: Lane
    asking: Lane
    name: VenueName
    finality: timedelta
    offset: timedelta = field(default=timedelta())

    def submit(self, request: OrderRequest) -> Answer:
        return self.sending.run("submit", lambda venue: venue.submit(request))

    def cancel(self, order: OrderRef) -> CancelAnswer:
        return self.canceling.run("cancel", lambda venue: venue.cancel(order))

    def arm_dead_man(self, timeout_seconds: int, symbols: Sequence[Symbol]) -> bool:
        return self.canceling.run(
            "arm_dead_man", lambda venue: venue.arm_dead_man(timeout_seconds, symbols)
        )

    def set_offset(self, offset: timedelta) -> None:
        self.offset = offset
        for lane in (self.sending, self.canceling, self.asking):
            lane.run("set_offset", lambda venue: venue.set_offset(offset))

    def server_time(self) -> datetime:
        return self.asking.run("server_time", lambda venue: venue.server_time())

    def rules(self) -> Sequence[TradingRules]:
        return self.asking.run("rules", lambda venue: venue.rules())

    def top_of_book(self, symbol: Symbol) -> TopOfBook:
        return self.asking.run("top_of_book", lambda venue: venue.top_of_book(symbol))

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        return self.asking.run("candles", lambda venue: venue.candles(symbol, interval, start, end))

    def balances(self) -> Sequence[Balance]:
        return self.asking.run("balances", lambda venue: venue.balances())

    def fee_rates(self, symbol: Symbol) -> FeeRates:
        return self.asking.run("fee_rates", lambda venue: venue.fee_rates(symbol))

    def key_permissions(self) -> KeyPermissions:
        return self.asking.run("key_permissions", lambda venue: venue.key_permissions())

    def find_order(self, order: OrderRef) -> OrderReport | None:
        return self.asking.run("find_order", lambda venue: venue.find_order(order))

    def recent_orders(self, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
        return self.asking.run("recent_orders", lambda venue: venue.recent_orders(symbol, since))

    def open_orders(self) -> Sequence[OrderReport]:
        return self.asking.run("open_orders", lambda venue: venue.open_orders())

    def fills(
        self, symbol: Symbol, since: datetime, order: OrderRef | None = None
    ) -> Sequence[VenueFill]:
        return self.asking.run("fills", lambda venue: venue.fills(symbol, since, order))

    def rate_use(self) -> RateUse:
        """Ask in the lane of orders: whoever sends must not wait for a page of fills."""
        return self.sending.run("rate_use", lambda venue: venue.rate_use())

    def close(self) -> None:
        for lane in (self.sending, self.canceling, self.asking):
            lane.close()
