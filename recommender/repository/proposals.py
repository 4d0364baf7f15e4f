"""Recommendations, how far each has come, and the requests that led to the manual ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from recommender.core.book import KnownOrder
from recommender.core.status import RecommendationStatus, before, of_order, rank
from recommender.tables import trade_recommendations
from shared.db.dialect import insert_once
from shared.db.pages import newest_first
from shared.db.statements import Prepared
from shared.domain.ids import AccountId, RecommendationId, Symbol
from shared.domain.recommendation import Recommendation


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What became of one recommendation; `verdict` as risk gave it, where that is what happened."""

    recommendation_id: RecommendationId
    status: RecommendationStatus
    verdict: Any = None


def add_recommendations(connection: Connection, issued: Sequence[Recommendation]) -> int:
    """Insert those that are not there yet and return how many those were."""
    rows = [
        {
            "recommendation_id": one.recommendation_id,
            "account": one.account,
            "symbol": one.symbol,
            "side": one.side,
            "purpose": one.purpose,
            "status": RecommendationStatus.ISSUED,
            "decided_at": one.decided_at,
            "expires_at": one.expires_at,
            "price": one.price,
            "source": one.source,
            "signal_id": one.signal_id,
            "reason": one.exit_reason or "",
            "payload": one,
        }
        for one in issued
    ]
    return insert_once(connection, trade_recommendations, rows)


def advance(connection: Connection, progress: Sequence[Progress]) -> None:
    """Move recommendations on; none ever moves back, whatever order the facts came in."""
    for status in sorted({one.status for one in progress}, key=lambda one: (rank(one), one)):
        changes = [one for one in progress if one.status is status]
        has_verdicts = any(one.verdict is not None for one in changes)
        rows = [
            {"identity": one.recommendation_id, "status": status}
            | ({"verdict": one.verdict} if has_verdicts else {})
            for one in changes
        ]
        _advance_to(status).run(connection, rows)


@cache
def _advance_to(status: RecommendationStatus) -> Prepared:
    """Reach the one called `identity`, if it is still at an earlier status."""
    table = trade_recommendations.c
    earlier = [table.status == one for one in before(status)]
    return Prepared(
        update(trade_recommendations).where(
            table.recommendation_id == bindparam("identity"), or_(*earlier)
        )
    )


_STAND_AS = Prepared(
    update(trade_recommendations).where(
        trade_recommendations.c.recommendation_id == bindparam("identity"),
        trade_recommendations.c.purpose == bindparam("of_purpose"),
    )
)


def stand_as(connection: Connection, orders: Iterable[KnownOrder]) -> None:
    """Let recommendations stand as their orders do; a bracket's exit says nothing of its entry."""
    rows = [
        {
            "identity": one.recommendation_id,
            "of_purpose": one.purpose,
            "status": of_order(one.status, one.filled_quantity),
        }
        for one in orders
    ]
    _STAND_AS.run(connection, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationFilter:
    """`before` is the position (decided_at, recommendation_id) after which the page starts."""

    account: AccountId
    status: RecommendationStatus | None = None
    symbol: Symbol | None = None
    before: tuple[datetime, str] | None = None


def find_recommendations(
    connection: Connection, wanted: RecommendationFilter, limit: int
) -> Sequence[Row[Any]]:
    """Return matching rows, newest first."""
    table = trade_recommendations
    statement = select(table).where(table.c.account == wanted.account)
    if wanted.status is not None:
        statement = statement.where(table.c.status == wanted.status)
    if wanted.symbol is not None:
        statement = statement.where(table.c.symbol == wanted.symbol)
    page = newest_first(statement, table.c.decided_at, table.c.recommendation_id, wanted.before)
    return connection.execute(page.limit(limit)).all()


def find_recommendation(connection: Connection, identity: str) -> Row[Any] | None:
    statement = select(trade_recommendations).where(
        trade_recommendations.c.recommendation_id == identity
    )
    return connection.execute(statement).one_or_none()
