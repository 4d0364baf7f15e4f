"""What every venue offers; one adapter each, one set of tests for all.

An adapter is plain, synchronous and not safe for threads: `venues.lanes` gives each of its
instances a thread of its own. Every method is at most a few HTTP requests, none of which is ever
repeated by itself; paging happens inside. Methods that ask raise `venues.errors.VenueError`, and
nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.venue import (
    Answer,
    Balance,
    FeeRates,
    KeyPermissions,
    OrderRef,
    OrderReport,
    OrderRequest,
    RateUse,
    TopOfBook,
    TradingRules,
    VenueFill,
)


class VenueName(StrEnum):
    COINBASE = "coinbase"
    BINANCE_US = "binance_us"
    KUCOIN = "kucoin"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueKeys:
    """`passphrase` is KuCoin's alone."""

    key: str = ""
    secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAddress:
    """Where a venue is: base URLs with scheme, without a path or a slash at the end.

    `authority` is a file of certificates to believe instead of the machine's, for simulators.
    """

    rest: str
    stream: str
    authority: str | None = None


class CancelAnswer(StrEnum):
    """Neither is a verdict: after any, the order is asked for until it has ended."""

    REQUESTED = "requested"
    GONE = "gone"


class SpotVenue(Protocol):
    @property
    def name(self) -> VenueName: ...

    @property
    def finality(self) -> timedelta:
        """How long after `OrderRequest.signed_at` a request may still become an order.

        Only an absence seen later than this is conclusive.
        """
        ...

    def server_time(self) -> datetime: ...

    def set_offset(self, offset: timedelta) -> None:
        """Take the venue's clock to be ours plus `offset`: every request is dated by it."""
        ...

    def rules(self) -> Sequence[TradingRules]:
        """Return every spot instrument of the venue, in our names (`BASE-QUOTE`)."""
        ...

    def top_of_book(self, symbol: Symbol) -> TopOfBook: ...

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Return the closed candles that open in [start, end), oldest first, without the gaps.

        Raises:
            BadInput: the venue has no candles of this length.
        """
        ...

    def balances(self) -> Sequence[Balance]: ...

    def fee_rates(self, symbol: Symbol) -> FeeRates: ...

    def key_permissions(self) -> KeyPermissions: ...

    def submit(self, request: OrderRequest) -> Answer:
        """Ask for one order with exactly one request, signed with `request.signed_at`.

        Never raises a VenueError; whatever is not documented as a refusal is Ambiguous.
        """
        ...

    def cancel(self, order: OrderRef) -> CancelAnswer: ...

    def find_order(self, order: OrderRef) -> OrderReport | None:
        """Return the order by our id; None only where the venue clearly says there is none."""
        ...

    def recent_orders(self, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
        """Return open and ended orders placed since, from another endpoint than `find_order`."""
        ...

    def open_orders(self) -> Sequence[OrderReport]:
        """Return everything that rests on the account, ours or not."""
        ...

    def fills(
        self, symbol: Symbol, since: datetime, order: OrderRef | None = None
    ) -> Sequence[VenueFill]:
        """Return executions since an instant, oldest first; of one order where one is given."""
        ...

    def arm_dead_man(self, timeout_seconds: int, symbols: Sequence[Symbol]) -> bool:
        """Have the venue cancel what rests there unless called again in time; False: it cannot.

        It cancels whatever rests on these instruments, ours or not; 0 s takes it back.
        """
        ...

    def rate_use(self) -> RateUse: ...
