"""What approvals have set aside, until their orders end."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from risk.core.reservation import Reservation
from risk.tables import reservations
from shared.db.dialect import upsert
from shared.db.statements import Prepared, among, given
from shared.domain.enums import OrderStatus, Purpose
from shared.domain.ids import AccountId, DecisionId, Symbol


class ReservationState(StrEnum):
    HELD = "held"
    RELEASED = "released"


_promised = [one for one in reservations.c if one.name not in ("account", "amount", "state")]
_HELD = Prepared(
    select(*_promised)
    .where(given(reservations.c.account), reservations.c.state == ReservationState.HELD)
    .order_by(reservations.c.decision_id)
)
_SOME = Prepared(select(reservations).where(among(reservations.c.decision_id, "decisions")))
_TO_RESERVATIONS = Prepared(insert(reservations))


def load_held(connection: Connection, account: AccountId) -> dict[DecisionId, Reservation]:
    held = _HELD.rows(connection, account=account)
    return {DecisionId(row.decision_id): _reservation(row) for row in held}


def load(connection: Connection, decisions: Iterable[DecisionId]) -> dict[DecisionId, Reservation]:
    some = _SOME.rows(connection, decisions=sorted(set(decisions)))
    return {DecisionId(row.decision_id): _reservation(row) for row in some}


def add(
    connection: Connection, account: AccountId, promised: Iterable[Reservation], now: datetime
) -> None:
    _TO_RESERVATIONS.run(connection, [_row(account, one, now) for one in promised])


def save(
    connection: Connection, account: AccountId, promised: Iterable[Reservation], now: datetime
) -> None:
    rows = [_row(account, one, now) for one in promised]
    upsert(connection, reservations, rows, key=("decision_id",))


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(
        decision_id=DecisionId(row.decision_id),
        symbol=Symbol(row.symbol),
        purpose=Purpose(row.purpose),
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        unit_cost=row.unit_cost,
        unit_loss=row.unit_loss,
        source=row.source,
        status=None if row.order_status is None else OrderStatus(row.order_status),
    )


def _row(account: AccountId, one: Reservation, now: datetime) -> dict[str, Any]:
    return {
        "decision_id": one.decision_id,
        "account": account,
        "symbol": one.symbol,
        "purpose": one.purpose,
        "quantity": one.quantity,
        "filled_quantity": one.filled_quantity,
        "unit_cost": one.unit_cost,
        "unit_loss": one.unit_loss,
        "source": one.source,
        "amount": one.amount,
        "state": ReservationState.HELD if one.is_held else ReservationState.RELEASED,
        "order_status": one.status,
        "changed_at": now,
    }
