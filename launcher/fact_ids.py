"""The ids of the facts about one decision, derived from its rows as whoever said them derived them.

So the log of facts is asked by its index for what it may hold, and never read as a whole.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

from sqlalchemy import Row

from executor.app.name import NAME as EXECUTOR
from launcher.thread import Thread
from portfolio.app import NAME as PORTFOLIO
from recommender.app import NAME as RECOMMENDER
from risk.app import NAME as RISK
from shared.domain import events
from shared.domain.candle import SHARD_SIZE
from shared.domain.enums import OrderStatus
from shared.domain.ids import derive
from shared.domain.values import ZERO, to_text
from shared.runtime.settings import MarketSettings
from signal_generator.app import NAME as SIGNAL_GENERATOR
from signals.app import NAME as SIGNALS

_ORDER_FACTS = (
    events.OrderSubmitted,
    events.OrderAccepted,
    events.OrderRejected,
    events.OrderCanceled,
    events.OrderExpired,
    events.OrderUnknown,
)


def fact_ids(thread: Thread, market: MarketSettings) -> set[str]:
    """Return the ids of every fact that may have been said about a decision."""
    shards = range(-(-len(market.instruments) // SHARD_SIZE))
    found = set(thread.named)
    found.update(_of_signals(thread, market, shards))
    found.update(_of_recommendations(thread, shards))
    found.update(_of_verdicts(thread))
    for order in thread.orders.values():
        traded = [row for row in thread.fills if row.client_order_id == order.client_order_id]
        found.update(_of_order(order, traded))
    found.update(_of_fills(thread))
    found.update(_of_books(thread))
    return found


def _id(producer: str, kind: type[events.Event], *identity: str) -> str:
    return derive("event", producer, kind.topic, *identity)


def _of_signals(thread: Thread, market: MarketSettings, shards: Iterable[int]) -> Iterable[str]:
    """Find a signal that led to no recommendation; the others are found as causes."""
    for row in thread.said.values():
        source = getattr(row, "source", "ml")
        for shard in shards:
            place = (market.venue, row.interval, row.closed_at.isoformat(), str(shard))
            yield _id(SIGNAL_GENERATOR, events.SignalsGenerated, source, *place)
            yield _id(SIGNALS, events.SignalsGenerated, source, *place)
            yield _id(SIGNALS, events.SignalsAggregated, *place)


def _of_recommendations(thread: Thread, shards: Iterable[int]) -> Iterable[str]:
    """Find what was issued and not yet judged; a verdict names what it answers as its cause."""
    judged = {row.recommendation_id for row in thread.decisions}
    for row in thread.issued:
        yield _id(EXECUTOR, events.RecommendationExpired, row.recommendation_id)
        yield _id(RISK, events.RecommendationExpired, row.recommendation_id)
        if row.recommendation_id in judged:
            continue
        origins = [f"pipeline:{shard}" for shard in shards]
        origins += [f"manual:{row.recommendation_id}"]
        origins += [f"rebalance:{one}" for one in thread.rebalances]
        origins += [f"rebalance:{one}:{row.symbol}" for one in thread.rebalances]
        for origin in origins:
            key = (row.account, row.decided_at.isoformat(), origin)
            yield _id(RECOMMENDER, events.RecommendationsIssued, *key)


def _of_verdicts(thread: Thread) -> Iterable[str]:
    for row in thread.decisions:
        yield _id(RISK, events.RecommendationApproved, row.decision_id)
        yield _id(RISK, events.RecommendationDenied, row.decision_id)


def _of_order(order: Row[Any], traded: Sequence[Row[Any]]) -> Iterable[str]:
    """Name every fact an order may have led to: any status, after any of its fills."""
    quantities = {ZERO, order.filled_quantity, *_cumulative(traded)}
    texts = {to_text(one) for one in quantities}
    for kind in _ORDER_FACTS:
        for status in OrderStatus:
            for text in texts:
                yield _id(EXECUTOR, kind, order.client_order_id, status, text)


def _cumulative(traded: Sequence[Row[Any]]) -> Iterable[Decimal]:
    for key in ("filled_at", "recorded_at"):
        in_order = sorted(traded, key=lambda row: (getattr(row, key), row.trade_id))
        yield from accumulate(row.quantity for row in in_order)


def _of_fills(thread: Thread) -> Iterable[str]:
    for row in thread.fills:
        yield _id(EXECUTOR, events.OrderFilled, row.venue, row.account, row.trade_id)
        yield _id(PORTFOLIO, events.PositionChanged, row.account, row.symbol, row.trade_id)


def _of_books(thread: Thread) -> Iterable[str]:
    for row in thread.trips.values():
        if row.closed_at is not None:
            key = (row.account, row.trip_id, row.closed_at.isoformat())
            yield _id(PORTFOLIO, events.RoundTripClosed, *key)
    for one in thread.rebalances:
        yield _id(PORTFOLIO, events.RebalanceWanted, thread.account, one)
