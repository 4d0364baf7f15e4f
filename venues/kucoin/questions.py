"""What KuCoin is only asked: nothing here changes anything at the venue."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.domain.candle import Candle
from shared.domain.clock import EPOCH
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.venue import (
    Balance,
    FeeRates,
    KeyPermissions,
    OrderRef,
    OrderReport,
    TopOfBook,
    TradingRules,
    VenueFill,
)
from venues.errors import VenueAway
from venues.kucoin import pages, parse
from venues.kucoin.client import millis
from venues.kucoin.line import MANAGEMENT, PUBLIC, SPOT, open_line
from venues.kucoin.listing import trading_rules
from venues.kucoin.outcome import is_absent
from venues.opening import Credentials
from venues.port import VenueName
from venues.reading import Document

_INTERVALS = {
    Interval.M1: "1min",
    Interval.M5: "5min",
    Interval.M15: "15min",
    Interval.M30: "30min",
    Interval.H1: "1hour",
    Interval.H4: "4hour",
    Interval.D1: "1day",
}
# an ended order may be asked for by id for three days; later its absence says nothing
_REMEMBERED = timedelta(hours=72)
_SECOND = timedelta(seconds=1)


class Questions:
    """The reading half of the adapter."""

    def __init__(self, credentials: Credentials) -> None:
        self._line = open_line(credentials)
        self._known_rules = credentials.known_rules

    @property
    def name(self) -> VenueName:
        return VenueName.KUCOIN

    def server_time(self) -> datetime:
        client = self._line.client
        return self._line.ask(PUBLIC, 3, client.get_server_timestamp, parse.server_time)

    def rules(self) -> Sequence[TradingRules]:
        client = self._line.client
        found = self._line.ask(PUBLIC, 4, client.get_symbol_list_v2, trading_rules)
        self._known_rules.update({rules.instrument.symbol: rules for rules in found})
        return found

    def top_of_book(self, symbol: Symbol) -> TopOfBook:
        client = self._line.client
        return self._line.ask(
            PUBLIC,
            2,
            partial(client.get_ticker, symbol),
            lambda data: parse.top_of_book(data, symbol, self._line.clock.now()),
        )

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        first = EPOCH - (EPOCH - start) // interval.delta * interval.delta
        last = self._line.client.venue_now() - interval.delta  # what opened later is still open
        found: dict[datetime, Candle] = {}
        for page_start, page_end in pages.candle_pages(
            first, min(end, last + timedelta.resolution), interval.delta
        ):
            for candle in self._candle_page(symbol, interval, page_start, page_end):
                if page_start <= candle.open_at < page_end:
                    found[candle.open_at] = candle
        return [found[open_at] for open_at in sorted(found)]

    def _candle_page(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Ask for one page; one second less, because nobody documents whether `endAt` belongs."""
        client = self._line.client
        period = {
            "startAt": (start - EPOCH) // _SECOND,
            "endAt": -((EPOCH - end) // _SECOND) - 1,
        }
        return self._line.ask(
            PUBLIC,
            3,
            partial(client.get_kline, symbol, _INTERVALS[interval], **period),
            lambda data: [parse.candle(row, symbol, interval) for row in data.items()],
        )

    def balances(self) -> Sequence[Balance]:
        client = self._line.client
        return self._line.ask(
            MANAGEMENT, 5, partial(client.get_account_list, account_type="trade"), parse.balances
        )

    def fee_rates(self, symbol: Symbol) -> FeeRates:
        client = self._line.client
        return self._line.ask(
            SPOT,
            3,
            partial(client.get_actual_fee, symbol),
            lambda data: parse.fee_rates(data, symbol),
        )

    def key_permissions(self) -> KeyPermissions:
        return self._line.ask(MANAGEMENT, 20, self._line.client.get_api_key, parse.key_permissions)

    def find_order(self, order: OrderRef) -> OrderReport | None:
        client = self._line.client
        reply = self._line.send(SPOT, 2, client.single_order(order))
        if is_absent(reply):
            if client.venue_now() - order.placed_at > _REMEMBERED:
                raise VenueAway(VenueName.KUCOIN, "it no longer tells of orders so old")
            return None
        return self._line.understand(reply, lambda data: parse.asked_order(data, order))

    def recent_orders(self, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
        """Return open orders and ended ones; one that ends in between is told as ended."""
        rows = list(self._active(symbol))
        rows.extend(self._every(self._line.client.get_hf_completed_orders, symbol, since))
        found = self._line.understood(rows, parse.placed_order)
        return list({one.venue_order_id: one for at, one in found if at >= since}.values())

    def open_orders(self) -> Sequence[OrderReport]:
        symbols = self._line.ask(
            SPOT, 2, self._line.client.get_symbol_with_active_hf_orders, parse.active_symbols
        )
        rows = [row for symbol in symbols for row in self._active(symbol)]
        return self._line.understood(rows, parse.order)

    def fills(
        self, symbol: Symbol, since: datetime, order: OrderRef | None = None
    ) -> Sequence[VenueFill]:
        """Return executions; those of an order are asked for by the venue's id of it."""
        if order is None:
            return self._fills(symbol, since, None, {})
        venue_order_id = order.venue_order_id
        if venue_order_id is None:
            found = self.find_order(order)
            if found is None:
                return ()
            venue_order_id = found.venue_order_id
        return self._fills(symbol, since, order, {"orderId": venue_order_id})

    def _fills(
        self, symbol: Symbol, since: datetime, order: OrderRef | None, only: dict[str, str]
    ) -> Sequence[VenueFill]:
        client_order_id = (order.client_order_id or None) if order else None
        rows = self._every(self._line.client.get_hf_filled_list, symbol, since, only)
        found = self._line.understood(rows, lambda row: parse.fill(row, client_order_id))
        once = {one.trade_id: one for one in found if one.filled_at >= since}
        return sorted(once.values(), key=lambda one: one.filled_at)

    def _active(self, symbol: Symbol) -> Sequence[Document]:
        client = self._line.client
        return self._line.ask(SPOT, 2, partial(client.get_active_hf_orders, symbol), parse.rows)

    def _every(
        self,
        method: Callable[..., Any],
        symbol: Symbol,
        since: datetime,
        only: dict[str, str] | None = None,
    ) -> Iterator[Document]:
        """Yield every row that a paged method of the package has since an instant."""
        for start, end in pages.weeks(since, self._line.client.venue_now() + _SECOND):
            period = {"startAt": millis(start), "endAt": millis(end), **(only or {})}

            def page(last: int | None, period: dict[str, Any] = period) -> pages.Answer:
                more = {} if last is None else {"lastId": last}
                return self._line.ask(
                    SPOT,
                    2,
                    partial(method, symbol, limit=pages.LARGEST_PAGE, **period, **more),
                    pages.rows_and_last,
                )

            yield from pages.every(page)
