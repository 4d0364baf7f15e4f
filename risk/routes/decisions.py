"""Verdicts: those given, and a rehearsal of one."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row

from risk.core.review import Verdict
from risk.repository import decisions
from risk.repository.decisions import DecisionFilter, Outcome
from risk.routes.desk import Desk
from risk.routes.wish import WishBody
from shared.bus.codec import from_builtins
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.errors import NotFound
from shared.domain.signal import Confidence
from shared.domain.verdict import Approved, Breach, Denied, Sizing
from shared.http.auth import require
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor
from shared.http.values import MoneyText


class SizingView(BaseModel):
    """Every step from belief to quantity; ratios are shares of equity.

    `factors` are what the confidence is made of, null where no model spoke.
    """

    model_config = ConfigDict(from_attributes=True)

    kind: str
    equity: MoneyText
    probability_raw: float
    probability: float
    probability_used: float
    breakeven_probability: float
    net_win: float
    net_loss: float
    kelly_full: float
    kelly_fraction: float
    confidence: float
    factors: Confidence | None
    active_count: int
    mean_correlation: float
    correlation_haircut: float
    raw_ratio: float
    capped_ratio: float
    notional: MoneyText
    quantity: MoneyText


class BreachView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    check: str
    limit: str
    value: str
    headroom: str
    remedy: str


class DecisionView(BaseModel):
    """One verdict; quantity, prices and expiry are null where it was denied."""

    decision_id: str
    recommendation_id: str
    verdict: Outcome
    symbol: str
    side: str
    purpose: str
    decided_at: datetime
    limits_version: int
    quantity: MoneyText | None
    limit_price: MoneyText | None
    notional: MoneyText | None
    expires_at: datetime | None
    breaches: list[BreachView]
    sizing: SizingView


class _RehearsalError(Exception):
    """Rolls a rehearsal back and carries its verdicts out."""

    def __init__(self, verdicts: list[Verdict]) -> None:
        super().__init__("rehearsed")
        self.verdicts = verdicts


def install(routes: APIRouter, desk: Desk) -> None:
    _evaluate(routes, desk)
    _list(routes, desk)


def _evaluate(routes: APIRouter, desk: Desk) -> None:
    @routes.post(
        "/evaluate",
        dependencies=[Depends(require("read"))],
        summary="What the verdict would be, from the same review; nothing is kept",
    )
    def evaluate(body: WishBody) -> DecisionView:  # pyright: ignore[reportUnusedFunction]
        symbol = desk.symbol(body.symbol)

        def rehearse(uow: UnitOfWork) -> None:
            wished = body.recommendation(desk.account, symbol, desk.interval, uow.now)
            raise _RehearsalError(desk.reviewer.review((wished,), uow))

        try:
            desk.transactions.attempt(rehearse)
        except _RehearsalError as rehearsed:
            return _view(rehearsed.verdicts[0])
        raise AssertionError("a rehearsal always ends in being rolled back")


def _list(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/decisions", dependencies=[Depends(require("read"))], summary="Newest first")
    def given(  # pyright: ignore[reportUnusedFunction]
        verdict: Outcome | None = None,
        symbol: Annotated[str | None, Query(max_length=32)] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[DecisionView]:
        wanted = DecisionFilter(
            account=desk.account,
            outcome=verdict,
            symbol=None if symbol is None else desk.symbol(symbol),
            before=None if cursor is None else decode_place(cursor),
        )
        with desk.transactions.read() as connection:
            rows = decisions.find_decisions(connection, wanted, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else encode_cursor((last.decided_at, last.decision_id))
        return Page(items=[_stored(row) for row in rows[:limit]], next_cursor=following)

    @routes.get(
        "/decisions/{decision_id}",
        dependencies=[Depends(require("read"))],
        summary="One, with its sizing and every breach",
    )
    def one(decision_id: Annotated[str, Path(max_length=64)]) -> DecisionView:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            row = decisions.find_decision(connection, decision_id)
        if row is None or row.account != desk.account:
            raise NotFound(f"no decision has the id {decision_id}; GET /decisions lists them")
        return _stored(row)


def _stored(row: Row[Any]) -> DecisionView:
    kind = Approved if row.verdict == Outcome.APPROVED else Denied
    return _view(from_builtins(row.payload, kind))


def _view(verdict: Verdict) -> DecisionView:
    approved = verdict if isinstance(verdict, Approved) else None
    breaches: tuple[Breach, ...] = () if isinstance(verdict, Approved) else verdict.breaches
    sizing: Sizing = verdict.sizing
    return DecisionView(
        decision_id=verdict.decision_id,
        recommendation_id=verdict.recommendation_id,
        verdict=Outcome.DENIED if approved is None else Outcome.APPROVED,
        symbol=verdict.symbol,
        side=verdict.side,
        purpose=verdict.purpose,
        decided_at=verdict.decided_at,
        limits_version=verdict.limits_version,
        quantity=None if approved is None else approved.quantity,
        limit_price=None if approved is None else approved.limit_price,
        notional=None if approved is None else approved.notional,
        expires_at=None if approved is None else approved.expires_at,
        breaches=[BreachView.model_validate(breach) for breach in breaches],
        sizing=SizingView.model_validate(sizing),
    )
