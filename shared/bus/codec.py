"""Facts to JSON and back; decoding checks every field against the fact's definition."""

from typing import Any, TypeVar

import msgspec

from shared.domain.errors import TradingError
from shared.domain.events import EVENT_TYPES, Event

T = TypeVar("T")

_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {
    kind.topic: msgspec.json.Decoder(kind) for kind in EVENT_TYPES
}


class UnreadableFact(TradingError):
    reason = "unreadable_fact"


def encode(event: Event) -> str:
    """Return the fact as JSON: money as text, instants as ISO 8601, enums as their words."""
    return msgspec.json.encode(event).decode()


def decode(topic: str, payload: str) -> Event:
    """Return the typed fact.

    Raises:
        UnreadableFact: unknown topic, or the payload does not fit the fact's definition.
    """
    decoder = _DECODERS.get(topic)
    if decoder is None:
        raise UnreadableFact(f"no fact is called {topic}")
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise UnreadableFact(f"{topic}: {error}") from error


def from_builtins(document: Any, kind: type[T]) -> T:
    """Return a stored document as the type it was written from."""
    return msgspec.convert(document, kind)
