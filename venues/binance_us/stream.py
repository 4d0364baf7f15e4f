"""The private stream: a listen key from REST, then events of orders (user-data-stream.md).

A quiet account sends nothing for hours, so the stream is asked for its subscriptions every minute
(web-socket-streams.md); the key is kept alive every half an hour, and the connection is left before
the venue cuts it after a day.
"""

import re
import time
from collections.abc import Callable, Sequence

from shared.domain.ids import ClientOrderId
from shared.domain.venue import Hint, OrderHint
from venues.binance_us.asking import Asker, reading
from venues.binance_us.parse import order_id
from venues.opening import Credentials
from venues.reading import Document, Unreadable, read
from venues.stream import Opening

_KEEP_ALIVE_SECONDS = 30 * 60.0
_LONGEST_SECONDS = 23.5 * 3600.0
_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_STILL_THERE = '{"method":"LIST_SUBSCRIPTIONS","id":1}'
_ENDINGS = frozenset({"listenKeyExpired", "eventStreamTerminated"})


class BinanceUsStream:
    """How the private stream is spoken. Lives in the thread of the stream."""

    def __init__(
        self, credentials: Credentials, seconds_now: Callable[[], float] = time.monotonic
    ) -> None:
        self._asker = Asker(credentials)
        self._address = credentials.address.stream
        self._seconds_now = seconds_now
        self._listen_key = ""
        self._opened_at = self._kept_at = 0.0

    @property
    def silence_seconds(self) -> float:
        return 150.0

    @property
    def beat_seconds(self) -> float:
        return 60.0

    def opening(self) -> Opening:
        client = self._asker.client
        reply = self._asker.signed(1, client.start_stream)
        self._listen_key = reading(reply, _listen_key)
        self._opened_at = self._kept_at = self._seconds_now()
        return Opening(url=f"{self._address}/ws/{self._listen_key}")

    def hints(self, message: str) -> Sequence[Hint]:
        document = read(message)
        kind = document.maybe("e")
        if kind is None:
            return _told_nothing(document)
        if kind.text() in _ENDINGS:
            raise Unreadable(f"the stream has ended: {kind.text()}")
        return (_hint(document),) if kind.text() == "executionReport" else ()

    def beat(self) -> Sequence[str]:
        """Raise `VenueError` where the key cannot be kept, `TimeoutError` near the day's end."""
        now = self._seconds_now()
        if now - self._opened_at > _LONGEST_SECONDS:
            raise TimeoutError("the venue would cut the stream soon")
        if now - self._kept_at > _KEEP_ALIVE_SECONDS:
            client = self._asker.client
            reply = self._asker.signed(1, client.stream_keepalive, listenKey=self._listen_key)
            reading(reply, lambda answer: answer)
            self._kept_at = now
        return (_STILL_THERE,)


def _listen_key(document: Document) -> str:
    key = document["listenKey"]
    if not _KEY.fullmatch(key.text()):
        key.refuse("a listen key")
    return key.text()


def _hint(document: Document) -> OrderHint:
    """Return which order an event is about; a cancel names its order in `C`, itself in `c`."""
    canceled = document.maybe("C")
    named = document["c"] if canceled is None or canceled.value == "" else canceled
    return OrderHint(
        client_order_id=ClientOrderId(named.text()), venue_order_id=order_id(document["i"])
    )


def _told_nothing(document: Document) -> Sequence[Hint]:
    """Return nothing for the answer to our own question, and nothing else."""
    if document.maybe("error") is not None or document.maybe("code") is not None:
        raise Unreadable("the stream says that something is wrong")
    document["id"].integer()
    return ()
