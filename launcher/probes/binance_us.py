"""What is not known of Binance.US: its stream of orders, fees, filters, OCO, ids sent twice."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from urllib.parse import urlencode

from launcher.probes.bench import (
    Bench,
    Question,
    Unanswered,
    buy_words,
    document_of,
    side_word,
    told,
)
from launcher.probes.sizing import Tiny
from launcher.probes.stream import asked_once
from shared.domain.enums import Side
from shared.domain.ids import ClientOrderId
from shared.domain.values import ZERO, to_text
from venues.binance_us.client import HardClient, milliseconds
from venues.naming import is_real
from venues.port import VenueAddress, VenueKeys
from venues.reading import Document
from venues.transport import Reply

_STREAM = "wss://ws-api.binance.us:443"
_STREAM_PATH = "/ws-api/v3"

Fields = Mapping[str, str]


class RawBinanceUs(HardClient):
    """The hardened client, for addresses the package has no method for, or the wrong one."""

    def __init__(self, keys: VenueKeys, address: VenueAddress) -> None:
        super().__init__(keys, address, lambda _point: None)
        self.stream = _STREAM if is_real(address) else address.stream

    def post(self, path: str, fields: Fields) -> None:
        self._post(path, signed=True, data=dict(fields))

    def delete(self, path: str, fields: Fields) -> None:
        self._delete(path, signed=True, data=dict(fields))

    def get(self, path: str, fields: Fields, *, is_signed: bool = False) -> None:
        self._get(path, signed=is_signed, data=dict(fields))

    def subscription(self) -> Mapping[str, str | int]:
        """Return the parameters of a subscription that is proven by a signature."""
        named = {"apiKey": self.API_KEY, "timestamp": milliseconds(self.now())}
        return {**named, "signature": self._hmac_signature(urlencode(named))}


class BinanceUsProbe:
    def __init__(self, bench: Bench, client: RawBinanceUs) -> None:
        self._bench = bench
        self._client = client
        self._venue_symbol = bench.rules.venue_symbol

    def questions(self) -> tuple[Question, ...]:
        return (
            Question(
                name="user-stream",
                sentence="Which way to the stream of orders is served: a listenKey, a signed "
                "subscription, or both?",
                ask=self._user_stream,
            ),
            Question(
                name="filters",
                sentence="What are the NOTIONAL values, and is quoteOrderQty allowed?",
                ask=self._filters,
            ),
            Question(
                name="orders-limits",
                sentence="How many orders may be sent, by exchangeInfo and by the headers?",
                ask=self._limits,
            ),
            Question(
                name="same-id-twice",
                sentence="What does an id sent again do, while the first order is open and after "
                "its end?",
                ask=self._same_id_twice,
            ),
            Question(
                name="oco",
                sentence="Which address takes OCO orders: /order/oco or /orderList/oco?",
                ask=self._oco,
            ),
            Question(
                name="real-fee",
                sentence="What is the fee of a real fill, and in which asset?",
                ask=self._real_fee,
                buys=True,
            ),
        )

    def _user_stream(self) -> str:
        key = self._ask(self._client.start_stream)
        request = {
            "id": "1",
            "method": "userDataStream.subscribe.signature",
            "params": self._client.subscription(),
        }
        answer = asked_once(f"{self._client.stream}{_STREAM_PATH}", request, self._bench.notebook)
        return f"listenKey: {told(key)[:40]}; signed subscription: {answer[:80]}"

    def _filters(self) -> str:
        listed = self._listed()
        filters = [
            f"{one['filterType'].text()} {_values(one)}"
            for one in listed["filters"].items()
            if "NOTIONAL" in one["filterType"].text()
        ]
        allowed = listed["quoteOrderQtyMarketAllowed"].boolean()
        funds = to_text(self._bench.rules.instrument.min_notional + 1)
        fields = {"side": "BUY", "type": "MARKET", "quoteOrderQty": funds}
        test = self._ask(lambda: self._client.post("order/test", self._of_symbol(fields)))
        said = f"{', '.join(filters) or 'no NOTIONAL filter'}; quoteOrderQtyMarketAllowed {allowed}"
        return f"{said}, a test order with it: {told(test)[:60]}"

    def _limits(self) -> str:
        document = document_of(self._ask(lambda: self._client.get("exchangeInfo", self._named())))
        limits = [
            f"{one['rateLimitType'].text()} {one['limit'].integer()} per "
            f"{one['intervalNum'].integer()} {one['interval'].text().lower()}"
            for one in document["rateLimits"].items()
        ]
        own_id, tiny = self._bench.new_id(), self._bench.resting_buy()
        made = self._place(own_id, tiny, rests=True)
        self._cancel(own_id)
        headers = [
            f"{name}: {value}" for name, value in made.headers.items() if name.startswith("x-mbx")
        ]
        return f"{', '.join(limits)}; headers of an order: {', '.join(headers) or 'none'}"

    def _same_id_twice(self) -> str:
        own_id, tiny = self._bench.new_id(), self._bench.resting_buy()
        first = self._place(own_id, tiny, rests=True)
        second = self._place(own_id, tiny, rests=True)
        self._cancel(own_id)
        third = self._place(own_id, tiny, rests=True)
        for _ in range(2):
            self._cancel(own_id)
        if first.status != 200:
            raise Unanswered(f"the first order was not made: {told(first)}")
        return f"while open: {_verdict(second)}; after its end: {_verdict(third)}"

    def _oco(self) -> str:
        tiny, rules = self._bench.resting_buy(), self._bench.rules.instrument
        quantity, below = buy_words(tiny)
        stop = to_text(rules.limit_price(tiny.price * Decimal("1.10"), Side.BUY))
        above = to_text(rules.limit_price(tiny.price * Decimal("1.11"), Side.BUY))
        older = {
            "price": below,
            "stopPrice": stop,
            "stopLimitPrice": above,
            "stopLimitTimeInForce": "GTC",
            "limitClientOrderId": self._bench.new_id(),
            "stopClientOrderId": self._bench.new_id(),
        }
        newer = {
            "aboveType": "STOP_LOSS_LIMIT",
            "abovePrice": above,
            "aboveStopPrice": stop,
            "aboveTimeInForce": "GTC",
            "aboveClientOrderId": self._bench.new_id(),
            "belowType": "LIMIT_MAKER",
            "belowPrice": below,
            "belowClientOrderId": self._bench.new_id(),
        }
        said: list[str] = []
        for path, fields in (("order/oco", older), ("orderList/oco", newer)):
            reply = self._listing(path, {"side": "BUY", "quantity": quantity, **fields})
            said.append(f"/{path}: {'taken' if reply.status == 200 else told(reply)}")
        return "; ".join(said)

    def _listing(self, path: str, fields: Fields) -> Reply:
        """Ask for a pair of orders and cancel it again."""
        own_id = self._bench.new_id()
        named = self._of_symbol({"listClientOrderId": own_id, **fields})
        reply = self._ask(lambda: self._client.post(path, named))
        if reply.status == 200:
            gone = self._of_symbol({"listClientOrderId": own_id})
            self._ask(lambda: self._client.delete("orderList", gone))
        return reply

    def _real_fee(self) -> str:
        named = self._named()
        schedule = self._ask(partial(self._client.get_trade_fee, **named))
        trip = self._bench.round_trip(lambda own_id, tiny: self._place(own_id, tiny, rests=False))
        self._ask(lambda: self._client.get("myTrades", {**named, "limit": "10"}, is_signed=True))
        if not trip.fills:
            raise Unanswered("nothing filled, so no fee was paid")
        assets = sorted({one.fee_asset for one in trip.fills})
        paid = sum((one.fee for one in trip.fills), ZERO)
        worth = sum((one.price * one.quantity for one in trip.fills), ZERO)
        base = self._bench.rules.instrument.base
        whole = trip.bought if assets == [base] else worth
        ratio = to_text((paid / whole).quantize(Decimal("0.000001")))
        return (
            f"the buy of {to_text(trip.bought)} {base} paid {to_text(paid)} {'+'.join(assets)}, a "
            f"ratio of {ratio}; the schedule says {told(schedule)[:80]}"
        )

    def _place(self, own_id: ClientOrderId, tiny: Tiny, *, rests: bool) -> Reply:
        quantity, price = buy_words(tiny)
        fields = {
            "side": side_word(tiny),
            "type": "LIMIT_MAKER" if rests else "LIMIT",
            "quantity": quantity,
            "price": price,
            "newClientOrderId": own_id,
            "newOrderRespType": "FULL",
        }
        if not rests:
            fields["timeInForce"] = "IOC"
        return self._ask(lambda: self._client.post("order", self._of_symbol(fields)))

    def _cancel(self, own_id: ClientOrderId) -> None:
        fields = self._of_symbol({"origClientOrderId": own_id})
        self._ask(lambda: self._client.delete("order", fields))

    def _listed(self) -> Document:
        reply = self._ask(lambda: self._client.get("exchangeInfo", self._named()))
        found: Iterator[Document] = document_of(reply)["symbols"].items()
        return next(one for one in found if one["symbol"].text() == self._venue_symbol)

    def _named(self) -> dict[str, str]:
        return {"symbol": self._venue_symbol}

    def _of_symbol(self, fields: Fields) -> dict[str, str]:
        return {**self._named(), **fields}

    def _ask(self, call: Callable[[], object]) -> Reply:
        return self._bench.notebook.ask(call)


def _verdict(reply: Reply) -> str:
    return "ANOTHER ORDER IS MADE" if reply.status == 200 else f"refused ({told(reply)})"


def _values(filter_: Document) -> str:
    fields = filter_.value
    assert isinstance(fields, dict)
    return str({name: value for name, value in fields.items() if name != "filterType"})
