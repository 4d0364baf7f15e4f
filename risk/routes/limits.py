"""The limits in force, and what is used of them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, create_model

from risk.core.book import Book
from risk.core.exposure import Counter, all_keys, entries_of, pace_counters
from risk.core.exposure import count as counters_of
from risk.core.external import ExternalBuy
from risk.core.limits import LimitFacts, RiskLimits, limit_facts
from risk.handlers.book import count, standing_in_force
from risk.repository import account, counters, policy
from risk.repository.policy import LimitsRecord
from risk.repository.standing import find_standing
from risk.repository.view import view
from risk.routes.desk import Desk
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import TradingState
from shared.domain.errors import Conflict, Unavailable
from shared.http.auth import require
from shared.http.keys import Principal
from shared.http.values import MoneyText


def _field(facts: LimitFacts) -> Any:
    allowed = Field(ge=facts.least, le=facts.most, description=facts.meaning)
    return (facts.kind, allowed)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


_Fields: Any = create_model(
    "LimitsFields", __base__=_Strict, **{name: _field(one) for name, one in limit_facts().items()}
)


class LimitsFields(_Fields):
    """Every limit; ratios are shares of equity unless said otherwise."""


def _fields(limits: RiskLimits) -> LimitsFields:
    return LimitsFields.model_validate({name: getattr(limits, name) for name in limit_facts()})


class LimitsBody(BaseModel):
    """All limits as they shall be; `version` is the one you read, so no change is overwritten."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"version": 1, "limits": _fields(RiskLimits()).model_dump()}]
        },
    )

    version: int = Field(ge=1)
    limits: LimitsFields


class LimitsView(BaseModel):
    version: int
    actor: str
    created_at: datetime
    limits: LimitsFields


class CounterView(BaseModel):
    """One scope: how much of its cap is used.

    `key`: the asset, instrument, source, first instrument of a cluster, venue, minute or day; empty
    for the whole account. Of a count, and of the day's loss, `position` is what was used so far.
    """

    model_config = ConfigDict(from_attributes=True)

    scope: str
    key: str
    cap: MoneyText
    position: MoneyText
    reserved: MoneyText
    external: MoneyText
    headroom: MoneyText


class ExternalView(BaseModel):
    """A buy on the account that is not ours; `amount` is null where no price of it is known."""

    venue_order_id: str
    symbol: str
    remaining: MoneyText
    limit_price: MoneyText | None
    amount: MoneyText | None


class ExposureView(BaseModel):
    """The account as risk sees it; `as_of` is null before the first mark."""

    as_of: datetime | None
    state: TradingState
    equity: MoneyText
    cash: MoneyText
    free_cash: MoneyText
    peak_equity: MoneyText
    day_start_equity: MoneyText
    drawdown_ratio: MoneyText
    exposure_ratio: MoneyText
    counters: list[CounterView]
    external: list[ExternalView]


def install(routes: APIRouter, desk: Desk) -> None:
    _limits(routes, desk)
    _exposure(routes, desk)


def _limits(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/limits", dependencies=[Depends(require("read"))], summary="Limits in force")
    def limits() -> LimitsView:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            return _view(policy.find_limits(connection, desk.account))

    @routes.put("/limits", summary="Change the limits; audited, and in force at the next review")
    def change(  # pyright: ignore[reportUnusedFunction]
        body: LimitsBody, who: Annotated[Principal, Depends(require("admin"))]
    ) -> LimitsView:
        def work(uow: UnitOfWork) -> LimitsView:
            account.lock_account(uow.connection, desk.account)
            known = _view(policy.find_limits(uow.connection, desk.account))
            if body.version != known.version:
                raise Conflict(f"version {known.version} is in force; read it and decide again")
            changed = RiskLimits(version=known.version + 1, **body.limits.model_dump())
            policy.add_limits(uow, desk.account, changed, who.name)
            standing = standing_in_force(uow, desk.opening)
            count(uow, desk.opening, standing, desk.reviewer.metrics)
            return _view(policy.find_limits(uow.connection, desk.account))

        return desk.transactions.attempt(work)


def _view(found: LimitsRecord | None) -> LimitsView:
    if found is None:
        raise Unavailable("the account has not been opened yet; try again shortly")
    return LimitsView(
        version=found.limits.version,
        actor=found.actor,
        created_at=found.created_at,
        limits=_fields(found.limits),
    )


def _exposure(routes: APIRouter, desk: Desk) -> None:
    @routes.get(
        "/exposure",
        dependencies=[Depends(require("read"))],
        summary="What is held, promised and ordered by others, against every cap",
    )
    def exposure() -> ExposureView:  # pyright: ignore[reportUnusedFunction]
        now = desk.transactions.clock.now()
        with desk.transactions.read() as connection:
            found = find_standing(connection, desk.account)
            known = counters.load_some(connection, desk.account, ())
            entries = entries_of(known, now.date(), now)
            if found is None:
                raise Unavailable("the account has not been opened yet; try again shortly")
            seen = view(found.limits)
            book = account.load_book(connection, desk.opening, found, entries, now, seen)
        keys = all_keys(book, found.limits)
        money = counters_of(keys, book, found.limits)
        pace = pace_counters(book, found.limits, now.date(), now)
        return _exposure_view(book, [*money, *pace])


def _exposure_view(book: Book, counters: list[Counter]) -> ExposureView:
    ratio = round(book.exposure / book.equity, 8) if book.equity > 0 else Decimal(0)
    return ExposureView(
        as_of=book.as_of,
        state=book.state,
        equity=book.equity,
        cash=book.cash,
        free_cash=book.free_cash,
        peak_equity=book.peak_equity,
        day_start_equity=book.day_start_equity,
        drawdown_ratio=book.drawdown_ratio,
        exposure_ratio=ratio,
        counters=[CounterView.model_validate(one) for one in counters],
        external=[_external_view(one) for one in book.external.buys],
    )


def _external_view(buy: ExternalBuy) -> ExternalView:
    return ExternalView(
        venue_order_id=buy.order.venue_order_id,
        symbol=buy.order.symbol,
        remaining=buy.order.remaining,
        limit_price=buy.order.limit_price,
        amount=buy.amount,
    )
