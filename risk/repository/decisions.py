"""Verdicts, written once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from risk.core.review import Verdict
from risk.tables import risk_decisions
from shared.db.pages import newest_first
from shared.db.statements import Prepared, among
from shared.domain.ids import AccountId, RecommendationId, Symbol
from shared.domain.verdict import Approved

_REVIEWED = Prepared(
    select(risk_decisions.c.recommendation_id).where(
        among(risk_decisions.c.recommendation_id, "recommendations")
    )
)
_TO_DECISIONS = Prepared(insert(risk_decisions))


class Outcome(StrEnum):
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """`before`: the instant decided on and the id of the last decision already seen."""

    account: AccountId
    outcome: Outcome | None = None
    symbol: Symbol | None = None
    before: tuple[datetime, str] | None = None


def already_reviewed(
    connection: Connection, recommendations: Sequence[RecommendationId]
) -> set[str]:
    return set(_REVIEWED.column(connection, recommendations=list(recommendations)))


def add_decisions(connection: Connection, verdicts: Iterable[Verdict], now: datetime) -> None:
    _TO_DECISIONS.run(connection, [_row(verdict, now) for verdict in verdicts])


def _row(verdict: Verdict, now: datetime) -> dict[str, Any]:
    is_approved = isinstance(verdict, Approved)
    return {
        "decision_id": verdict.decision_id,
        "recommendation_id": verdict.recommendation_id,
        "account": verdict.account,
        "symbol": verdict.symbol,
        "purpose": verdict.purpose,
        "verdict": Outcome.APPROVED if is_approved else Outcome.DENIED,
        "limits_version": verdict.limits_version,
        "reasons": () if is_approved else verdict.breaches,
        "sizing": verdict.sizing,
        "quantity": verdict.quantity if is_approved else None,
        "limit_price": verdict.limit_price if is_approved else None,
        "expires_at": verdict.expires_at if is_approved else None,
        "decided_at": verdict.decided_at,
        "reviewed_at": now,
        "payload": verdict,
    }


def find_decision(connection: Connection, decision_id: str) -> Row[Any] | None:
    statement = select(risk_decisions).where(risk_decisions.c.decision_id == decision_id)
    return connection.execute(statement).one_or_none()


def find_decisions(
    connection: Connection, wanted: DecisionFilter, limit: int
) -> Sequence[Row[Any]]:
    """Return the newest first."""
    table = risk_decisions.c
    statement = select(risk_decisions).where(table.account == wanted.account)
    if wanted.outcome is not None:
        statement = statement.where(table.verdict == wanted.outcome)
    if wanted.symbol is not None:
        statement = statement.where(table.symbol == wanted.symbol)
    page = newest_first(statement, table.decided_at, table.decision_id, wanted.before)
    return connection.execute(page.limit(limit)).all()
