"""What releases in the shadow would have said; nobody acts on it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from shared.http.auth import require
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor
from signal_generator.repository.shadows import ShadowFilter, find_whispered
from signal_generator.routes.desk import Desk
from signal_generator.routes.signals import SignalView


class ShadowView(SignalView):
    """`release_id`: who would have said it."""

    release_id: str


def install(routes: APIRouter, desk: Desk) -> None:
    @routes.get(
        "/shadow-signals",
        dependencies=[Depends(require("read"))],
        summary="What releases in the shadow would have said, newest first",
    )
    def shadows(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str | None, Query(max_length=32)] = None,
        release_id: Annotated[str | None, Query(max_length=96)] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[ShadowView]:
        wanted = ShadowFilter(
            symbol=None if symbol is None else desk.known(symbol),
            release_id=release_id,
            before=None if cursor is None else decode_place(cursor),
        )
        with desk.transactions.read() as connection:
            found = find_whispered(connection, wanted, limit + 1)
        last = found[limit - 1].signal if len(found) > limit else None
        following = None if last is None else encode_cursor((last.closed_at, last.signal_id))
        items = [
            ShadowView(
                **SignalView.model_validate(one.signal).model_dump(), release_id=one.release_id
            )
            for one in found[:limit]
        ]
        return Page(items=items, next_cursor=following)
