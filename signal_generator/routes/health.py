"""How the releases in service stand: what the monitors read, what is wrong, what followed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict

from shared.domain.ids import Symbol
from shared.http.auth import require
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor
from signal_generator.core.alarms import Alarm, State
from signal_generator.core.health import Health, Remedy
from signal_generator.core.maturing import Role
from signal_generator.core.readings import Drift, Live
from signal_generator.repository.health import find_healths, newest_healths
from signal_generator.routes.desk import Desk


class HealthView(BaseModel):
    """One release about one instrument, as judged at the first candles of a day.

    `alarms` are the monitors that are not green, `remedy` is what a red state led to. `drift` is
    null with fewer than 500 vectors or a release that does not know its training, `live` before the
    first matured label; fewer than 50 labels raise no alarm. `average_win` and `average_loss` (in
    barriers) replace those of the release while the realised are worse.
    """

    model_config = ConfigDict(from_attributes=True)

    symbol: Symbol
    release_id: str
    role: Role
    day: datetime
    judged_at: datetime
    state: State
    red_since: datetime | None
    remedy: Remedy
    alarms: tuple[Alarm, ...]
    drift_factor: float
    live_factor: float
    average_win: float | None
    average_loss: float | None
    age_days: float
    drift: Drift | None
    live: Live | None


def install(routes: APIRouter, desk: Desk) -> None:
    """Add the routes; before `/models/{release_id}`, which would take `health` for an id."""

    @routes.get(
        "/models/health",
        dependencies=[Depends(require("read"))],
        summary="The newest judgement of each instrument and role",
    )
    def healths() -> Page[HealthView]:  # pyright: ignore[reportUnusedFunction]
        with desk.transactions.read() as connection:
            found = newest_healths(connection)
        return Page(items=[HealthView.model_validate(one) for one in _of_each_role(found)])

    @routes.get(
        "/models/health/{symbol}",
        dependencies=[Depends(require("read"))],
        summary="All judgements about an instrument, newest first",
    )
    def history(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str, Path(max_length=32)], cursor: Cursor = None, limit: Limit = 100
    ) -> Page[HealthView]:
        wanted = desk.known(symbol)
        before = None if cursor is None else decode_place(cursor)
        with desk.transactions.read() as connection:
            found = find_healths(connection, wanted, before, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else encode_cursor((last.day, last.release_id))
        items = [HealthView.model_validate(one) for one in found[:limit]]
        return Page(items=items, next_cursor=following)


def _of_each_role(healths: Iterable[Health]) -> list[Health]:
    newest: dict[tuple[Symbol, Role], Health] = {}
    for one in sorted(healths, key=lambda one: one.judged_at):
        newest[one.symbol, one.role] = one
    return [newest[key] for key in sorted(newest)]
