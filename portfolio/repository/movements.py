"""What people say moved, and who settled it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from portfolio.core.booking import Purse, SourceKind, external_source
from portfolio.core.movements import Movement, MovementStatus
from portfolio.repository.journal import already_booked
from portfolio.tables import movements
from shared.db.dialect import for_update, upsert
from shared.db.pages import newest_first
from shared.db.statements import Prepared, among, as_row, given
from shared.domain.ids import AccountId, Symbol

_LOCKED = Prepared(
    for_update(select(movements).where(given(movements.c.account), given(movements.c.movement_id)))
)
_NAMED = Prepared(
    select(movements).where(given(movements.c.account), among(movements.c.movement_id, "names"))
)
_SETTLED = Prepared(
    select(movements.c.movement_id, movements.c.kind).where(
        given(movements.c.account), given(movements.c.status)
    )
)
_NEW = Prepared(insert(movements))


def save_movement(connection: Connection, movement: Movement) -> None:
    _NEW.run(connection, [as_row(movement)])


def settle_movement(connection: Connection, movement: Movement) -> None:
    upsert(connection, movements, [as_row(movement)], key=("movement_id",))


def lock_movement(connection: Connection, account: AccountId, movement_id: str) -> Movement | None:
    row = _LOCKED.first(connection, account=account, movement_id=movement_id)
    return None if row is None else _movement(row)


def movements_named(
    connection: Connection, account: AccountId, names: Sequence[str]
) -> dict[str, Movement]:
    rows = _NAMED.rows(connection, account=account, names=list(names))
    return {row.movement_id: _movement(row) for row in rows}


def unbooked_movements(connection: Connection, account: AccountId) -> list[str]:
    """Return what is said to be booked and is not."""
    said = _SETTLED.rows(connection, account=account, status=MovementStatus.BOOKED)
    found: list[str] = []
    for row in said:
        source = external_source(account, row.movement_id)
        if not already_booked(connection, account, SourceKind(row.kind), [source]):
            found.append(row.movement_id)
    return found


def movements_page(
    connection: Connection,
    account: AccountId,
    status: MovementStatus | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> tuple[Movement, ...]:
    """Return movements, the latest asked for first."""
    statement = select(movements).where(movements.c.account == account)
    if status is not None:
        statement = statement.where(movements.c.status == status)
    page = newest_first(statement, movements.c.asked_at, movements.c.movement_id, before)
    return tuple(_movement(row) for row in connection.execute(page.limit(limit)))


def _movement(row: Any) -> Movement:
    return Movement(
        movement_id=row.movement_id,
        account=AccountId(row.account),
        kind=SourceKind(row.kind),
        status=MovementStatus(row.status),
        asset=row.asset,
        amount=row.amount,
        symbol=None if row.symbol is None else Symbol(row.symbol),
        price=row.price,
        purse=Purse(row.purse),
        is_internal=row.is_internal,
        fee=row.fee,
        fee_asset=row.fee_asset,
        reason=row.reason,
        moved_at=row.moved_at,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        settled_by=row.settled_by,
        settled_at=row.settled_at,
    )
