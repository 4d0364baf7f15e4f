"""The recommender's view of an account: how fresh it is, what is held, which orders work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from recommender.core.book import Book, KnownOrder, Position
from recommender.core.status import RecommendationStatus
from recommender.tables import (
    held_positions,
    known_orders,
    recommender_books,
    trade_recommendations,
)
from shared.db.dialect import for_update, upsert
from shared.domain.enums import Purpose, TradingState
from shared.domain.ids import AccountId, ClientOrderId, RecommendationId, Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How far the view of the account reaches; nothing heard of the state yet leaves it to risk."""

    as_of: datetime | None = None
    state: TradingState = TradingState.RUN
    state_version: int = -1


def lock_freshness(connection: Connection, account: AccountId) -> Freshness:
    """Return the account's row and keep others from deciding about it until the commit."""
    statement = select(recommender_books).where(recommender_books.c.account == account)
    row = connection.execute(for_update(statement)).one_or_none()
    if row is None:
        return Freshness()
    heard = row.trading_state is not None
    return Freshness(
        as_of=row.as_of,
        state=TradingState(row.trading_state) if heard else TradingState.RUN,
        state_version=row.state_version if heard else -1,
    )


def save_freshness(connection: Connection, account: AccountId, changes: Mapping[str, Any]) -> None:
    upsert(connection, recommender_books, [{"account": account, **changes}], key=("account",))


def load_book(connection: Connection, account: AccountId, state: TradingState) -> Book:
    waiting = select(trade_recommendations.c.symbol, trade_recommendations.c.purpose).where(
        trade_recommendations.c.account == account,
        trade_recommendations.c.status.in_(
            (RecommendationStatus.ISSUED, RecommendationStatus.APPROVED)
        ),
    )
    working = select(known_orders.c.symbol, known_orders.c.purpose).where(
        known_orders.c.account == account, known_orders.c.is_open.is_(True)
    )
    under_way = connection.execute(waiting.union(working)).all()
    return Book(
        positions=load_positions(connection, account),
        entries={Symbol(row.symbol) for row in under_way if row.purpose == Purpose.ENTRY},
        exits={Symbol(row.symbol) for row in under_way if row.purpose == Purpose.EXIT},
        state=state,
    )


def load_positions(connection: Connection, account: AccountId) -> dict[Symbol, Position]:
    statement = select(held_positions).where(held_positions.c.account == account)
    return {
        Symbol(row.symbol): Position(
            symbol=Symbol(row.symbol),
            quantity=row.quantity,
            decided_at=row.decided_at,
            opened_at=row.opened_at,
            horizon_at=row.horizon_at,
        )
        for row in connection.execute(statement)
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
        }
        for symbol, position in sorted(changes.items())
        if position is not None
    ]
    upsert(connection, held_positions, rows, key=("account", "symbol"))
    closed = sorted(symbol for symbol, position in changes.items() if position is None)
    if closed:
        connection.execute(
            delete(held_positions).where(
                held_positions.c.account == account, held_positions.c.symbol.in_(closed)
            )
        )


def load_orders(
    connection: Connection, identities: Iterable[ClientOrderId]
) -> dict[ClientOrderId, KnownOrder]:
    statement = select(known_orders).where(
        known_orders.c.client_order_id.in_(sorted(set(identities)))
    )
    return {
        ClientOrderId(row.client_order_id): KnownOrder(
            client_order_id=ClientOrderId(row.client_order_id),
            recommendation_id=RecommendationId(row.recommendation_id),
            symbol=Symbol(row.symbol),
            purpose=Purpose(row.purpose),
            is_open=row.is_open,
            updated_at=row.updated_at,
        )
        for row in connection.execute(statement)
    }


def save_orders(connection: Connection, account: AccountId, orders: Iterable[KnownOrder]) -> None:
    rows = [
        {
            "client_order_id": order.client_order_id,
            "account": account,
            "recommendation_id": order.recommendation_id,
            "symbol": order.symbol,
            "purpose": order.purpose,
            "is_open": order.is_open,
            "updated_at": order.updated_at,
        }
        for order in orders
    ]
    upsert(connection, known_orders, rows, key=("client_order_id",))
