"""Cancels what rests at one venue and makes sure of it, with nothing but the venue's key."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from launcher.masking import Mask
from launcher.panic_journal import Journal
from shared.domain.clock import SystemClock
from shared.domain.enums import OrderStatus
from shared.domain.ids import ClientOrderId, VenueOrderId
from shared.domain.values import to_text
from shared.domain.venue import OrderRef, OrderReport
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueError
from venues.opening import Credentials, adapter_of
from venues.port import SpotVenue, VenueName

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
_SECOND_LOOK = 1.0  # an order of a moment ago may not be in the first list
_CLEAN_LISTS = 2
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One order that was to be canceled; `became` says what is known of its end."""

    order: OrderReport
    became: str
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`is_known`: the venue's last word is what rests there; otherwise `problem` says why not."""

    venue: VenueName
    is_known: bool
    fates: Sequence[Fate] = ()
    problem: str = ""

    @property
    def resting(self) -> Sequence[Fate]:
        return [fate for fate in self.fates if not fate.is_gone]


@dataclass(slots=True, kw_only=True)
class Sweep:
    """One venue, in one thread; `patience_seconds` without any progress and it gives up."""

    venue: VenueName
    credentials: Credentials
    is_wanted: Callable[[OrderReport], bool]
    journal: Journal
    patience_seconds: float
    _until: float = 0.0
    _pause: float = _SHORTEST_PAUSE
    _problem: str = ""
    _fewest: int | None = None
    _met: dict[VenueOrderId, OrderReport] = field(default_factory=dict[VenueOrderId, OrderReport])
    _taken: set[VenueOrderId] = field(default_factory=set[VenueOrderId])

    def run(self) -> Outcome:
        """Return what became of everything; never raises: the other venues go on."""
        try:
            return self._run(adapter_of(self.venue, self.credentials))
        except Exception as error:  # noqa: BLE001 - whatever is broken here, something may rest
            problem = Mask(self.credentials.keys)(f"{type(error).__name__}: {error}")
            self.journal.write({"venue": self.venue, "action": "give_up", "problem": problem})
            fates = [Fate(order=one, became="unknown", is_gone=False) for one in self._met.values()]
            return Outcome(venue=self.venue, is_known=False, fates=fates, problem=problem)

    def _run(self, venue: SpotVenue) -> Outcome:
        self._progress()
        self._set_clock(venue)
        resting = self._until_clean(venue)
        if resting is None:
            fates = [Fate(order=one, became="unknown", is_gone=False) for one in self._met.values()]
            return Outcome(venue=self.venue, is_known=False, fates=fates, problem=self._problem)
        self._progress()
        left = {one.venue_order_id for one in resting}
        fates = [
            Fate(order=one, became="still rests", is_gone=False)
            if one.venue_order_id in left
            else self._fate(venue, one)
            for one in self._met.values()
        ]
        return Outcome(venue=self.venue, is_known=True, fates=fates, problem=self._problem)

    def _until_clean(self, venue: SpotVenue) -> Sequence[OrderReport] | None:
        """Cancel until nothing is listed twice in a row; None where the last list is missing."""
        clean = 0
        resting: Sequence[OrderReport] | None = None
        while True:
            resting = self._listed(venue)
            if resting == []:
                clean += 1
                if clean == _CLEAN_LISTS:
                    return resting
                time.sleep(_SECOND_LOOK)
                continue
            clean = 0
            for order in resting or ():
                if self._is_over():
                    break
                self._cancel(venue, order)
            if self._is_over():
                return resting
            self._wait(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _listed(self, venue: SpotVenue) -> Sequence[OrderReport] | None:
        def ask() -> Sequence[OrderReport]:
            return [order for order in venue.open_orders() if self.is_wanted(order)]

        try:
            found = self.journal.asking(self.venue, "list", {}, ask, _described)
        except VenueError as error:
            self._heed(venue, error)
            return None
        self._problem = ""
        self._met |= {order.venue_order_id: order for order in found}
        if self._fewest is None or len(found) < self._fewest:
            self._fewest = len(found)
            self._progress()
        return found

    def _cancel(self, venue: SpotVenue, order: OrderReport) -> None:
        def ask() -> Mapping[str, Any]:
            return {"answer": venue.cancel(_reference(order))}

        try:
            self.journal.asking(self.venue, "cancel", _named(order), ask, lambda answer: answer)
        except VenueError as error:
            self._heed(venue, error)
            return
        if order.venue_order_id not in self._taken:
            self._taken.add(order.venue_order_id)
            self._progress()

    def _fate(self, venue: SpotVenue, order: OrderReport) -> Fate:
        """Return how an order ended that is no longer listed."""
        if order.client_order_id is None:
            return Fate(order=order, became="no longer listed", is_gone=True)
        became, is_gone = "no longer listed; how it ended could not be read", True
        while True:
            found = self._looked(venue, order, order.client_order_id)
            if found is not None:
                became, is_gone = _end(found), found.status.is_terminal
            if is_gone or self._is_over():
                return Fate(order=order, became=became, is_gone=is_gone)
            self._wait(_SHORTEST_PAUSE)

    def _looked(
        self, venue: SpotVenue, order: OrderReport, own_id: ClientOrderId
    ) -> OrderReport | None:
        reference = OrderRef(
            symbol=order.symbol,
            client_order_id=own_id,
            placed_at=order.at or _CLOCK.now(),
            venue_order_id=order.venue_order_id,
        )
        try:
            return self.journal.asking(
                self.venue,
                "look",
                _named(order),
                lambda: venue.find_order(reference),
                lambda found: {"status": None if found is None else found.status},
            )
        except VenueError:
            return None

    def _set_clock(self, venue: SpotVenue) -> None:
        """Date requests by the venue's clock; where it does not tell, by ours."""
        before = _CLOCK.now()
        try:
            theirs = self.journal.asking(
                self.venue, "read_clock", {}, venue.server_time, lambda instant: {"told": instant}
            )
        except VenueError:
            return
        venue.set_offset(theirs - (before + (_CLOCK.now() - before) / 2))

    def _heed(self, venue: SpotVenue, error: VenueError) -> None:
        """Do what an error asks for: wait, read the clock again, or give up."""
        self._problem = error.detail
        match error:
            case RateLimited():
                self._wait(error.retry_after_seconds)
            case ClockSkewed():
                self._set_clock(venue)
            case KeyRefused():
                self._until = 0.0  # no patience makes it another key
            case _:
                pass

    def _progress(self) -> None:
        self._until = time.monotonic() + self.patience_seconds
        self._pause = _SHORTEST_PAUSE

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until

    def _wait(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._until - time.monotonic())))


def _reference(order: OrderReport) -> OrderRef:
    """Return how to cancel: by the venue's id, which every listed order has, wherever it may be."""
    return OrderRef(
        symbol=order.symbol,
        client_order_id=ClientOrderId(""),
        placed_at=order.at or _CLOCK.now(),
        venue_order_id=order.venue_order_id,
    )


def _named(order: OrderReport) -> Mapping[str, Any]:
    return {
        "symbol": order.symbol,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
    }


def _described(orders: Sequence[OrderReport]) -> Mapping[str, Any]:
    return {"orders": [{**_named(order), "status": order.status} for order in orders]}


def _end(found: OrderReport) -> str:
    filled, whole = to_text(found.filled_quantity), to_text(found.quantity)
    if found.status is OrderStatus.FILLED:
        return f"filled before the cancel ({filled})"
    if not found.status.is_terminal:
        return f"the venue still calls it {found.status}"
    return (
        f"{found.status} ({filled} of {whole} had filled)"
        if found.filled_quantity
        else found.status.value
    )
