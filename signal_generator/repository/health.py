"""How the releases stood about each instrument, day by day."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select

from shared.bus.codec import from_builtins
from shared.db.pages import newest_first
from shared.db.statements import Prepared
from shared.domain.ids import Symbol
from signal_generator.core.alarms import Alarm, State
from signal_generator.core.health import Health, Remedy
from signal_generator.core.maturing import Role
from signal_generator.core.readings import Drift, Live
from signal_generator.tables import model_health

_TO_HEALTH = Prepared(insert(model_health))


def add_healths(connection: Connection, healths: Sequence[Health]) -> None:
    names = model_health.c.keys()
    _TO_HEALTH.run(connection, [{name: getattr(one, name) for name in names} for one in healths])


def newest_healths(
    connection: Connection, symbols: Collection[Symbol] | None = None
) -> list[Health]:
    """Return the newest judgement of each release about each of the instruments (all if None)."""
    known = model_health.c
    newest = select(known.symbol, known.release_id, func.max(known.day).label("day"))
    if symbols is not None:
        newest = newest.where(known.symbol.in_(sorted(symbols)))
    last = newest.group_by(known.symbol, known.release_id).subquery()
    statement = (
        select(model_health)
        .join(
            last,
            and_(
                known.symbol == last.c.symbol,
                known.release_id == last.c.release_id,
                known.day == last.c.day,
            ),
        )
        .order_by(known.symbol, known.day.desc(), known.release_id)
    )
    return [_health(row) for row in connection.execute(statement)]


def find_healths(
    connection: Connection, symbol: Symbol, before: tuple[datetime, str] | None, limit: int
) -> list[Health]:
    """Return the judgements about an instrument, newest first, from (day, release id) on."""
    known = model_health.c
    statement = select(model_health).where(known.symbol == symbol)
    page = newest_first(statement, known.day, known.release_id, before)
    return [_health(row) for row in connection.execute(page.limit(limit))]


def _health(row: Row[Any]) -> Health:
    return Health(
        symbol=Symbol(row.symbol),
        release_id=row.release_id,
        role=Role(row.role),
        day=row.day,
        judged_at=row.judged_at,
        state=State(row.state),
        red_since=row.red_since,
        alarms=from_builtins(row.alarms, tuple[Alarm, ...]),
        remedy=Remedy(row.remedy),
        drift_factor=row.drift_factor,
        live_factor=row.live_factor,
        average_win=row.average_win,
        average_loss=row.average_loss,
        age_days=row.age_days,
        drift=None if row.drift is None else from_builtins(row.drift, Drift),
        live=None if row.live is None else from_builtins(row.live, Live),
    )
