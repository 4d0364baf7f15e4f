"""Everything that must be the same after any crash, and between any two ways of running."""

from typing import Any

from sqlalchemy import Engine, select

from shared.db.base import TRANSACTIONS, metadata

# what a decision, an order and the books are made of; when a row was written is not part of it
KEPT = {
    "trade_recommendations": ("recommendation_id", "symbol", "side", "purpose", "status"),
    "risk_decisions": ("decision_id", "recommendation_id", "verdict"),
    "orders": ("client_order_id", "symbol", "side", "purpose", "status", "quantity", "filled_quantity"),
    "fills": ("trade_id", "client_order_id", "quantity", "price", "fee"),
    "portfolio_positions": ("symbol", "quantity", "cost_basis", "realized_pnl"),
    "balances": ("asset", "free"),
    "equity_points": ("as_of", "equity"),
}  # fmt: skip


def books(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the kept columns of every table of the money path, in a stable order."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with engine.connect() as connection:
        for name, columns in KEPT.items():
            table = metadata.tables[f"{TRANSACTIONS}.{name}"]
            rows = connection.execute(select(*(table.c[column] for column in columns)))
            found[name] = sorted(tuple(row) for row in rows)
    return found
