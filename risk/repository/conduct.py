"""What is kept of how trading has gone: round trips that are over, and how orders ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal, null, select

from risk.core.conduct import ClosedTrip, Conduct, Outcome, conduct_of
from risk.tables import risk_outcomes, risk_trips
from shared.db.dialect import upsert
from shared.db.statements import Prepared, among, given
from shared.domain.clock import EPOCH
from shared.domain.enums import OrderStatus
from shared.domain.events import RoundTripClosed
from shared.domain.ids import AccountId, ClientOrderId
from shared.domain.values import ZERO

_won_at = (
    select(risk_trips.c.closed_at)
    .where(given(risk_trips.c.account), risk_trips.c.is_win)
    .order_by(risk_trips.c.closed_at.desc())
    .limit(1)
    .scalar_subquery()
)
_trips = select(
    risk_trips.c.trip_id.label("name"),
    risk_trips.c.closed_at,
    risk_trips.c.pnl,
    null().label("orders"),
).where(
    given(risk_trips.c.account),
    risk_trips.c.closed_at >= func.coalesce(_won_at, literal(EPOCH, risk_trips.c.closed_at.type)),
)
_KNOWN = Prepared(select(risk_outcomes).where(among(risk_outcomes.c.client_order_id, "identities")))
_tally = (
    select(risk_outcomes.c.status, null(), null(), func.count())
    .where(
        given(risk_outcomes.c.account),
        risk_outcomes.c.changed_at > bindparam("since", type_=risk_outcomes.c.changed_at.type),
    )
    .group_by(risk_outcomes.c.status)
)
_CONDUCT = Prepared(_trips.union_all(_tally))


def load_conduct(connection: Connection, account: AccountId, since: datetime) -> Conduct:
    """Return how trading has gone; outcomes count from `since` on."""
    rows: Sequence[Row[Any]] = _CONDUCT.rows(connection, account=account, since=since)
    trips = [
        ClosedTrip(trip_id=row.name, closed_at=row.closed_at, pnl=row.pnl)
        for row in rows
        if row.closed_at is not None
    ]
    newest_first = sorted(trips, key=lambda one: (one.closed_at, one.trip_id), reverse=True)
    tally = {OrderStatus(row.name): row.orders for row in rows if row.closed_at is None}
    return conduct_of(newest_first, tally)


def save_trip(connection: Connection, closed: RoundTripClosed) -> None:
    """Keep a round trip; one that closes again, after a fill told late, replaces what was known."""
    row = {
        "trip_id": closed.trip_id,
        "account": closed.account,
        "symbol": closed.symbol,
        "closed_at": closed.closed_at,
        "is_win": closed.pnl > ZERO,
        "pnl": closed.pnl,
    }
    upsert(connection, risk_trips, [row], key=("trip_id",))


def load_outcomes(
    connection: Connection, identities: Iterable[ClientOrderId]
) -> Mapping[ClientOrderId, Outcome]:
    rows: Sequence[Row[Any]] = _KNOWN.rows(connection, identities=sorted(set(identities)))
    return {
        ClientOrderId(row.client_order_id): Outcome(
            client_order_id=ClientOrderId(row.client_order_id),
            status=OrderStatus(row.status),
            filled_quantity=row.filled_quantity,
            changed_at=row.changed_at,
        )
        for row in rows
    }


def save_outcomes(connection: Connection, account: AccountId, changed: Iterable[Outcome]) -> None:
    rows = [
        {
            "client_order_id": one.client_order_id,
            "account": account,
            "status": one.status,
            "filled_quantity": one.filled_quantity,
            "changed_at": one.changed_at,
        }
        for one in sorted(changed, key=lambda one: one.client_order_id)
    ]
    upsert(connection, risk_outcomes, rows, key=("client_order_id",))
