"""REST of the recommender: what was proposed and what became of it, and proposals by hand."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from recommender.core.book import Policy
from recommender.core.manual import MANUAL, Wish, propose
from recommender.core.status import RecommendationStatus
from recommender.handlers.pipeline import count_issued
from recommender.repository import account, proposals
from recommender.repository.proposals import RecommendationFilter
from shared.bus.codec import from_builtins
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Interval, Purpose, Side
from shared.domain.errors import BadInput, Conflict, NotFound
from shared.domain.events import RecommendationsIssued
from shared.domain.ids import RecommendationId, SignalId, Symbol
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Edge
from shared.domain.values import to_text
from shared.http.auth import require
from shared.http.idempotency import Once, once
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor
from shared.http.values import MoneyText, PriceText
from shared.runtime.metrics import Metrics


class IssuedView(BaseModel):
    """A recommendation as it was issued."""

    model_config = ConfigDict(from_attributes=True)

    recommendation_id: RecommendationId
    symbol: Symbol
    interval: Interval
    side: Side
    purpose: Purpose
    decided_at: datetime
    expires_at: datetime
    price: MoneyText
    source: str
    signal_id: SignalId | None
    bracket: BracketPlan | None
    edge: Edge | None
    quantity: MoneyText | None
    exit_reason: ExitReason | None


class RecommendationView(IssuedView):
    """The same, how far it has come, and risk's verdict with its sizing and every breach."""

    status: RecommendationStatus
    verdict: dict[str, Any] | None


class BracketBody(BaseModel):
    """Distances from the entry price as ratios, and how many candles the trade may live."""

    model_config = ConfigDict(extra="forbid")

    stop_ratio: float = Field(gt=0, lt=1, allow_inf_nan=False)
    target_ratio: float = Field(gt=0, le=10, allow_inf_nan=False)
    horizon_candles: int = Field(ge=1, le=10_000)


class ManualBody(BaseModel):
    """An entry needs a bracket and is sized by risk; an exit sells `quantity`, or everything."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTC-USDT",
                    "purpose": "entry",
                    "price": "43250.10",
                    "bracket": {"stop_ratio": 0.02, "target_ratio": 0.03, "horizon_candles": 24},
                },
                {"symbol": "BTC-USDT", "purpose": "exit", "price": "43250.10"},
            ]
        },
    )

    symbol: str = Field(max_length=32)
    purpose: Purpose
    price: PriceText
    bracket: BracketBody | None = None
    quantity: MoneyText | None = Field(default=None, gt=Decimal(0))

    def wish(self, key: str, symbols: frozenset[Symbol]) -> Wish:
        """Return what is wanted.

        Raises:
            BadInput: an instrument not traded here, or fields that belong to the other purpose.
        """
        symbol = _known(self.symbol, symbols)
        if self.purpose is Purpose.ENTRY and self.bracket is None:
            raise BadInput("bracket", "an entry has no way out", "give stop, target and horizon")
        if self.purpose is Purpose.ENTRY and self.quantity is not None:
            raise BadInput("quantity", "entries are sized by risk", "leave it out")
        if self.purpose is Purpose.EXIT and self.bracket is not None:
            raise BadInput("bracket", "an exit has none", "leave it out")
        return Wish(
            key=key,
            symbol=symbol,
            purpose=self.purpose,
            price=self.price,
            bracket=None if self.bracket is None else BracketPlan(**self.bracket.model_dump()),
            quantity=self.quantity,
        )


def router(
    *,
    transactions: Transactions,
    symbols: frozenset[Symbol],
    policy: Policy,
    metrics: Metrics,
) -> APIRouter:
    routes = APIRouter(tags=["recommendations"])
    _reading(routes, transactions, symbols, policy)
    _asking(routes, transactions, symbols, policy, metrics)
    return routes


def _reading(
    routes: APIRouter, transactions: Transactions, symbols: frozenset[Symbol], policy: Policy
) -> None:
    @routes.get("/recommendations", dependencies=[Depends(require("read"))], summary="Newest first")
    def recommendations(  # pyright: ignore[reportUnusedFunction]
        status: RecommendationStatus | None = None,
        symbol: Annotated[str | None, Query(max_length=32)] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[RecommendationView]:
        wanted = RecommendationFilter(
            account=policy.account,
            status=status,
            symbol=None if symbol is None else _known(symbol, symbols),
            before=None if cursor is None else decode_place(cursor),
        )
        with transactions.read() as connection:
            rows = proposals.find_recommendations(connection, wanted, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        following = (
            None if last is None else encode_cursor((last.decided_at, last.recommendation_id))
        )
        return Page(items=[_view(row) for row in rows[:limit]], next_cursor=following)

    @routes.get(
        "/recommendations/{recommendation_id}",
        dependencies=[Depends(require("read"))],
        summary="One, with its sizing and every breach",
    )
    def recommendation(  # pyright: ignore[reportUnusedFunction]
        recommendation_id: Annotated[str, Path(max_length=64)],
    ) -> RecommendationView:
        with transactions.read() as connection:
            row = proposals.find_recommendation(connection, recommendation_id)
        if row is None or row.account != policy.account:
            raise NotFound(
                f"no recommendation has the id {recommendation_id}; GET /recommendations lists them"
            )
        return _view(row)


def _asking(
    routes: APIRouter,
    transactions: Transactions,
    symbols: frozenset[Symbol],
    policy: Policy,
    metrics: Metrics,
) -> None:
    @routes.post(
        "/recommendations",
        status_code=201,
        dependencies=[Depends(require("trade"))],
        summary="Propose an entry or an exit by hand; risk judges it like any other",
    )
    def ask(  # pyright: ignore[reportUnusedFunction]
        body: ManualBody, asking: Once
    ) -> IssuedView:
        asked = asking.about(body)
        wish = body.wish(f"{asked.actor}:{asked.key}", symbols)

        def recommend(uow: UnitOfWork) -> IssuedView:
            known = account.lock_freshness(uow.connection, policy.account)
            book = account.load_book(uow.connection, policy.account, known.state)
            issued = propose(wish, book, policy, uow.now)
            if not proposals.add_recommendations(uow.connection, [issued]):
                raise Conflict("a recommendation of this instant is there already; ask again")
            _issue(issued, asked.actor, uow)
            count_issued((issued,), metrics, uow)
            return IssuedView.model_validate(issued)

        def work(uow: UnitOfWork) -> IssuedView:
            return once(uow, asked, IssuedView, lambda: recommend(uow))

        return transactions.attempt(work)


def _issue(issued: Recommendation, actor: str, uow: UnitOfWork) -> None:
    fact = RecommendationsIssued(
        account=issued.account,
        decided_at=issued.decided_at,
        origin=f"{MANUAL}:{issued.recommendation_id}",
        recommendations=(issued,),
    )
    uow.emit(fact)
    detail = {"symbol": issued.symbol, "side": issued.side, "price": to_text(issued.price)}
    uow.audit(actor, "recommendation.manual", issued.recommendation_id, detail)


def _view(row: Row[Any]) -> RecommendationView:
    issued = IssuedView.model_validate(from_builtins(row.payload, Recommendation))
    return RecommendationView.model_validate(
        {**issued.model_dump(), "status": row.status, "verdict": row.verdict}
    )


def _known(symbol: str, symbols: frozenset[Symbol]) -> Symbol:
    if symbol not in symbols:
        known = ", ".join(sorted(symbols))
        raise BadInput("symbol", f"'{symbol}' is not traded here", f"choose one of {known}")
    return Symbol(symbol)
