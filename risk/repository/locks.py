"""Instruments that people have closed for entries."""

from datetime import datetime

from sqlalchemy import delete

from risk.tables import symbol_locks
from shared.bus.unit_of_work import UnitOfWork
from shared.db.dialect import upsert
from shared.domain.ids import AccountId, Symbol


def add_lock(
    uow: UnitOfWork,
    key: tuple[AccountId, Symbol],
    note: tuple[str, str],
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
        "created_at": uow.now,
        "expires_at": expires_at,
    }
    upsert(uow.connection, symbol_locks, [row], key=("account", "symbol"))
    detail = {"reason": reason, "expires_at": expires_at}
    uow.audit(actor, "symbol.locked", symbol, detail)


def remove_lock(uow: UnitOfWork, key: tuple[AccountId, Symbol], actor: str) -> bool:
    """Return whether there was one."""
    account, symbol = key
    statement = delete(symbol_locks).where(
        symbol_locks.c.account == account, symbol_locks.c.symbol == symbol
    )
    removed = uow.connection.execute(statement).rowcount > 0
    if removed:
        uow.audit(actor, "symbol.unlocked", symbol, {})
    return removed
