"""What a person says moved on the account beside our fills: deposits, trades, corrections."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from portfolio.core.movements import Movement, MovementStatus, refuse_unknown
from portfolio.core.valuing import Valuer
from portfolio.handlers.movements import Movements
from portfolio.repository import books, curve
from portfolio.repository.movements import movements_page
from portfolio.routes.moved import AnyMovement, ExternalTradeIn, MovementIn, MovementOut
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.statements import as_row
from shared.domain.errors import BadInput
from shared.domain.ids import derive
from shared.http.auth import require
from shared.http.idempotency import Asked, Asking, Once, once
from shared.http.keys import Principal
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor

Admin = Annotated[Principal, Depends(require("admin"))]
StatusQuery = Annotated[MovementStatus | None, Query(description="only those that stand so")]
MovementId = Annotated[str, Path(max_length=36, pattern=r"^[0-9a-f-]{36}$")]


def movements_router(transactions: Transactions, movements: Movements) -> APIRouter:
    routes = APIRouter(tags=["portfolio"])

    @routes.get(
        "/movements",
        summary="What people said moved, the latest first",
        dependencies=[Depends(require("read"))],
    )
    def listed(  # pyright: ignore[reportUnusedFunction]
        status: StatusQuery = None, limit: Limit = 100, cursor: Cursor = None
    ) -> Page[MovementOut]:
        before = None if cursor is None else decode_place(cursor)
        account = movements.policy.account
        with transactions.read() as connection:
            found = movements_page(connection, account, status, before, limit)
        full = len(found) == limit
        last = encode_cursor([found[-1].asked_at, found[-1].movement_id]) if full else None
        return Page(items=[MovementOut.model_validate(one) for one in found], next_cursor=last)

    @routes.post("/movements", summary="Book what moved; an adjustment waits for a second person")
    def move(body: MovementIn, asking: Once, _key: Admin) -> MovementOut:  # pyright: ignore[reportUnusedFunction]
        asked = asking.about(body)
        return transactions.attempt(lambda uow: _move(uow, movements, body, asked))

    @routes.post("/movements/{movement_id}/approve", summary="Book what somebody else asked for")
    def approve(movement_id: MovementId, asking: Once, key: Admin) -> MovementOut:  # pyright: ignore[reportUnusedFunction]
        return settle(asking, lambda uow: movements.approve(uow, movement_id, key.name))

    @routes.post("/movements/{movement_id}/refuse", summary="Do not book what was asked for")
    def refuse(movement_id: MovementId, asking: Once, key: Admin) -> MovementOut:  # pyright: ignore[reportUnusedFunction]
        return settle(asking, lambda uow: movements.refuse(uow, movement_id, key.name))

    def settle(asking: Asking, settled: Callable[[UnitOfWork], Movement]) -> MovementOut:
        asked = asking.about(None)
        return transactions.attempt(
            lambda uow: once(uow, asked, MovementOut, lambda: _out(settled(uow)))
        )

    return routes


def _move(uow: UnitOfWork, movements: Movements, body: AnyMovement, asked: Asked) -> MovementOut:
    def work() -> MovementOut:
        return _out(movements.ask(uow, _wanted(uow, movements, body, asked)))

    return once(uow, asked, MovementOut, work)


def _out(movement: Movement) -> MovementOut:
    return MovementOut.model_validate(movement)


def _wanted(uow: UnitOfWork, movements: Movements, body: AnyMovement, asked: Asked) -> Movement:
    policy = movements.policy
    moved_at = body.moved_at or uow.now
    if moved_at > uow.now:
        raise BadInput("moved_at", f"{moved_at.isoformat()} is to come", "say it when it is there")
    if not isinstance(body, ExternalTradeIn) and not body.new_asset:
        refuse_unknown(body.asset, policy, books.purses(uow.connection, policy.account))
    valuer = Valuer(policy=policy, prices=curve.prices(uow.connection))
    return Movement(
        **as_row(body.moved(valuer)),
        movement_id=derive("movement", policy.account, asked.actor, asked.key),
        account=policy.account,
        status=MovementStatus.PENDING,
        reason=body.reason,
        moved_at=moved_at,
        asked_by=asked.actor,
        asked_at=uow.now,
    )
