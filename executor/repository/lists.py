"""What people ask for: pages of orders and fills, one order with everything that happened to it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from executor.core.reconciliation import AccountView, Traded
from executor.core.steps import Happening
from executor.tables import fills, order_events, orders
from shared.db.pages import newest_first
from shared.domain.clock import EPOCH
from shared.domain.enums import OrderStatus
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.instrument import split_symbol

_RESTING = (OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING)
_ORDER_OF_HAPPENING = list(Happening)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`before` is the position (instant, id) after which the page starts."""

    account: AccountId
    symbol: Symbol | None = None
    status: OrderStatus | None = None
    before: tuple[datetime, str] | None = None


def find_orders(connection: Connection, wanted: Wanted, limit: int) -> Sequence[Row[Any]]:
    """Return matching orders, newest first."""
    statement = select(orders).where(orders.c.account == wanted.account)
    if wanted.status is not None:
        statement = statement.where(orders.c.status == wanted.status)
    if wanted.symbol is not None:
        statement = statement.where(orders.c.symbol == wanted.symbol)
    page = newest_first(statement, orders.c.decided_at, orders.c.client_order_id, wanted.before)
    return connection.execute(page.limit(limit)).all()


def find_order(connection: Connection, account: AccountId, identity: str) -> Row[Any] | None:
    statement = select(orders).where(
        orders.c.account == account, orders.c.client_order_id == identity
    )
    return connection.execute(statement).one_or_none()


def events_of(connection: Connection, identity: str) -> list[Row[Any]]:
    """Return what happened to an order, oldest first."""
    statement = select(order_events).where(order_events.c.client_order_id == identity)
    rows: Sequence[Row[Any]] = connection.execute(statement).all()
    return sorted(rows, key=lambda row: (row.at, _ORDER_OF_HAPPENING.index(Happening(row.kind))))


def fills_of(connection: Connection, identity: str) -> Sequence[Row[Any]]:
    statement = select(fills).where(fills.c.client_order_id == identity)
    return connection.execute(statement.order_by(fills.c.filled_at, fills.c.trade_id)).all()


def find_fills(connection: Connection, wanted: Wanted, limit: int) -> Sequence[Row[Any]]:
    """Return matching fills, newest first."""
    statement = select(fills).where(fills.c.account == wanted.account)
    if wanted.symbol is not None:
        statement = statement.where(fills.c.symbol == wanted.symbol)
    page = newest_first(statement, fills.c.filled_at, fills.c.trade_id, wanted.before)
    return connection.execute(page.limit(limit)).all()


def newest_fill(connection: Connection, account: AccountId) -> datetime:
    """Return when the account last traded, a time long ago where it never did."""
    newest = select(func.max(fills.c.filled_at)).where(fills.c.account == account)
    return connection.execute(newest).scalar() or EPOCH


def our_view(connection: Connection, account: AccountId, since: datetime) -> AccountView:
    """Return the account as the caches have it: resting orders, trades since, and what is held."""
    resting = select(orders.c.client_order_id, orders.c.filled_quantity).where(
        orders.c.account == account, orders.c.is_working, orders.c.status.in_(_RESTING)
    )
    traded = (
        select(order_events.c.payload, order_events.c.at)
        .join(orders, orders.c.client_order_id == order_events.c.client_order_id)
        .where(
            orders.c.account == account,
            order_events.c.kind == Happening.FILLED,
            order_events.c.at >= since,
        )
    )
    return AccountView(
        open_orders={
            ClientOrderId(row.client_order_id): row.filled_quantity
            for row in connection.execute(resting)
        },
        trades={
            TradeId(one["trade_id"]): Traded(quantity=Decimal(one["quantity"]), at=row.at)
            for row in connection.execute(traded)
            for one in row.payload["trades"]
        },
        balances=_held(connection, account),
    )


def held_symbols(connection: Connection, account: AccountId) -> list[Symbol]:
    statement = select(orders.c.symbol).where(orders.c.account == account, orders.c.is_held)
    return [Symbol(one) for one in connection.execute(statement.distinct()).scalars()]


def traded_symbols(connection: Connection, account: AccountId) -> list[Symbol]:
    """Return the instruments of which anything is held or at work."""
    statement = select(orders.c.symbol).where(
        orders.c.account == account, or_(orders.c.is_held, orders.c.is_working)
    )
    return [Symbol(one) for one in connection.execute(statement.distinct()).scalars()]


def _held(connection: Connection, account: AccountId) -> dict[str, Decimal]:
    statement = select(orders.c.symbol, orders.c.open_quantity).where(
        orders.c.account == account, orders.c.is_held
    )
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in connection.execute(statement):
        base, _quote = split_symbol(row.symbol)
        held[base] += row.open_quantity
    return dict(held)
