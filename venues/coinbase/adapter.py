"""Coinbase Advanced Trade behind the port.

Coinbase has no question for a client order id: an order is asked for by the venue's id where that
is known, and looked up in the list of orders where it is not. A cancel takes the venue's id alone.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from coinbase.constants import API_PREFIX

from shared.domain.candle import Candle
from shared.domain.clock import EPOCH
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.venue import (
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
    TopOfBook,
    TradingRules,
    VenueFill,
)
from venues.coinbase import account, market
from venues.coinbase.asking import Asker, Params
from venues.coinbase.client import Failed, Question, Span
from venues.coinbase.lookup import Lookup, as_asked
from venues.coinbase.order import creation
from venues.coinbase.outcome import cancellation, submission
from venues.errors import VenueAway, VenueError
from venues.opening import Credentials
from venues.port import CancelAnswer, VenueName
from venues.reading import Unreadable
from venues.transport import TooLate

# a token of an order is never valid for longer, whatever window is asked for
LONGEST_WINDOW = timedelta(seconds=30)
_FINALITY = LONGEST_WINDOW + timedelta(seconds=30)
_ACCOUNTS_PAGE = 250


@contextmanager
def _understood() -> Generator[None]:
    """Let an answer that cannot be understood be no answer."""
    try:
        yield
    except Unreadable as error:
        raise VenueAway(VenueName.COINBASE, str(error)) from error


class Coinbase:
    """One adapter for one thread (`venues.port.SpotVenue`)."""

    def __init__(self, credentials: Credentials) -> None:
        self._asker = Asker(credentials)
        self._lookup = Lookup(self._asker)
        self._known_rules = credentials.known_rules
        self._budget = credentials.budget

    @property
    def name(self) -> VenueName:
        return VenueName.COINBASE

    @property
    def finality(self) -> timedelta:
        return _FINALITY

    @_understood()
    def server_time(self) -> datetime:
        return market.server_time(self._asker.look("/time"))

    def set_offset(self, offset: timedelta) -> None:
        self._asker.offset = offset

    @_understood()
    def rules(self) -> Sequence[TradingRules]:
        document = self._asker.look_at_market("/products", {"product_type": "SPOT"})
        rules = market.spot_rules(document)
        listed = {one.instrument.symbol: one for one in rules}
        self._known_rules.update(listed)
        for gone in self._known_rules.keys() - listed.keys():
            self._known_rules.pop(gone, None)
        return rules

    @_understood()
    def top_of_book(self, symbol: Symbol) -> TopOfBook:
        params: Params = {"product_id": symbol, "limit": 1}
        document = self._asker.look_at_market("/product_book", params)
        return market.top_of_book(document, symbol, self._asker.now())

    @_understood()
    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        granularity = market.GRANULARITIES.get(interval)
        if granularity is None:
            raise BadInput("interval", f"Coinbase has no candles of {interval}", "take 1h")
        closed_by = self._asker.now()
        found: dict[datetime, Candle] = {}
        for first, last in market.candle_spans(interval, start, min(end, closed_by)):
            params: Params = {
                "start": str((first - EPOCH) // timedelta(seconds=1)),
                "end": str((last - EPOCH) // timedelta(seconds=1)),
                "granularity": granularity,
                "limit": market.MOST_CANDLES,
            }
            page = self._asker.look_at_market(f"/products/{symbol}/candles", params)
            for document in page["candles"].items():
                candle = market.candle(document, symbol, interval)
                if start <= candle.open_at < end and candle.closed_at <= closed_by:
                    found[candle.open_at] = candle
        return [found[open_at] for open_at in sorted(found)]

    @_understood()
    def balances(self) -> Sequence[Balance]:
        totals: dict[str, Balance] = {}
        for document in self._asker.pages("/accounts", "accounts", {"limit": _ACCOUNTS_PAGE}):
            one = account.balance(document)
            before = totals.get(one.asset)
            if before is not None:  # more than one wallet of an asset
                one = replace(
                    one, available=before.available + one.available, held=before.held + one.held
                )
            totals[one.asset] = one
        return list(totals.values())

    @_understood()
    def fee_rates(self, symbol: Symbol) -> FeeRates:
        del symbol  # one tier for all spot instruments
        return account.fee_rates(self._asker.get("/transaction_summary", {"product_type": "SPOT"}))

    @_understood()
    def key_permissions(self) -> KeyPermissions:
        return account.key_permissions(self._asker.get("/key_permissions"))

    def submit(self, request: OrderRequest) -> Answer:
        body = creation(request, self._known_rules.get(request.symbol))
        if isinstance(body, NotSent):
            return body
        window = min(request.window, LONGEST_WINDOW)
        question = Question(
            method="POST",
            path=f"{API_PREFIX}/orders",
            span=Span(signed_at=request.signed_at, window=window),
            data=body,
        )
        try:
            self._asker.spend(question)
            with self._asker.session.sending_by(request.send_by):
                reply = self._asker.send(question)
        except (VenueError, TooLate) as error:  # raised before anything is sent, and only then
            return NotSent(reason=str(error) or "it was held up until it was too late to send it")
        except Failed as error:
            if error.has_left:
                return Ambiguous(reason=f"no answer: {error}")
            return NotSent(reason=f"the venue could not be reached: {error}")
        return submission(reply, request)

    @_understood()
    def cancel(self, order: OrderRef) -> CancelAnswer:
        venue_order_id = order.venue_order_id
        if venue_order_id is None:
            found = self._lookup.by_our_id(order, is_urgent=True)
            if found is None:
                return CancelAnswer.GONE
            venue_order_id = found.venue_order_id
        data = {"order_ids": [venue_order_id]}
        document = self._asker.post("/orders/batch_cancel", data, is_urgent=True)
        return cancellation(document, venue_order_id)

    @_understood()
    def find_order(self, order: OrderRef) -> OrderReport | None:
        if order.venue_order_id is None:
            return self._lookup.by_our_id(order)
        report = self._lookup.single(order.venue_order_id)
        if report is None:
            return None
        if report.client_order_id != order.client_order_id:
            raise Unreadable("the order of this venue id has another client id than ours")
        return as_asked(report, order.symbol)

    @_understood()
    def recent_orders(self, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
        return self._lookup.placed(symbol, since)

    @_understood()
    def open_orders(self) -> Sequence[OrderReport]:
        return self._lookup.resting()

    @_understood()
    def fills(
        self, symbol: Symbol, since: datetime, order: OrderRef | None = None
    ) -> Sequence[VenueFill]:
        if order is None:
            return self._lookup.fills(symbol, since)
        return self._lookup.fills_of(order, since)

    def arm_dead_man(self, timeout_seconds: int, symbols: Sequence[Symbol]) -> bool:
        """Return False: Coinbase has no such switch; entries carry an end time instead (GTD)."""
        del timeout_seconds, symbols
        return False

    def rate_use(self) -> RateUse:
        return RateUse(used_ratio=self._budget.used_ratio(), held_until=self._asker.held_until)
