"""Everything that must be the same after any crash, and between any two ways of running."""

from typing import Any

from sqlalchemy import Engine, select

from shared.db.base import TRANSACTIONS, metadata

# what a decision, an order and the books are made of; when a row was written is not part of it
KEPT = {
    "trade_recommendations": ("recommendation_id", "symbol", "side", "purpose", "status"),
    "risk_decisions": ("decision_id", "recommendation_id", "verdict"),
    "orders": ("client_order_id", "symbol", "side", "purpose", "status", "quantity", "filled_quantity"),
    "reservations": (
        "decision_id", "symbol", "purpose", "quantity", "filled_quantity", "unit_cost", "amount",
        "state",
    ),
    "exposure_counters": ("account", "scope_kind", "scope_key", "cap", "reserved", "position"),
    "risk_positions": ("account", "symbol", "quantity", "price", "trade_id"),
    "held_positions": ("account", "symbol", "quantity", "decided_at", "opened_at", "horizon_at"),
    "known_orders": ("client_order_id", "recommendation_id", "symbol", "purpose", "is_open"),
    "fills": ("trade_id", "client_order_id", "quantity", "price", "fee"),
    "portfolio_positions": ("symbol", "quantity", "cost_basis", "realized_pnl"),
    "balances": ("asset", "free"),
    "ledger_entries": (
        "holder", "asset", "amount", "source_kind", "source_id", "leg",
    ),
    "tax_lots": (
        "lot_id", "account", "symbol", "acquired_at", "quantity", "remaining", "cost",
        "remaining_cost", "is_open",
    ),
    "round_trips": (
        "trip_id", "account", "symbol", "opened_at", "closed_at", "bought", "sold", "cost",
        "proceeds", "fees", "exit_reason", "slippage", "origin", "decision_id",
    ),
    "equity_points": ("as_of", "equity"),
}  # fmt: skip


def books(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the kept columns of every table of the money path, in a stable order."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with engine.connect() as connection:
        for name, columns in KEPT.items():
            table = metadata.tables[f"{TRANSACTIONS}.{name}"]
            rows = connection.execute(select(*(table.c[column] for column in columns)))
            found[name] = sorted((tuple(row) for row in rows), key=str)
    return found
