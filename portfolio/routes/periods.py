"""What was earned by day, week or month."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from portfolio.core.periods import PeriodLength, PeriodProfit
from portfolio.repository.profits import period_profits
from portfolio.routes.desk import Desk, FromQuery, ToQuery, period_of
from shared.http.values import MoneyText

ByQuery = Annotated[PeriodLength, Query(description="UTC; a week begins on Monday")]


class PeriodOut(BaseModel):
    """After `start` and up to `end`, in quote.

    `gain` is what the equity grew by beside `paid_in`; `return_ratio` is modified Dietz, null
    where there was nothing; `trades` counts the round trips that closed.
    """

    model_config = ConfigDict(extra="forbid")

    start: datetime
    end: datetime
    equity_start: MoneyText
    equity_end: MoneyText
    paid_in: MoneyText
    gain: MoneyText
    realized_pnl: MoneyText
    fees: MoneyText
    trades: int
    return_ratio: MoneyText | None

    @classmethod
    def of(cls, one: PeriodProfit) -> "PeriodOut":
        return cls(**asdict(one))


def add_periods(routes: APIRouter, desk: Desk) -> None:
    """Add GET /profit/periods."""

    @routes.get("/profit/periods", summary="Profit by day, week or month: the last 30, or a time")
    def profit_periods(  # pyright: ignore[reportUnusedFunction]
        by: ByQuery = PeriodLength.DAY, start: FromQuery = None, end: ToQuery = None
    ) -> list[PeriodOut]:
        period = period_of(start, end)
        with desk.transactions.read() as connection:
            found = period_profits(connection, desk.policy.account, by, period)
        return [PeriodOut.of(one) for one in found]
