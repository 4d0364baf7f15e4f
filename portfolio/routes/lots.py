"""Tax lots and what was sold of them, as JSON or as CSV."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from portfolio.core.disposals import Disposal, Inventory, LotMethod, dispose, replay
from portfolio.core.lots import Lot, age
from portfolio.core.statement import disposal_lines, lot_lines
from portfolio.repository import reports
from portfolio.repository.moves import LONGEST_REPLAY, moves
from portfolio.routes.desk import Desk, period_of
from shared.db.pages import Place
from shared.domain.ids import AccountId, Symbol
from shared.http.paging import InstantText, Page, decode_place, encode_cursor
from shared.http.values import MoneyText


class LotsIn(BaseModel):
    """`method` is PORTFOLIO__LOT_METHOD where it is left out."""

    model_config = ConfigDict(extra="forbid")

    method: LotMethod | None = None
    symbol: str | None = Field(None, max_length=32, examples=["BTC-USDT"])
    limit: int = Field(100, ge=1, le=1000, description="How many items a page may have")
    cursor: str | None = Field(None, max_length=512, description="next_cursor of the last page")
    form: Literal["json", "csv"] | None = Field(
        None, alias="format", description="CSV is not in pages; Accept: text/csv asks for it, too"
    )

    def wants_csv(self, request: Request) -> bool:
        accepted = request.headers.get("accept", "")
        return self.form == "csv" or (self.form is None and "text/csv" in accepted)


class DisposalsIn(LotsIn):
    start: InstantText | None = Field(None, alias="from", description="not before, ISO 8601")
    end: InstantText | None = Field(None, alias="to", description="not after, ISO 8601")


class LotOut(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    lot_id: str
    symbol: str
    acquired_at: datetime
    quantity: MoneyText
    remaining: MoneyText
    cost: MoneyText
    remaining_cost: MoneyText

    @classmethod
    def of(cls, lot: Lot) -> "LotOut":
        return cls.model_validate(lot)


class DisposalOut(BaseModel):
    """One part of one sale; cost and proceeds are net of fees, long-term is over 365 days."""

    model_config = ConfigDict(extra="forbid")

    method: LotMethod
    kind: str
    symbol: str
    acquired_at: datetime
    sold_at: datetime
    quantity: MoneyText
    cost: MoneyText
    proceeds: MoneyText
    gain: MoneyText
    is_long_term: bool
    lot_id: str
    sale_id: str

    @classmethod
    def of(cls, one: Disposal, method: LotMethod) -> "DisposalOut":
        return cls(
            method=method,
            kind=one.kind,
            symbol=one.symbol,
            acquired_at=one.acquired_at,
            sold_at=one.sold_at,
            quantity=one.quantity,
            cost=one.cost,
            proceeds=one.proceeds,
            gain=one.gain,
            is_long_term=one.is_long_term,
            lot_id=one.lot_id,
            sale_id=one.move_id,
        )


_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "JSON in pages, or all of it as CSV"}
}


def add_lots(routes: APIRouter, desk: Desk) -> None:
    """Add GET /tax-lots and GET /disposals."""

    @routes.get(
        "/tax-lots",
        summary="Open lots, oldest first",
        response_model=Page[LotOut],
        responses=_CSV,
    )
    def tax_lots(  # pyright: ignore[reportUnusedFunction]
        asked: Annotated[LotsIn, Query()], request: Request
    ) -> Page[LotOut] | Response:
        method = asked.method or desk.lot_method
        known = desk.known(asked.symbol)
        after = None if asked.cursor is None else decode_place(asked.cursor)
        limit = None if asked.wants_csv(request) else asked.limit
        with desk.transactions.read() as connection:
            lots = _open_lots(connection, desk.policy.account, method, known, (after, limit))
        if limit is None:
            return _as_file("tax-lots", lot_lines(lots, method))
        last = encode_cursor(age(lots[-1])) if len(lots) == limit else None
        return Page(items=[LotOut.of(lot) for lot in lots], next_cursor=last)

    @routes.get(
        "/disposals",
        summary="What sales took out of which lots, in the order of time",
        response_model=Page[DisposalOut],
        responses=_CSV,
    )
    def disposals(  # pyright: ignore[reportUnusedFunction]
        asked: Annotated[DisposalsIn, Query()], request: Request
    ) -> Page[DisposalOut] | Response:
        method = asked.method or desk.lot_method
        known = desk.known(asked.symbol)
        period = period_of(asked.start, asked.end)
        after = None if asked.cursor is None else decode_place(asked.cursor)
        with desk.transactions.read() as connection:
            found = moves(connection, desk.policy.account, known, LONGEST_REPLAY)
            every = dispose(found, Inventory(method))
            sold = sorted((one for one in every if period.covers(one.sold_at)), key=_place)
        if asked.wants_csv(request):
            return _as_file("disposals", disposal_lines(sold, method))
        shown = list(islice((one for one in sold if not after or _place(one) > after), asked.limit))
        last = encode_cursor(_place(shown[-1])) if len(shown) == asked.limit else None
        return Page(items=[DisposalOut.of(one, method) for one in shown], next_cursor=last)


def _open_lots(
    connection: Connection,
    account: AccountId,
    method: LotMethod,
    symbol: Symbol | None,
    page: tuple[Place | None, int | None],
) -> tuple[Lot, ...]:
    """Return a page of the open lots: the books' own, or what another order would have left."""
    after, limit = page
    if method is LotMethod.FIFO:
        return reports.lots(connection, account, symbol, after, limit)
    left = replay(moves(connection, account, symbol, LONGEST_REPLAY), method).lots
    return tuple(islice((lot for lot in left if after is None or age(lot) > after), limit))


def _place(one: Disposal) -> Place:
    """Sort key: by time, though what was sold earlier may have been booked later."""
    return (one.sold_at, f"{one.move_id} {one.lot_id}")


def _as_file(name: str, lines: Iterable[str]) -> Response:
    attached = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response("".join(lines), media_type="text/csv", headers=attached)
