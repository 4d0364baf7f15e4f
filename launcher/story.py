"""A decision told end to end: from the candle to the fills, the ledger and what it earned."""

import re
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from launcher.explained import what_moved
from launcher.fact_ids import fact_ids
from launcher.model_keys import trust_of
from launcher.models_home import served_folder
from launcher.rows_told import Step, audit_steps, books_steps, forgotten, step
from launcher.thread import Thread
from launcher.threads import find_thread
from launcher.wording import ORDER_FACTS, of, told
from models.registry import Registry
from shared.bus.envelope import Envelope
from shared.bus.history import with_causes
from shared.db.engine import READ_ONLY, connect
from shared.domain.errors import BadInput, NotFound
from shared.domain.events import (
    Event,
    OrderFilled,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
    SignalsGenerated,
)
from shared.domain.ids import EventId
from shared.runtime.settings import PlatformSettings

_ID = re.compile(r"[!-~]{4,192}")


def tell(settings: PlatformSettings, identifier: str) -> list[Step]:
    """Return the steps of the decision that an id belongs to, in the order they happened.

    Raises:
        BadInput: not an id.
        NotFound: nothing is known by it.
    """
    if not _ID.fullmatch(identifier):
        raise BadInput("ID", f"'{identifier}' is not an id", "copy one from 'trading orders'")
    engine = connect(settings.database())
    try:
        reader = engine.execution_options(**{READ_ONLY: True})
        with reader.connect() as connection:
            thread = find_thread(connection, settings.account, settings.market.symbols, identifier)
            steps = _steps(connection, settings, thread)
    finally:
        engine.dispose()
    if not steps:
        raise NotFound(f"nothing is known as {identifier}; is this the database it was made in?")
    return steps


def _steps(connection: Connection, settings: PlatformSettings, thread: Thread) -> list[Step]:
    facts = with_causes(connection, sorted(fact_ids(thread, settings.market)))
    registry = Registry(served_folder(settings), trust=trust_of(settings))
    explained = _explained(connection, registry, facts, thread.symbol)
    happened = [made for fact in facts if (made := _step(fact, thread.symbol, explained))]
    rest = forgotten(thread, {one for fact in facts for one in _mentioned(fact.event)})
    in_order = sorted([*rest, *happened], key=lambda one: one["at"]) if rest else happened
    return [*in_order, *books_steps(connection, thread), *audit_steps(connection, thread)]


def _mentioned(event: Event) -> Sequence[str]:
    """Return the ids of which a fact says all there is to say."""
    found: Sequence[str] = ()
    match event:
        case SignalsGenerated() | SignalsAggregated():
            found = [one.signal_id for one in event.signals]
        case RecommendationsIssued():
            found = [one.recommendation_id for one in event.recommendations]
        case RecommendationApproved(approved=verdict) | RecommendationDenied(denied=verdict):
            found = [verdict.decision_id]
        case OrderFilled():
            found = [event.order.client_order_id, event.fill.trade_id]
        case _ if isinstance(event, ORDER_FACTS):
            found = [event.order.client_order_id]
        case _:
            pass
    return found


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
    return step(fact.topic, fact.producer, fact.occurred_at, lines) if lines else None
