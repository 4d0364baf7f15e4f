"""The private stream of Coinbase: one subscription per message, each with a token of its own.

Its `user` events are cumulative per order and may come again; only which order they are about is
used. Heartbeats come every second: without them idle channels are closed.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta

from shared.domain.clock import SystemClock
from shared.domain.ids import ClientOrderId, VenueOrderId
from shared.domain.venue import Gap, Hint, OrderHint
from venues.coinbase.client import Signer, Span
from venues.coinbase.parse import filled_in, identifier
from venues.opening import Credentials
from venues.reading import Document, Unreadable, read
from venues.stream import Opening

# a token is for the greeting alone; dated back, it is believed by a clock a little behind ours
_DATED_BACK = timedelta(seconds=5)
_CHANNELS = ("heartbeats", "user")


class CoinbaseStream:
    """One stream for one thread (`venues.stream.Dialect`)."""

    def __init__(self, credentials: Credentials) -> None:
        self._signer = Signer(credentials.keys)
        self._url = credentials.address.stream
        self._clock = SystemClock()
        self._last_number: int | None = None

    @property
    def silence_seconds(self) -> float:
        return 10.0

    @property
    def beat_seconds(self) -> float:
        return 3600.0

    def opening(self) -> Opening:
        """Raises KeyRefused where there is no key that can sign."""
        self._last_number = None
        greetings = (json.dumps(self._subscription(channel)) for channel in _CHANNELS)
        return Opening(url=self._url, greetings=tuple(greetings))

    def hints(self, message: str) -> Sequence[Hint]:
        document = read(message)
        kind = document.maybe("type")
        if kind is not None and kind.value == "error":
            said = filled_in(document, "message")
            raise Unreadable(f"the stream says: {said.text() if said else 'error'}")
        gap = self._gap(document)
        if document["channel"].text() != "user":
            return gap
        return [*gap, *_order_hints(document)]

    def beat(self) -> Sequence[str]:
        return ()  # the venue's heartbeats are enough

    def _subscription(self, channel: str) -> dict[str, str]:
        token = self._signer.token(Span(signed_at=self._clock.now() - _DATED_BACK))
        return {"type": "subscribe", "channel": channel, "jwt": token}

    def _gap(self, document: Document) -> list[Hint]:
        """Return what the numbering of messages says: one number left out is one message lost."""
        number = document["sequence_num"].integer()
        last, self._last_number = self._last_number, number
        if last is None or number <= last + 1:
            self._last_number = number if last is None else max(last, number)
            return []
        return [Gap(reason=f"messages {last + 1} to {number - 1} were not heard")]


def _order_hints(document: Document) -> Iterator[Hint]:
    for event in document["events"].items():
        orders = event.maybe("orders")
        if orders is None:
            continue
        for order in orders.items():
            ours = filled_in(order, "client_order_id")
            yield OrderHint(
                client_order_id=ours and ClientOrderId(identifier(ours)),
                venue_order_id=VenueOrderId(identifier(order["order_id"])),
            )
