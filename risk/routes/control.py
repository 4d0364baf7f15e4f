"""The trading state, and instruments closed for entries."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from risk.repository import account, locks, policy
from risk.routes.desk import Desk, Reason, ReasonBody
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import TradingState
from shared.domain.errors import BadInput, NotFound, Unavailable
from shared.http.auth import require
from shared.http.buckets import SAFETY
from shared.http.keys import Principal
from shared.http.paging import InstantText, Page

Admin = Annotated[Principal, Depends(require("admin"))]
Stopper = Annotated[Principal, Depends(require("admin", SAFETY))]
SymbolPath = Annotated[str, Path(max_length=32)]


class StateView(BaseModel):
    """`version` grows by one with every change."""

    model_config = ConfigDict(from_attributes=True)

    account: str
    state: TradingState
    version: int
    actor: str
    reason: str
    changed_at: datetime


class LockBody(BaseModel):
    """Without `expires_at` the lock stays until it is removed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTC-USDT",
                    "reason": "fork ahead",
                    "expires_at": "2027-01-31T00:00:00Z",
                }
            ]
        },
    )

    symbol: str = Field(max_length=32)
    reason: Reason
    expires_at: InstantText | None = None


class LockView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    symbol: str
    reason: str
    actor: str
    created_at: datetime
    expires_at: datetime | None


def install(routes: APIRouter, desk: Desk) -> None:
    _state(routes, desk)
    _buttons(routes, desk)
    _locks(routes, desk)


def _state(routes: APIRouter, desk: Desk) -> None:
    @routes.get(
        "/trading-state", dependencies=[Depends(require("read"))], summary="run, reduce or halt"
    )
    def trading_state() -> StateView:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            row = policy.find_state(connection, desk.account)
        if row is None:
            raise Unavailable("the account has not been opened yet; try again shortly")
        return StateView.model_validate(row)


def _buttons(routes: APIRouter, desk: Desk) -> None:
    def press(state: TradingState, body: ReasonBody, who: Principal) -> StateView:
        def work(uow: UnitOfWork) -> StateView:
            desk.watch.press(uow, state, who.name, body.reason)
            return StateView.model_validate(policy.find_state(uow.connection, desk.account))

        return desk.transactions.attempt(work)

    @routes.post("/halt", summary="Nothing new, not even exits; cancels still go through")
    def halt(body: ReasonBody, who: Stopper) -> StateView:  # pyright: ignore[reportUnusedFunction]
        return press(TradingState.HALT, body, who)

    @routes.post("/reduce", summary="No entries; positions may be left")
    def reduce(body: ReasonBody, who: Stopper) -> StateView:  # pyright: ignore[reportUnusedFunction]
        return press(TradingState.REDUCE, body, who)

    @routes.post("/resume", summary="Trade again, unless what stopped it still holds")
    def resume(body: ReasonBody, who: Admin) -> StateView:  # pyright: ignore[reportUnusedFunction]
        return press(TradingState.RUN, body, who)


def _locks(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/locks", dependencies=[Depends(require("read"))], summary="Locks in force")
    def in_force() -> Page[LockView]:  # pyright: ignore[reportUnusedFunction]
        now = desk.transactions.clock.now()
        with desk.transactions.read() as connection:
            rows = account.find_locks(connection, desk.account, now)
        return Page(items=[LockView.model_validate(row) for row in rows])

    @routes.post("/locks", status_code=201, summary="Close one instrument for entries")
    def lock(body: LockBody, who: Stopper) -> LockView:  # pyright: ignore[reportUnusedFunction]
        symbol = desk.symbol(body.symbol)

        def work(uow: UnitOfWork) -> LockView:
            if body.expires_at is not None and body.expires_at <= uow.now:
                raise BadInput("expires_at", "it has passed", f"choose one after {uow.now}")
            account.lock_account(uow.connection, desk.account)
            note = (who.name, body.reason)
            key = (desk.account, symbol)
            locks.add_lock(uow, key, note, body.expires_at)
            rows = account.find_locks(uow.connection, desk.account, uow.now)
            return LockView.model_validate(next(row for row in rows if row.symbol == symbol))

        return desk.transactions.attempt(work)

    @routes.delete("/locks/{symbol}", status_code=204, summary="Open it again")
    def unlock(symbol: SymbolPath, who: Admin) -> None:  # pyright: ignore[reportUnusedFunction]
        wanted = desk.symbol(symbol)

        def work(uow: UnitOfWork) -> None:
            account.lock_account(uow.connection, desk.account)
            key = (desk.account, wanted)
            if not locks.remove_lock(uow, key, who.name):
                raise NotFound(f"{wanted} is not locked; GET /locks lists what is")

        desk.transactions.attempt(work)
