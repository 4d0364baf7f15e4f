"""The lease of each account, read and written under its own lock."""

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from executor.core.leading import Lease
from executor.tables import lease
from shared.db.dialect import db_now, for_update, insert_missing
from shared.db.statements import Prepared, given
from shared.domain.clock import EPOCH

_LOCKED = Prepared(for_update(select(lease).where(given(lease.c.name))))
_SHARED = Prepared(for_update(select(lease).where(given(lease.c.name)), read=True))
_READ = Prepared(select(lease).where(given(lease.c.name)))
_CHANGE = Prepared(update(lease).where(lease.c.name == bindparam("identity")))


def lock_lease(connection: Connection, name: str) -> Lease:
    """Return the lease, locked for whoever wants to take or renew it; made where there is none."""
    row = _LOCKED.first(connection, name=name)
    if row is None:
        first = {"name": name, "holder": "nobody", "token": 0, "expires_at": EPOCH}
        insert_missing(connection, lease, [first])
        row = _LOCKED.first(connection, name=name)
    return _lease(row)


def save_lease(connection: Connection, changed: Lease) -> None:
    row = {"holder": changed.holder, "token": changed.token, "expires_at": changed.expires_at}
    _CHANGE.run(connection, [{"identity": changed.name, **row}])


def holds(connection: Connection, name: str, holder: str, token: int) -> bool:
    """Tell whether the lease is held, and keep it from changing hands until the commit."""
    row = _SHARED.first(connection, name=name)
    return row is not None and _lease(row).is_held_by(holder, token, db_now(connection))


def find_lease(connection: Connection, name: str) -> Lease | None:
    row = _READ.first(connection, name=name)
    return None if row is None else _lease(row)


def _lease(row: Any) -> Lease:
    return Lease(name=row.name, holder=row.holder, token=row.token, expires_at=row.expires_at)
