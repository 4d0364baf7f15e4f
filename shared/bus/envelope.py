"""A fact on its way: what was said, by whom, when, and because of what."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.events import Event
from shared.domain.ids import EventId, derive


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """`occurred_at`: the platform's time; `origin_at`: the wall time of the chain's first fact."""

    event_id: EventId
    topic: str
    occurred_at: datetime
    origin_at: datetime
    producer: str
    cause_id: EventId | None
    event: Event


def event_id(producer: str, event: Event) -> EventId:
    return EventId(derive("event", producer, event.topic, *event.identity))
