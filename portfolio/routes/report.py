"""The performance report as a page, and the equity curve as a chart wants it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from models.evaluation.drawing import thinned
from portfolio.core.report import drawdowns
from portfolio.repository import reports
from portfolio.repository.report import account_report
from portfolio.routes.desk import Desk, FromQuery, ToQuery, period_of
from portfolio.routes.report_page import report_page

_ONLY_STYLE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
MostPoints = Annotated[
    int, Query(ge=2, le=10_000, description="About how many to draw; no spike is lost")
]


class ChartOut(BaseModel):
    """Floats to draw, not to reckon with: one value of each for each instant.

    `drawdown_ratio` is without what was paid in or out; `contributed` is what was paid in so far.
    """

    model_config = ConfigDict(extra="forbid")

    as_of: list[datetime]
    equity: list[float]
    contributed: list[float]
    drawdown_ratio: list[float]


def add_report(routes: APIRouter, desk: Desk) -> None:
    """Add GET /report and GET /equity/chart."""

    @routes.get(
        "/report", summary="How the account did, as a page to keep", response_class=HTMLResponse
    )
    def report(start: FromQuery = None, end: ToQuery = None) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            found = account_report(connection, desk.policy, period_of(start, end))
        page = report_page(found, {})
        return HTMLResponse(page, headers={"Content-Security-Policy": _ONLY_STYLE})

    @routes.get("/equity/chart", summary="The equity curve with as many points as a chart needs")
    def chart(  # pyright: ignore[reportUnusedFunction]
        start: FromQuery = None, end: ToQuery = None, points: MostPoints = 1000
    ) -> ChartOut:
        with desk.transactions.read() as connection:
            read = reports.curve(connection, desk.policy.account, period_of(start, end))
        worth = read.worth
        chosen = thinned(worth, points)
        seconds = read.drawn.seconds[chosen].tolist()
        return ChartOut(
            as_of=[datetime.fromtimestamp(one, UTC) for one in seconds],
            equity=worth[chosen].tolist(),
            contributed=read.contributed[chosen].tolist(),
            drawdown_ratio=drawdowns(read.drawn.equity)[chosen].tolist(),
        )
