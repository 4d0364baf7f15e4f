"""The recommender's view of an account: how fresh it is, what is held, which orders work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, union

from recommender.core.book import Book, KnownOrder, Position
from recommender.core.status import RecommendationStatus
from recommender.tables import (
    held_positions,
    known_orders,
    recommender_books,
    trade_recommendations,
)
from shared.db.dialect import for_update, upsert
from shared.db.statements import Prepared, among, given
from shared.domain.enums import OrderStatus, Purpose, TradingState
from shared.domain.ids import AccountId, ClientOrderId, RecommendationId, Symbol

_FRESHNESS = Prepared(
    for_update(select(recommender_books).where(given(recommender_books.c.account)))
)
_UNDER_WAY = Prepared(
    union(
        select(trade_recommendations.c.symbol, trade_recommendations.c.purpose).where(
            given(trade_recommendations.c.account),
            or_(
                trade_recommendations.c.status == RecommendationStatus.ISSUED,
                trade_recommendations.c.status == RecommendationStatus.APPROVED,
            ),
        ),
        select(known_orders.c.symbol, known_orders.c.purpose).where(
            given(known_orders.c.account), known_orders.c.is_open.is_(True)
        ),
    )
)
_POSITIONS = Prepared(select(held_positions).where(given(held_positions.c.account)))
_CLOSED = Prepared(
    delete(held_positions).where(given(held_positions.c.account), given(held_positions.c.symbol))
)
_ORDERS = Prepared(select(known_orders).where(among(known_orders.c.client_order_id, "identities")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How far the view of the account reaches; nothing heard of the state yet leaves it to risk.

    `is_rebalancing`: purchases towards target weights wait for the sales beside them.
    """

    as_of: datetime | None = None
    state: TradingState = TradingState.RUN
    state_version: int = -1
    is_rebalancing: bool = False


def lock_freshness(connection: Connection, account: AccountId) -> Freshness:
    """Return the account's row and keep others from deciding about it until the commit."""
    row = _FRESHNESS.first(connection, account=account)
    if row is None:
        return Freshness()
    heard = row.trading_state is not None
    return Freshness(
        as_of=row.as_of,
        state=TradingState(row.trading_state) if heard else TradingState.RUN,
        state_version=row.state_version if heard else -1,
        is_rebalancing=bool(row.is_rebalancing),
    )


def save_freshness(connection: Connection, account: AccountId, changes: Mapping[str, Any]) -> None:
    upsert(connection, recommender_books, [{"account": account, **changes}], key=("account",))


def load_book(connection: Connection, account: AccountId, state: TradingState) -> Book:
    under_way = _UNDER_WAY.rows(connection, account=account)
    return Book(
        positions=load_positions(connection, account),
        entries={Symbol(row.symbol) for row in under_way if row.purpose == Purpose.ENTRY},
        exits={Symbol(row.symbol) for row in under_way if row.purpose == Purpose.EXIT},
        state=state,
    )


def load_positions(connection: Connection, account: AccountId) -> dict[Symbol, Position]:
    return {
        Symbol(row.symbol): Position(
            symbol=Symbol(row.symbol),
            quantity=row.quantity,
            decided_at=row.decided_at,
            opened_at=row.opened_at,
            horizon_at=row.horizon_at,
            kept=row.kept,
        )
        for row in _POSITIONS.rows(connection, account=account)
    }


def save_positions(
    connection: Connection, account: AccountId, changes: Mapping[Symbol, Position | None]
) -> None:
    rows = [
        {
            "account": account,
            "symbol": symbol,
            "quantity": position.quantity,
            "decided_at": position.decided_at,
            "opened_at": position.opened_at,
            "horizon_at": position.horizon_at,
            "kept": position.kept,
        }
        for symbol, position in sorted(changes.items())
        if position is not None
    ]
    upsert(connection, held_positions, rows, key=("account", "symbol"))
    closed = sorted(symbol for symbol, position in changes.items() if position is None)
    _CLOSED.run(connection, [{"account": account, "symbol": symbol} for symbol in closed])


def load_orders(
    connection: Connection, identities: Iterable[ClientOrderId]
) -> dict[ClientOrderId, KnownOrder]:
    return {
        ClientOrderId(row.client_order_id): KnownOrder(
            client_order_id=ClientOrderId(row.client_order_id),
            recommendation_id=RecommendationId(row.recommendation_id),
            symbol=Symbol(row.symbol),
            purpose=Purpose(row.purpose),
            status=OrderStatus(row.status),
            filled_quantity=row.filled_quantity,
            updated_at=row.updated_at,
        )
        for row in _ORDERS.rows(connection, identities=sorted(set(identities)))
    }


def save_orders(connection: Connection, account: AccountId, orders: Iterable[KnownOrder]) -> None:
    rows = [
        {
            "client_order_id": order.client_order_id,
            "account": account,
            "recommendation_id": order.recommendation_id,
            "symbol": order.symbol,
            "purpose": order.purpose,
            "status": order.status,
            "filled_quantity": order.filled_quantity,
            "is_open": order.is_open,
            "updated_at": order.updated_at,
        }
        for order in orders
    ]
    upsert(connection, known_orders, rows, key=("client_order_id",))
