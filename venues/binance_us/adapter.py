"""Binance.US behind the port of venues."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.candle import Candle
from shared.domain.enums import Interval
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
from venues.binance_us import history, listing, market, outcome, parse
from venues.binance_us.asking import Asker, each, reading
from venues.binance_us.client import milliseconds
from venues.binance_us.limits import ORDERS, ORDERS_OF_DAY, WEIGHT, heed
from venues.binance_us.ordering import FINALITY, is_client_id, is_order_id, parameters
from venues.binance_us.paging import PAGE
from venues.errors import RateLimited, VenueAway, VenueError
from venues.opening import Credentials
from venues.port import CancelAnswer, VenueName
from venues.reading import Document
from venues.transport import TooLate

_NO_ADDRESS = 404


class BinanceUs:
    """One adapter, for one thread."""

    def __init__(self, credentials: Credentials) -> None:
        self._asker = Asker(credentials)
        self._client = self._asker.client
        self._budget = credentials.budget
        self._known_rules = credentials.known_rules

    @property
    def name(self) -> VenueName:
        return VenueName.BINANCE_US

    @property
    def finality(self) -> timedelta:
        return FINALITY

    def set_offset(self, offset: timedelta) -> None:
        self._client.offset = offset

    def server_time(self) -> datetime:
        reply = self._asker.public(1, self._client.get_server_time)
        return reading(reply, lambda answer: answer["serverTime"].instant())

    def rules(self) -> Sequence[TradingRules]:
        reply = self._asker.public(10, self._client.get_exchange_info)
        rules = reading(reply, listing.trading_rules)
        self._known_rules.update({one.instrument.symbol: one for one in rules})
        return rules

    def top_of_book(self, symbol: Symbol) -> TopOfBook:
        name = listing.venue_symbol(symbol)
        reply = self._asker.public(1, self._client.get_orderbook_ticker, symbol=name)
        now = self._client.now() - self._client.offset
        return reading(reply, lambda answer: market.top_of_book(answer, symbol, name, now))

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Return closed candles; the venue has every length that `Interval` names."""
        found: list[Candle] = []
        while start < end:
            reply = self._asker.public(
                1,
                self._client.get_klines,
                symbol=listing.venue_symbol(symbol),
                interval=interval.value,
                startTime=milliseconds(start),
                endTime=milliseconds(end) - 1,
                limit=PAGE,
            )
            page = reading(reply, lambda answer: market.candles(answer, symbol, interval))
            found += [one for one in page if start <= one.open_at < end]
            if len(page) < PAGE:
                break
            start = max(page[-1].closed_at, start + interval.delta)
        now = self._client.now()
        return [one for one in found if one.closed_at <= now]

    def balances(self) -> Sequence[Balance]:
        return reading(self._asker.signed(10, self._client.get_account), market.balances)

    def fee_rates(self, symbol: Symbol) -> FeeRates:
        name = listing.venue_symbol(symbol)
        reply = self._asker.signed(1, self._client.get_trade_fee, symbol=name)
        return reading(reply, lambda answer: market.fee_rates(answer, name))

    def key_permissions(self) -> KeyPermissions:
        """Return the key's permissions; where the venue has no such address, the account's."""
        reply = self._asker.signed(1, self._client.get_account_api_permissions)
        if reply.status != _NO_ADDRESS:
            return reading(reply, market.key_permissions)
        reply = self._asker.signed(10, self._client.get_account)
        return reading(reply, market.account_permissions)

    def submit(self, request: OrderRequest) -> Answer:
        fields = parameters(request, self._known_rules.get(request.symbol))
        if isinstance(fields, NotSent):
            return fields
        if not self._client.has_keys:
            return NotSent(reason="there is no API key")
        try:
            for pool in (ORDERS_OF_DAY, ORDERS, WEIGHT):
                self._budget.spend(pool, 1)
        except VenueError as error:
            return NotSent(reason=error.detail)
        return self._send(request, fields)

    def _send(self, request: OrderRequest, fields: dict[str, str]) -> Answer:
        """Send the one request of an order."""
        session = self._client.session
        session.departure.has_left = False
        try:
            with (
                self._client.signing(request.signed_at, request.window),
                session.sending_by(request.send_by),
            ):
                reply = self._client.ask(self._client.create_order, **fields)
        except TooLate:
            return NotSent(reason="the time to send was over")
        except Exception as error:  # noqa: BLE001 - whatever broke: what has left may be an order
            reason = type(error).__name__
            if session.departure.has_left:
                return Ambiguous(reason=f"no answer: {reason}")
            return NotSent(reason=f"nothing left: {reason}")
        answer = outcome.of_submit(request, fields["symbol"], reply)
        with suppress(Exception):  # what became of the order is known: nothing may lose it
            heed(self._budget, reply)
        return answer

    def cancel(self, order: OrderRef) -> CancelAnswer:
        name = listing.venue_symbol(order.symbol)
        reply = self._asker.signed(
            1, self._client.cancel_order, is_urgent=True, symbol=name, **_named(order)
        )
        if outcome.says_absent(reply):
            return CancelAnswer.GONE
        reading(reply, lambda answer: parse.expect(answer["symbol"], name))
        return CancelAnswer.REQUESTED

    def find_order(self, order: OrderRef) -> OrderReport | None:
        if not is_client_id(order.client_order_id):
            raise VenueAway(self.name, "an order of such an id cannot be asked for")
        name = listing.venue_symbol(order.symbol)
        reply = self._asker.signed(
            2, self._client.get_order, symbol=name, origClientOrderId=order.client_order_id
        )
        if outcome.says_absent(reply):
            return None

        def found(answer: Document) -> OrderReport:
            parse.expect(answer["clientOrderId"], order.client_order_id)
            return parse.order(answer, order.symbol, name)

        return reading(reply, found)

    def recent_orders(self, symbol: Symbol, since: datetime) -> Sequence[OrderReport]:
        orders = history.orders_since(self._asker, symbol, since)
        return list({one.venue_order_id: one for one in orders}.values())

    def open_orders(self) -> Sequence[OrderReport]:
        """Return the open orders of all instruments; their names may need the list of these."""
        reply = self._asker.signed(40, self._client.get_open_orders)
        names = set(each(reply, lambda one: one["symbol"].text(40)))
        symbols = self._symbols(names)

        def report(one: Document) -> OrderReport:
            name = one["symbol"].text(40)
            return parse.order(one, symbols[name], name)

        return each(reply, report)

    def fills(
        self, symbol: Symbol, since: datetime, order: OrderRef | None = None
    ) -> Sequence[VenueFill]:
        if order is None:
            found = history.fills_since(self._asker, symbol, since)
        else:
            found = self._fills_of(order)
        unique = {one.trade_id: one for one in found if one.filled_at >= since}
        return sorted(unique.values(), key=lambda one: (one.filled_at, int(one.trade_id)))

    def arm_dead_man(self, timeout_seconds: int, symbols: Sequence[Symbol]) -> bool:
        """Return False: the venue has no dead man's switch."""
        del timeout_seconds, symbols
        return False

    def rate_use(self) -> RateUse:
        try:
            self._budget.spend(WEIGHT, 0, is_urgent=True)
        except RateLimited as error:
            wait = timedelta(seconds=error.retry_after_seconds)
            return RateUse(used_ratio=1.0, held_until=self._client.now() + wait)
        return RateUse(used_ratio=self._budget.used_ratio())

    def _fills_of(self, order: OrderRef) -> Sequence[VenueFill]:
        order_id = order.venue_order_id
        if order_id is None:
            found = self.find_order(order)
            if found is None:
                return ()
            order_id = found.venue_order_id
        return history.fills_of(self._asker, order.symbol, order_id, order.client_order_id)

    def _symbols(self, names: set[str]) -> dict[str, Symbol]:
        """Return our names of the venue's, from its list where one is new.

        Raises:
            VenueError: the list could not be had, or does not hold one of them.
        """
        if unknown := names - set(self._by_name()):
            self.rules()
            unknown -= set(self._by_name())
            if unknown:
                raise VenueAway(self.name, f"does not list {min(unknown)}, which has an order")
        return self._by_name()

    def _by_name(self) -> dict[str, Symbol]:
        return {one.venue_symbol: symbol for symbol, one in tuple(self._known_rules.items())}


def _named(order: OrderRef) -> dict[str, str]:
    """Return how an order is named to be canceled: its own id says it beyond doubt."""
    if order.venue_order_id is not None and is_order_id(order.venue_order_id):
        return {"orderId": order.venue_order_id}
    if not is_client_id(order.client_order_id):
        raise VenueAway(VenueName.BINANCE_US, "an order of such an id cannot be canceled")
    return {"origClientOrderId": order.client_order_id}
