"""What became of a rebalancing, step by step."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row

from recommender.core.rebalance import StepState
from recommender.repository import rebalances
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import Side
from shared.domain.errors import NotFound
from shared.domain.ids import AccountId
from shared.http.auth import require
from shared.http.values import MoneyText


class StepView(BaseModel):
    """`status` is that of its recommendation, `waiting` before there is one.

    `verdict` is risk's, with what it cut and every breach.
    """

    model_config = ConfigDict(extra="forbid")

    recommendation_id: str
    symbol: str
    side: Side
    quantity: MoneyText
    price: MoneyText
    priced_at: datetime
    status: str
    verdict: dict[str, Any] | None


class RebalanceView(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rebalance_id: str
    actor: str
    wanted_at: datetime
    steps: list[StepView]


def rebalances_router(transactions: Transactions, account: AccountId) -> APIRouter:
    routes = APIRouter(tags=["recommendations"])

    @routes.get(
        "/rebalances/{rebalance_id}",
        dependencies=[Depends(require("read"))],
        summary="A rebalancing, sales first, with what became of each step",
    )
    def rebalance(rebalance_id: Annotated[str, Path(max_length=64)]) -> RebalanceView:  # pyright: ignore[reportUnusedFunction]
        with transactions.read() as connection:
            rows = rebalances.find_steps(connection, account, rebalance_id)
        if not rows:
            raise NotFound(
                f"no rebalancing has the id {rebalance_id}; the answer to POST /rebalance names it"
            )
        return RebalanceView(
            rebalance_id=rebalance_id,
            actor=rows[0].actor,
            wanted_at=rows[0].wanted_at,
            steps=[_step(row) for row in rows],
        )

    return routes


def _step(row: Row[Any]) -> StepView:
    return StepView(
        recommendation_id=row.recommendation_id,
        symbol=row.symbol,
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        priced_at=row.priced_at,
        status=row.status or StepState.WAITING,
        verdict=row.verdict,
    )
