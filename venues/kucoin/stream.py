"""KuCoin's private order events, as hints: a token first, then one topic, and a ping of our own."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode, urlsplit

from shared.domain.ids import ClientOrderId, VenueOrderId
from shared.domain.venue import Hint, OrderHint
from venues.kucoin import parse
from venues.kucoin.line import PUBLIC, SPOT, open_line
from venues.opening import Credentials
from venues.reading import Document, Unreadable, read
from venues.stream import Opening

_TOPIC = "/spotMarket/tradeOrdersV2"
_SUBSCRIPTION = "orders"
_MILLISECONDS = 1000.0
_SLACK_SECONDS = 5.0
_LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Where the stream is and how it is kept alive, as the venue says."""

    endpoint: str
    token: str
    ping_seconds: float
    pong_seconds: float


def ticket(data: Document) -> Ticket:
    server = next(data["instanceServers"].items(), None)
    if server is None:
        raise Unreadable(f"{data.path} names no server")
    return Ticket(
        endpoint=server["endpoint"].text(),
        token=data["token"].text(2000),
        ping_seconds=_seconds(server["pingInterval"]),
        pong_seconds=_seconds(server["pingTimeout"]),
    )


def _seconds(data: Document) -> float:
    """Return a number of milliseconds as seconds, at least one and at most a minute."""
    return min(max(data.integer() / _MILLISECONDS, 1.0), _LONGEST_SECONDS)


class KuCoinStream:
    """How the private stream is spoken; opened with REST questions of its own."""

    def __init__(self, credentials: Credentials) -> None:
        self._line = open_line(credentials)
        self._address = credentials.address
        self._ping_seconds = 18.0
        self._pong_seconds = 10.0
        self._pings = 0
        self._is_subscribed = False

    @property
    def silence_seconds(self) -> float:
        return self._ping_seconds + self._pong_seconds + _SLACK_SECONDS

    @property
    def beat_seconds(self) -> float:
        return self._ping_seconds

    def opening(self) -> Opening:
        line, client = self._line, self._line.client
        heard = line.ask(PUBLIC, 3, client.get_server_timestamp, parse.server_time)
        client.offset = heard - line.clock.now()
        told = line.ask(SPOT, 10, partial(client.get_ws_token, is_private=True), ticket)
        self._ping_seconds, self._pong_seconds = told.ping_seconds, told.pong_seconds
        self._is_subscribed = False
        return Opening(
            url=self._url(told),
            greetings=(
                json.dumps(
                    {
                        "id": _SUBSCRIPTION,
                        "type": "subscribe",
                        "topic": _TOPIC,
                        "privateChannel": True,
                        "response": True,
                    }
                ),
            ),
        )

    def _url(self, told: Ticket) -> str:
        """Return the venue's server, in clear only where REST is (a simulator)."""
        endpoint = urlsplit(told.endpoint)
        base = self._address.stream or f"{endpoint.scheme}://{endpoint.netloc}"
        if not base.startswith("wss://") and self._address.rest.startswith("https://"):
            raise Unreadable(f"the venue names a stream in clear: {base}")
        query = urlencode({"token": told.token, "connectId": secrets.token_hex(12)})
        return f"{base}{endpoint.path or '/'}?{query}"

    def hints(self, message: str) -> Sequence[Hint]:
        told = read(message)
        match told["type"].text():
            case "message":
                return _hints(told)
            case "ack":
                self._is_subscribed = True
            case "error":
                raise Unreadable(f"the stream failed: {message[:200]}")
            case _:
                pass
        return ()

    def beat(self) -> Sequence[str]:
        if not self._is_subscribed:
            raise Unreadable("the stream was never subscribed")
        self._pings += 1
        return (json.dumps({"id": str(self._pings), "type": "ping"}),)


def _hints(told: Document) -> Sequence[Hint]:
    if told["topic"].text() != _TOPIC:
        return ()
    data = told["data"]
    client_order_id = data.maybe("clientOid")
    return (
        OrderHint(
            client_order_id=ClientOrderId(parse.word(client_order_id))
            if client_order_id is not None and client_order_id.value != ""
            else None,
            venue_order_id=VenueOrderId(parse.word(data["orderId"])),
        ),
    )
