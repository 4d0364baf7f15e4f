"""What the questions of every venue are asked with: ids, sizes, one round trip, a notebook."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from launcher.probes.notebook import Notebook
from launcher.probes.sizing import Tiny, crossing_buy, crossing_sell, resting_buy
from shared.domain.clock import SystemClock
from shared.domain.enums import Side
from shared.domain.ids import ClientOrderId, Symbol, derive
from shared.domain.values import ZERO, to_text
from shared.domain.venue import FeeRates, OrderRef, OrderReport, TradingRules, VenueFill
from venues.port import SpotVenue, VenueName
from venues.reading import Document, Unreadable, read
from venues.transport import Reply

PREFIX = "probe-"
_SHOWN = 160
_END_SECONDS = 8.0
_CLOCK = SystemClock()

Place = Callable[[ClientOrderId, Tiny], Reply]


class Unanswered(Exception):
    """A question could not be asked to its end; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`ask` returns the answer in words; `name` is also that of its evidence. `buys`: it trades."""

    name: str
    sentence: str
    ask: Callable[[], str]
    buys: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Bought and sold back, in base, with the fills as the venue tells them."""

    bought_id: ClientOrderId
    fills: Sequence[VenueFill]
    bought: Decimal
    sold: Decimal


@dataclass(slots=True, kw_only=True)
class Bench:
    """`venue` is the adapter, for what has to be certain; raw requests go through `notebook`.

    `trip` is set once something was bought, `unsold` where that was not all sold back.
    """

    name: VenueName
    venue: SpotVenue
    notebook: Notebook
    rules: TradingRules
    fees: FeeRates
    offset: timedelta
    started_at: datetime
    trip: Trip | None = None
    unsold: str = ""
    _ids: int = field(default=0)

    @property
    def symbol(self) -> Symbol:
        return self.rules.instrument.symbol

    def now(self) -> datetime:
        """Return the venue's time."""
        return _CLOCK.now() + self.offset

    def new_id(self) -> ClientOrderId:
        """Return an id that was never used: they are of no account of the platform."""
        self._ids += 1
        unique = derive("probe", self.name, self.started_at.isoformat(), str(self._ids))
        return ClientOrderId(PREFIX + unique.replace("-", "")[:24])

    def resting_buy(self) -> Tiny:
        return resting_buy(self.rules, self.venue.top_of_book(self.symbol))

    def end_of(self, own_id: ClientOrderId) -> OrderReport:
        """Return the order once it has ended.

        Raises:
            Unanswered: the venue does not tell in time.
        """
        reference = OrderRef(
            symbol=self.symbol, client_order_id=own_id, placed_at=self.started_at + self.offset
        )
        until = time.monotonic() + _END_SECONDS
        while time.monotonic() < until:
            found = self.venue.find_order(reference)
            if found is not None and found.status.is_terminal:
                return found
            time.sleep(0.3)
        raise Unanswered(f"the end of {own_id} could not be learned in {_END_SECONDS:.0f} s")

    def round_trip(self, place: Place) -> Trip:
        """Buy the least quantity at once and sell it back; only ever done once.

        Raises:
            Unanswered, VenueError: and then `unsold` says what may be held.
        """
        if self.trip is not None:
            return self.trip
        tiny, own_id = crossing_buy(self.rules, self.venue.top_of_book(self.symbol)), self.new_id()
        base = self.rules.instrument.base
        self.unsold = f"up to {to_text(tiny.quantity)} {base} may have been bought and not sold"
        place(own_id, tiny)
        bought = self.end_of(own_id)
        fills = self._fills(own_id, bought)
        fees = sum((one.fee for one in fills if one.fee_asset == base), ZERO)
        held = bought.filled_quantity - fees
        sold = self._sell(place, held) if held > 0 else ZERO
        left = max(held - sold, ZERO)
        self.unsold = ""
        if left >= self.rules.instrument.lot_size:
            self.unsold = f"{to_text(left)} {base} were bought and not sold back"
        self.trip = Trip(bought_id=own_id, fills=fills, bought=bought.filled_quantity, sold=sold)
        return self.trip

    def _fills(self, own_id: ClientOrderId, order: OrderReport) -> Sequence[VenueFill]:
        reference = OrderRef(
            symbol=self.symbol,
            client_order_id=own_id,
            placed_at=self.started_at + self.offset,
            venue_order_id=order.venue_order_id,
        )
        since = self.started_at + self.offset - timedelta(minutes=1)
        until = time.monotonic() + _END_SECONDS
        while True:
            fills = self.venue.fills(self.symbol, since, reference)
            told = sum((one.quantity for one in fills), ZERO)
            if told >= order.filled_quantity or time.monotonic() > until:
                return fills
            time.sleep(0.3)

    def _sell(self, place: Place, held: Decimal) -> Decimal:
        """Sell in at most three orders, each with its own id, and return how much was sold."""
        sold = ZERO
        for _ in range(3):
            tiny = crossing_sell(self.rules, self.venue.top_of_book(self.symbol), held - sold)
            if tiny is None:
                break
            own_id = self.new_id()
            place(own_id, tiny)
            sold += self.end_of(own_id).filled_quantity
        return sold


def told(reply: Reply) -> str:
    """Return the first words of an answer, with its status."""
    text = " ".join(reply.body.decode(errors="replace").split())
    return f"HTTP {reply.status} {text[:_SHOWN]}".strip()


def document_of(reply: Reply) -> Document:
    """Raises Unanswered where it is no JSON document."""
    try:
        return read(reply.body)
    except Unreadable as error:
        raise Unanswered(f"{told(reply)}: {error}") from error


def buy_words(tiny: Tiny) -> tuple[str, str]:
    """Return quantity and price as venues take them."""
    return to_text(tiny.quantity), to_text(tiny.price)


def side_word(tiny: Tiny) -> str:
    return "BUY" if tiny.side is Side.BUY else "SELL"
