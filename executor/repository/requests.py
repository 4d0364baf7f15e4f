"""The one request of each order: who may send it next, how it was dated, whether it arrived."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from executor.core.absence import Search
from executor.core.order import Order
from executor.repository.rows import order_of
from executor.tables import orders
from shared.db.statements import Prepared, given
from shared.domain.enums import OrderStatus, OrderType, Purpose
from shared.domain.ids import AccountId, ClientOrderId, Symbol, VenueOrderId
from shared.domain.venue import OrderRef

_NEXT = Prepared(
    select(orders.c.client_order_id, orders.c.symbol)
    .where(
        given(orders.c.account),
        orders.c.is_working,
        orders.c.status == OrderStatus.APPROVED,
    )
    # whoever leaves goes first
    .order_by(orders.c.purpose.desc(), orders.c.decided_at, orders.c.client_order_id)
)
_WORKING = Prepared(select(orders).where(given(orders.c.account), orders.c.is_working))
_TO_CANCEL = Prepared(
    select(orders).where(given(orders.c.account), orders.c.is_working, orders.c.is_cancel_wanted)
)
_RECENT = Prepared(
    select(orders).where(given(orders.c.account), orders.c.updated_at >= bindparam("since"))
)
_ONE = Prepared(select(orders).where(given(orders.c.account), given(orders.c.client_order_id)))
_BY_VENUE_ID = Prepared(
    select(orders).where(
        given(orders.c.account), given(orders.c.symbol), given(orders.c.venue_order_id)
    )
)
_BY_VENUE_ID_ALONE = Prepared(
    select(orders).where(given(orders.c.account), given(orders.c.venue_order_id))
)
_SENT = Prepared(
    select(func.count().label("number")).where(
        given(orders.c.account),
        orders.c.purpose == Purpose.ENTRY,
        orders.c.claimed_at >= bindparam("since"),
    )
)
_CHANGE = Prepared(update(orders).where(orders.c.client_order_id == bindparam("identity")))
_EXITS = Prepared(
    select(func.count().label("number")).where(
        given(orders.c.account),
        given(orders.c.parent),
        orders.c.order_type != OrderType.STOP_LIMIT,
        orders.c.status.in_((OrderStatus.REJECTED, OrderStatus.NOT_SENT)),
        orders.c.decided_at >= bindparam("since"),
    )
)
_STOPS_LATELY = Prepared(
    select(func.count().label("number")).where(
        given(orders.c.account),
        given(orders.c.parent),
        orders.c.order_type == OrderType.STOP_LIMIT,
        orders.c.decided_at >= bindparam("since"),
    )
)
_STOPS = Prepared(
    select(func.count().label("number")).where(
        given(orders.c.account),
        given(orders.c.parent),
        orders.c.order_type == OrderType.STOP_LIMIT,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """How one order went out: under which lease, dated when, and when its absence is final."""

    lease_token: int
    claimed_at: datetime
    signed_at: datetime
    final_after: datetime
    reference_price: Decimal
    quantity: Decimal
    limit_price: Decimal
    stop_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A working order with what is needed to ask the venue for it."""

    order: Order
    status: OrderStatus
    filled_quantity: Decimal
    venue_order_id: VenueOrderId | None
    lease_token: int | None
    claimed_at: datetime | None
    signed_at: datetime | None
    updated_at: datetime
    reference_price: Decimal | None
    search: Search

    @property
    def ref(self) -> OrderRef:
        return OrderRef(
            symbol=self.order.symbol,
            client_order_id=self.order.client_order_id,
            placed_at=self.signed_at or self.order.decided_at,
            venue_order_id=self.venue_order_id,
        )


def approved(connection: Connection, account: AccountId) -> list[tuple[ClientOrderId, Symbol]]:
    """Return what waits to be claimed, exits first, then the oldest."""
    rows = _NEXT.rows(connection, account=account)
    return [(ClientOrderId(row.client_order_id), Symbol(row.symbol)) for row in rows]


def entries_sent(connection: Connection, account: AccountId, since: datetime) -> int:
    return int(_SENT.value(connection, account=account, since=since))


def stops_made(connection: Connection, account: AccountId, parent: ClientOrderId) -> int:
    return int(_STOPS.value(connection, account=account, parent=parent))


def exits_refused(
    connection: Connection, account: AccountId, parent: ClientOrderId, since: datetime
) -> int:
    """Return how many exits of a bracket were refused, or not even sent, since an instant."""
    return int(_EXITS.value(connection, account=account, parent=parent, since=since))


def stops_lately(
    connection: Connection, account: AccountId, parent: ClientOrderId, since: datetime
) -> int:
    """Return how many stops an entry has had since an instant, whatever became of them."""
    return int(_STOPS_LATELY.value(connection, account=account, parent=parent, since=since))


def save_dispatch(connection: Connection, identity: ClientOrderId, sent: Dispatch) -> None:
    row = {
        "identity": identity,
        "claimed_at": sent.claimed_at,
        "lease_token": sent.lease_token,
        "signed_at": sent.signed_at,
        "final_after": sent.final_after,
        "reference_price": sent.reference_price,
        "quantity": sent.quantity,
        "limit_price": sent.limit_price,
        "stop_price": sent.stop_price,
    }
    _CHANGE.run(connection, [row])


def save_search(connection: Connection, identity: ClientOrderId, search: Search) -> None:
    row = {"identity": identity, "misses": search.misses, "missed_at": search.missed_at}
    _CHANGE.run(connection, [row])


def working(connection: Connection, account: AccountId) -> list[Standing]:
    """Return the orders that have not ended."""
    return [_standing(row) for row in _WORKING.rows(connection, account=account)]


def to_cancel(connection: Connection, account: AccountId) -> list[Standing]:
    """Return the orders that somebody wants canceled and that may still be at the venue."""
    return [_standing(row) for row in _TO_CANCEL.rows(connection, account=account)]


def touched(connection: Connection, account: AccountId, since: datetime) -> list[Standing]:
    """Return the orders of which something was learned since."""
    return [_standing(row) for row in _RECENT.rows(connection, account=account, since=since)]


def find(connection: Connection, account: AccountId, identity: str) -> Standing | None:
    row = _ONE.first(connection, account=account, client_order_id=identity)
    return None if row is None else _standing(row)


def find_by_venue_id(
    connection: Connection, account: AccountId, symbol: Symbol, identity: VenueOrderId
) -> Standing | None:
    """Return the order a venue means; some count the orders of each instrument apart."""
    row = _BY_VENUE_ID.first(connection, account=account, symbol=symbol, venue_order_id=identity)
    return None if row is None else _standing(row)


def all_by_venue_id(
    connection: Connection, account: AccountId, identity: VenueOrderId
) -> list[Standing]:
    """Return every order a venue may mean that does not say of which instrument."""
    rows = _BY_VENUE_ID_ALONE.rows(connection, account=account, venue_order_id=identity)
    return [_standing(row) for row in rows]


def _standing(row: Any) -> Standing:
    return Standing(
        order=order_of(row),
        status=OrderStatus(row.status),
        filled_quantity=row.filled_quantity,
        venue_order_id=row.venue_order_id,
        lease_token=row.lease_token,
        claimed_at=row.claimed_at,
        signed_at=row.signed_at,
        updated_at=row.updated_at,
        reference_price=row.reference_price,
        search=Search(final_after=row.final_after, misses=row.misses, missed_at=row.missed_at),
    )
