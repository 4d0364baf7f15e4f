"""Instruments that people have closed for entries."""

from datetime import datetime

from sqlalchemy import Connection, delete

from risk.tables import symbol_locks
from shared.db.audit import record
from shared.db.dialect import upsert
from shared.domain.ids import AccountId, Symbol


def add_lock(
    connection: Connection,
    key: tuple[AccountId, Symbol],
    note: tuple[str, str],
    now: datetime,
    expires_at: datetime | None,
) -> None:
    """Lock an instrument, or give its lock another reason or end; `note` is the actor and why."""
    account, symbol = key
    actor, reason = note
    row = {
        "account": account,
        "symbol": symbol,
        "reason": reason,
        "actor": actor,
        "created_at": now,
        "expires_at": expires_at,
    }
    upsert(connection, symbol_locks, [row], key=("account", "symbol"))
    detail = {"reason": reason, "expires_at": expires_at}
    record(connection, actor, "symbol.locked", symbol, detail, now)


def remove_lock(
    connection: Connection, key: tuple[AccountId, Symbol], actor: str, now: datetime
) -> bool:
    """Return whether there was one."""
    account, symbol = key
    statement = delete(symbol_locks).where(
        symbol_locks.c.account == account, symbol_locks.c.symbol == symbol
    )
    removed = connection.execute(statement).rowcount > 0
    if removed:
        record(connection, actor, "symbol.unlocked", symbol, {}, now)
    return removed
