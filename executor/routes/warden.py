"""What a person decides when books and venue do not agree."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from executor.repository.freezes import frozen
from executor.routes.answers import BaselineIn, BaselineOut, CloseIn, FreezeOut
from shared.bus.unit_of_work import Transactions
from shared.domain.ids import AccountId, Symbol
from shared.http.auth import require
from shared.http.idempotency import Asked, Once
from shared.http.keys import Principal

Admin = Annotated[Principal, Depends(require("admin"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warden:
    """`thaw` takes, last, the name of who decided, `accept` and `close` the request itself."""

    transactions: Transactions
    account: AccountId
    thaw: Callable[[Symbol, str], None]
    accept: Callable[[str, Asked], Decimal]
    close: Callable[[str, str, Asked], None]


def warden_router(warden: Warden) -> APIRouter:
    routes = APIRouter(tags=["executor"])

    @routes.get("/freezes", dependencies=[Depends(require("read"))], summary="What is frozen, why")
    def freezes() -> list[FreezeOut]:  # pyright: ignore[reportUnusedFunction]
        with warden.transactions.read() as connection:
            found = frozen(connection, warden.account)
        return [FreezeOut.model_validate(one) for one in found]

    @routes.delete("/freezes/{symbol}", summary="Let an instrument be bought again")
    def thaw(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str, Path(max_length=32)], principal: Admin
    ) -> list[FreezeOut]:
        warden.thaw(Symbol(symbol), principal.name)
        return freezes()

    @routes.post(
        "/baselines",
        dependencies=[Depends(require("admin"))],
        summary="Take what the venue holds of an asset for right",
    )
    def accept(  # pyright: ignore[reportUnusedFunction]
        body: BaselineIn, asking: Once
    ) -> BaselineOut:
        accepted = warden.accept(body.asset, asking.about(body))
        return BaselineOut(asset=body.asset, amount=accepted)

    @routes.post(
        "/orders/{client_order_id}/close",
        status_code=204,
        dependencies=[Depends(require("admin"))],
        summary="End an order in doubt, having looked at the venue",
    )
    def close(  # pyright: ignore[reportUnusedFunction]
        client_order_id: Annotated[str, Path(max_length=64)], body: CloseIn, asking: Once
    ) -> None:
        warden.close(client_order_id, body.evidence, asking.about(body))

    return routes
