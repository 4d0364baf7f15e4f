"""What is not known of KuCoin: ids sent twice, late requests, old orders, accounts, versions."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from launcher.probes.bench import Bench, Question, Unanswered, buy_words, document_of, told
from launcher.probes.sizing import Tiny
from shared.domain.ids import ClientOrderId
from venues.kucoin.client import HardClient, millis, signature_headers
from venues.port import VenueAddress, VenueKeys
from venues.reading import Document
from venues.transport import Reply

_SUCCESS = "200000"
_DAYS_BACK = (1, 4, 8, 31, 91)
_WINDOW_MILLISECONDS = 1000


class RawKuCoin(HardClient):
    """The hardened client, for addresses the package has no method for."""

    def __init__(self, keys: VenueKeys, address: VenueAddress) -> None:
        super().__init__(keys, address, lambda _point: None)
        self._own_keys = keys

    def get(self, uri: str) -> None:
        self._request("GET", uri)

    def get_as_version(self, uri: str, version: str) -> None:
        """Ask with another KC-API-KEY-VERSION than the adapter's; what is signed is the same."""
        signed = signature_headers(self._own_keys, millis(self.venue_now()), f"GET{uri}")
        headers = {**signed, "KC-API-KEY-VERSION": version}
        self.hard.request("GET", f"{self.url}{uri}", headers=headers, data=b"")


class KuCoinProbe:
    def __init__(self, bench: Bench, client: RawKuCoin) -> None:
        self._bench = bench
        self._client = client

    def questions(self) -> tuple[Question, ...]:
        return (
            Question(
                name="same-id-twice",
                sentence="What does an id sent again do, while the first order is open and after "
                "it was canceled?",
                ask=self._same_id_twice,
            ),
            Question(
                name="late-request",
                sentence="Which code refuses an order that arrives after allowMaxTimeWindow?",
                ask=self._late_request,
            ),
            Question(
                name="ended-orders",
                sentence="How long can ended orders be looked up, in the list and by their id?",
                ask=self._ended_orders,
            ),
            Question(
                name="unified-account",
                sentence="Does this account only take the unified (UTA) addresses (112010)?",
                ask=self._unified_account,
            ),
            Question(
                name="key-version",
                sentence="Which version has the key, and is a header with another one taken?",
                ask=self._key_version,
            ),
            Question(
                name="id-after-fill",
                sentence="Is the id of an order that filled taken again?",
                ask=self._id_after_fill,
                buys=True,
            ),
        )

    def _same_id_twice(self) -> str:
        own_id, tiny = self._bench.new_id(), self._bench.resting_buy()
        first = self._rest(own_id, tiny)
        second = self._rest(own_id, tiny)
        self._cancel(own_id)
        self._bench.end_of(own_id)
        third = self._rest(own_id, tiny)
        self._cancel(own_id)
        if _code(first) != _SUCCESS:
            raise Unanswered(f"the first order was not made: {told(first)}")
        return f"while open: {_verdict(second)}; after its cancel: {_verdict(third)}"

    def _late_request(self) -> str:
        own_id, tiny = self._bench.new_id(), self._bench.resting_buy()
        late = self._client.venue_now() - timedelta(seconds=3)
        with self._client.dated(late):
            reply = self._rest(own_id, tiny, clientTimestamp=millis(late))
        if _code(reply) == _SUCCESS:
            self._cancel(own_id)
            return "none: an order 3 s old with a window of 1 s was taken all the same"
        return told(reply)

    def _ended_orders(self) -> str:
        said: list[str] = []
        oldest: Document | None = None
        for days in _DAYS_BACK:
            end = self._bench.now() - timedelta(days=days - 1)
            period = {"startAt": millis(end - timedelta(days=1)), "endAt": millis(end)}
            reply = self._ask(self._done(period))
            data = document_of(reply).maybe("data")
            items = list(data["items"].items()) if data is not None else []
            oldest = items[-1] if items else oldest
            said.append(f"{days} d back: {_code(reply)} with {len(items)}")
        if oldest is None:
            return f"{', '.join(said)}; no ended order to look up by its id"
        order_id = oldest["id"].text()
        by_id = self._ask(partial(self._client.get_single_hf_order, self._bench.symbol, order_id))
        return f"{', '.join(said)}; the oldest of them by its id: {_code(by_id)}"

    def _done(self, period: dict[str, int]) -> Callable[[], object]:
        method = self._client.get_hf_completed_orders
        return partial(method, self._bench.symbol, limit=100, **period)

    def _unified_account(self) -> str:
        active = self._ask(partial(self._client.get_active_hf_orders, self._bench.symbol))
        opened = self._ask(lambda: self._client.get("/api/v1/hf/accounts/opened"))
        mode = self._ask(lambda: self._client.get("/api/ua/v1/account/mode"))
        only = "yes" if "112010" in (_code(active), _code(opened)) else "no"
        return (
            f"{only}: active orders say {_code(active)}, HF opened says {told(opened)[:60]}, the "
            f"unified mode says {told(mode)[:60]}"
        )

    def _key_version(self) -> str:
        reply = self._ask(self._client.get_api_key)
        data = document_of(reply).maybe("data")
        version = None if data is None else data.maybe("apiVersion")
        told_version = "not told" if version is None else str(version.value)
        said = [f"header {number}: {_code(self._ask(self._as_version(number)))}" for number in "23"]
        return f"the key has version {told_version}; {', '.join(said)}"

    def _as_version(self, number: str) -> Callable[[], object]:
        return lambda: self._client.get_as_version("/api/v1/user/api-key", number)

    def _id_after_fill(self) -> str:
        trip = self._bench.round_trip(self._cross)
        self._ask(partial(self._client.get_hf_filled_list, self._bench.symbol, limit=10))
        if not trip.bought:
            raise Unanswered("nothing filled, so no id of a filled order could be sent again")
        reply = self._rest(trip.bought_id, self._bench.resting_buy())
        if _code(reply) == _SUCCESS:
            self._cancel(trip.bought_id)
        return _verdict(reply)

    def _rest(self, own_id: ClientOrderId, tiny: Tiny, **more: int) -> Reply:
        window = {"allowMaxTimeWindow": _WINDOW_MILLISECONDS} if more else {}
        return self._limit(own_id, tiny, {"timeInForce": "GTC", "postOnly": True, **more, **window})

    def _cross(self, own_id: ClientOrderId, tiny: Tiny) -> Reply:
        return self._limit(own_id, tiny, {"timeInForce": "IOC"})

    def _limit(self, own_id: ClientOrderId, tiny: Tiny, more: dict[str, str | int | bool]) -> Reply:
        size, price = buy_words(tiny)
        words = (self._bench.symbol, tiny.side.value, size, price)
        return self._ask(
            partial(self._client.create_limit_hf_order, *words, clientOid=own_id, **more)
        )

    def _cancel(self, own_id: ClientOrderId) -> None:
        symbol = self._bench.symbol
        self._ask(partial(self._client.cancel_hf_order_by_client_id, symbol, own_id))

    def _ask(self, call: Callable[[], object]) -> Reply:
        return self._bench.notebook.ask(call)


def _code(reply: Reply) -> str:
    code = document_of(reply).maybe("code")
    return f"HTTP {reply.status}" if code is None else str(code.value)


def _verdict(reply: Reply) -> str:
    if _code(reply) == _SUCCESS:
        return "ANOTHER ORDER IS MADE"
    return f"refused ({told(reply)})"
