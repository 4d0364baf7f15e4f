"""The routes of interfaces.md section 3, :8024."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query

from executor.core.reconciliation import Difference
from executor.handlers.wishes import Wish
from executor.repository import lists
from executor.repository.lists import Wanted
from executor.routes.answers import (
    EventOut,
    FillOut,
    ForceExitIn,
    ForceExitOut,
    OrderDetailOut,
    OrderOut,
    ReconciliationOut,
    VenueOut,
)
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import OrderStatus
from shared.domain.errors import BadInput, NotFound
from shared.domain.ids import AccountId, ClientOrderId, Symbol
from shared.http.auth import require
from shared.http.buckets import SAFETY
from shared.http.idempotency import Once
from shared.http.keys import Principal
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor

SymbolQuery = Annotated[str | None, Query(max_length=32, examples=["BTC-USDT"])]
StatusQuery = Annotated[OrderStatus | None, Query(description="how the orders must stand")]
Leaver = Annotated[Principal, Depends(require("trade", SAFETY))]


class Wishing(Protocol):
    """What acts on people's wishes, wherever orders go."""

    def cancel(self, identity: str, actor: str) -> None: ...

    def force_exit(self, wish: Wish) -> list[ClientOrderId]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the routes read, and what acts on people's wishes."""

    transactions: Transactions
    account: AccountId
    wishes: Wishing
    symbols: tuple[Symbol, ...]
    venues: Callable[[], list[VenueOut]]
    reconcile: Callable[[], tuple[Difference, ...]]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["executor"])
    _add_orders(routes, desk)
    _add_fills(routes, desk)
    _add_wishes(routes, desk)
    _add_venue(routes, desk)
    return routes


def _add_orders(routes: APIRouter, desk: Desk) -> None:
    read = [Depends(require("read"))]

    @routes.get("/orders", dependencies=read, summary="Orders, newest first")
    def list_orders(  # pyright: ignore[reportUnusedFunction]
        status: StatusQuery = None,
        symbol: SymbolQuery = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[OrderOut]:
        wanted = _wanted(desk, symbol, cursor, status)
        with desk.transactions.read() as connection:
            rows = lists.find_orders(connection, wanted, limit + 1)
        items = [OrderOut.model_validate(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(items=items)
        last = items[-1]
        after = encode_cursor([last.decided_at.isoformat(), last.client_order_id])
        return Page(items=items, next_cursor=after)

    @routes.get("/orders/{client_order_id}", dependencies=read, summary="One order, in full")
    def one_order(client_order_id: str) -> OrderDetailOut:  # pyright: ignore[reportUnusedFunction]
        return _detail(desk, client_order_id)

    @routes.post("/orders/{client_order_id}/cancel", summary="Cancel an order that is open")
    def cancel(  # pyright: ignore[reportUnusedFunction]
        client_order_id: str, principal: Leaver
    ) -> OrderDetailOut:
        desk.wishes.cancel(client_order_id, principal.name)
        return _detail(desk, client_order_id)


def _add_fills(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/fills", dependencies=[Depends(require("read"))], summary="Fills, newest first")
    def list_fills(  # pyright: ignore[reportUnusedFunction]
        symbol: SymbolQuery = None, cursor: Cursor = None, limit: Limit = 100
    ) -> Page[FillOut]:
        wanted = _wanted(desk, symbol, cursor)
        with desk.transactions.read() as connection:
            rows = lists.find_fills(connection, wanted, limit + 1)
        items = [FillOut.model_validate(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(items=items)
        last = items[-1]
        after = encode_cursor([last.filled_at.isoformat(), last.trade_id])
        return Page(items=items, next_cursor=after)


def _add_wishes(routes: APIRouter, desk: Desk) -> None:
    @routes.post(
        "/forceexit",
        dependencies=[Depends(require("trade", SAFETY))],
        summary="Leave one position, or all, at the market",
        status_code=202,
    )
    def force_exit(  # pyright: ignore[reportUnusedFunction]
        body: ForceExitIn, asking: Once
    ) -> ForceExitOut:
        symbol = None if body.symbol is None else _known(desk, body.symbol)
        made = desk.wishes.force_exit(Wish(asked=asking.about(body), symbol=symbol))
        return ForceExitOut(client_order_ids=list(made))


def _add_venue(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/venues", dependencies=[Depends(require("read"))], summary="Where orders go")
    def venues() -> list[VenueOut]:  # pyright: ignore[reportUnusedFunction]
        return desk.venues()

    @routes.post(
        "/reconcile",
        dependencies=[Depends(require("admin"))],
        summary="Compare our books with the venue's now",
    )
    def reconcile() -> ReconciliationOut:  # pyright: ignore[reportUnusedFunction]
        return ReconciliationOut.of(desk.reconcile())


def _detail(desk: Desk, identity: str) -> OrderDetailOut:
    account = desk.account
    with desk.transactions.read() as connection:
        row = lists.find_order(connection, account, identity)
        if row is None:
            raise NotFound(f"no order {identity} on this account; GET /orders lists them")
        order = OrderDetailOut.model_validate(row)
        events = [EventOut.of(one) for one in lists.events_of(connection, identity)]
        fills = [FillOut.model_validate(one) for one in lists.fills_of(connection, identity)]
    return order.model_copy(update={"events": events, "fills": fills})


def _known(desk: Desk, symbol: str) -> Symbol:
    if symbol not in desk.symbols:
        raise BadInput(
            "symbol", f"'{symbol}' is not traded here", f"one of {', '.join(desk.symbols)}"
        )
    return Symbol(symbol)


def _wanted(
    desk: Desk, symbol: str | None, cursor: str | None, status: OrderStatus | None = None
) -> Wanted:
    return Wanted(
        account=desk.account,
        symbol=None if symbol is None else _known(desk, symbol),
        status=status,
        before=None if cursor is None else decode_place(cursor),
    )
