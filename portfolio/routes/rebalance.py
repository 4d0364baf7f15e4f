"""`POST /rebalance`: a dry run shows the trades, a wet one has risk judge them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from portfolio.core.targets import PlannedTrade, Targets
from portfolio.handlers.rebalancing import Planned, Rebalancing
from portfolio.routes.answers import Document
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.enums import Side
from shared.domain.ids import Symbol, derive
from shared.domain.recommendation import REBALANCE, rebalance_recommendation_id
from shared.domain.values import ZERO
from shared.http.auth import require
from shared.http.idempotency import Asked, OnceIfItActs, once
from shared.http.keys import Principal
from shared.http.values import MoneyText

Trader = Annotated[Principal, Depends(require("trade"))]


class RebalanceIn(Document):
    """Shares of equity to hold; instruments that are not named keep what they have.

    `tolerance_ratio` is the drift band: an instrument whose share is off by no more is left alone.
    `to_edge` trades only back to the edge of the band, which costs less than to the target.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "targets": {"BTC-USDT": "0.04", "ETH-USDT": "0.03"},
                    "tolerance_ratio": "0.005",
                    "dry_run": True,
                }
            ]
        },
    )

    targets: dict[Annotated[str, Field(max_length=32)], MoneyText] = Field(
        min_length=1, max_length=500
    )
    tolerance_ratio: MoneyText = Field(ZERO, ge=0, le=1)
    to_edge: bool = False
    dry_run: bool = True

    def wanted(self) -> Targets:
        return Targets(
            ratios={Symbol(symbol): ratio for symbol, ratio in self.targets.items()},
            tolerance_ratio=self.tolerance_ratio,
            to_edge=self.to_edge,
        )


class PlannedTradeOut(Document):
    """Amounts in `quote`; `recommendation_id` once it is sent, for `trading trace`."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    symbol: str
    quote: str
    side: Side
    quantity: MoneyText
    price: MoneyText
    notional: MoneyText
    fee: MoneyText
    slippage: MoneyText
    current_ratio: MoneyText
    target_ratio: MoneyText
    planned_ratio: MoneyText
    cut: str
    skipped: str
    recommendation_id: str | None = None


class PlanOut(Document):
    """Totals in `quote`, the currency of the account, of the trades that are not skipped."""

    dry_run: bool
    rebalance_id: str | None
    as_of: datetime | None
    quote: str
    equity: MoneyText
    traded_notional: MoneyText
    fees: MoneyText
    slippage: MoneyText
    warnings: list[str]
    trades: list[PlannedTradeOut]


def rebalance_router(transactions: Transactions, rebalancing: Rebalancing) -> APIRouter:
    routes = APIRouter(tags=["portfolio"])

    @routes.post(
        "/rebalance",
        summary="The trades that reach the target shares; sent to risk with dry_run false",
    )
    def rebalance(body: RebalanceIn, asking: OnceIfItActs, key: Trader) -> PlanOut:  # pyright: ignore[reportUnusedFunction]
        if body.dry_run:
            now = transactions.clock.now()
            with transactions.read() as connection:
                planned = rebalancing.plan(connection, body.wanted(), now)
            return _answer(planned, rebalancing)
        asked = asking.about(body)
        return transactions.attempt(lambda uow: _send(uow, rebalancing, body, asked, key))

    return routes


def _send(
    uow: UnitOfWork, rebalancing: Rebalancing, body: RebalanceIn, asked: Asked, key: Principal
) -> PlanOut:
    identity = derive(REBALANCE, rebalancing.policy.account, key.name, asked.key)

    def work() -> PlanOut:
        planned, at = rebalancing.want(uow, body.wanted(), identity, key.name)
        return _answer(planned, rebalancing, (identity, at))

    return once(uow, asked, PlanOut, work)


def _answer(
    planned: Planned, rebalancing: Rebalancing, sent: tuple[str, datetime] | None = None
) -> PlanOut:
    made, account = planned.plan, rebalancing.policy.account

    def identified(trade: PlannedTrade) -> PlannedTradeOut:
        shown = PlannedTradeOut.model_validate(trade)
        if sent is not None and not trade.skipped:
            identity, at = sent
            shown.recommendation_id = rebalance_recommendation_id(
                account, trade.symbol, trade.side, identity, at
            )
        return shown

    return PlanOut(
        dry_run=sent is None,
        rebalance_id=sent[0] if sent is not None and made.steps else None,
        as_of=planned.as_of,
        quote=rebalancing.policy.quote,
        equity=planned.marked.equity,
        traded_notional=made.traded_notional,
        fees=made.fees,
        slippage=made.slippage,
        warnings=list(made.warnings),
        trades=[identified(trade) for trade in made.trades],
    )
