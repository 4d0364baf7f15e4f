"""A decision told from the log of facts: from the candle to the fills."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, or_, select

from launcher.explained import what_moved
from launcher.model_keys import trust_of
from launcher.models_home import served_folder
from launcher.wording import ORDER_FACTS, of, told
from models.registry import Registry
from shared.bus.envelope import Envelope
from shared.bus.history import COLUMNS, envelope_of, with_causes
from shared.bus.tables import event_log
from shared.db.engine import connect
from shared.domain.errors import BadInput, NotFound
from shared.domain.events import (
    Event,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
    SignalsGenerated,
)
from shared.domain.ids import EventId
from shared.runtime.settings import PlatformSettings

Step = dict[str, Any]
_SHORTEST_ID = 8


def tell(settings: PlatformSettings, identifier: str) -> list[Step]:
    """Return the steps of the decision that an id belongs to, in the order they happened.

    Raises:
        BadInput: not an id.
        NotFound: no fact mentions it.
    """
    if len(identifier) < _SHORTEST_ID or not identifier.replace("-", "").isalnum():
        raise BadInput("ID", f"'{identifier}' is not an id", "copy one from 'trading orders'")
    engine = connect(settings.database())
    try:
        with engine.connect() as connection:
            facts = _related(connection, identifier)
            symbol = _instrument(facts, identifier)
            registry = Registry(served_folder(settings), trust=trust_of(settings))
            explained = _explained(connection, registry, facts, symbol)
    finally:
        engine.dispose()
    steps = [step for fact in facts if (step := _step(fact, symbol, explained))]
    if not steps:
        raise NotFound(f"no fact mentions {identifier}; is this the database it was made in?")
    return steps


def _related(connection: Connection, identifier: str) -> list[Envelope]:
    """Follow ids from fact to fact, then add the chains of causes."""
    known: dict[str, Envelope] = {}
    wanted, searched = {identifier}, set[str]()
    while wanted:
        searched |= wanted
        found = _mentioning(connection, wanted)
        known.update({fact.event_id: fact for fact in found})
        symbol = _instrument(known.values(), identifier)
        wanted = {name for fact in found for name in _ids(fact.event, symbol)} - searched
    return with_causes(connection, list(known))


def _instrument(facts: Iterable[Envelope], identifier: str) -> str | None:
    named = (_symbol(fact.event, identifier) for fact in facts)
    return next((symbol for symbol in named if symbol), None)


def _mentioning(connection: Connection, identifiers: set[str]) -> list[Envelope]:
    mentions = [event_log.c.payload.contains(f'"{one}"') for one in identifiers]
    named = event_log.c.event_id.in_(identifiers)
    statement = select(*COLUMNS).where(or_(named, *mentions)).order_by(event_log.c.seq).limit(200)
    return [envelope_of(row) for row in connection.execute(statement)]


def _ids(event: Event, symbol: str | None) -> set[str]:
    match event:
        case RecommendationsIssued():
            found = of(event.recommendations, symbol)
            signals = {one.signal_id for one in found if one.signal_id}
            return signals | {one.recommendation_id for one in found}
        case RecommendationApproved():
            return {event.approved.recommendation_id, event.approved.decision_id}
        case RecommendationDenied():
            return {event.denied.recommendation_id}
        case _ if isinstance(event, ORDER_FACTS):
            return {event.order.recommendation_id, event.order.client_order_id}
        case _:
            return set()


def _symbol(event: Event, identifier: str) -> str | None:
    """Return the instrument that the id belongs to, where this fact knows."""
    match event:
        case SignalsGenerated() | SignalsAggregated():
            return next((one.symbol for one in event.signals if one.signal_id == identifier), None)
        case RecommendationsIssued():
            ids = ((one, {one.recommendation_id, one.signal_id}) for one in event.recommendations)
            return next((one.symbol for one, named in ids if identifier in named), None)
        case RecommendationApproved():
            return event.approved.symbol
        case RecommendationDenied():
            return event.denied.symbol
        case _ if isinstance(event, ORDER_FACTS):
            return event.order.symbol
        case _:
            return None


def _explained(
    connection: Connection, registry: Registry, facts: Iterable[Envelope], symbol: str | None
) -> dict[EventId, list[str]]:
    """Return what moved the model, by the fact in which it spoke."""
    return {
        fact.event_id: [
            line
            for signal in of(fact.event.signals, symbol)
            for line in what_moved(connection, registry, signal)
        ]
        for fact in facts
        if isinstance(fact.event, SignalsGenerated)
    }


def _step(
    fact: Envelope, symbol: str | None, explained: Mapping[EventId, list[str]]
) -> Step | None:
    lines = told(fact.event, symbol) + explained.get(fact.event_id, [])
    if not lines:
        return None
    at = fact.occurred_at.isoformat()
    return {"what": fact.topic, "by": fact.producer, "at": at, "lines": lines}
