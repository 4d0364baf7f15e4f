"""The few statements that the databases spell differently."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, func, select, tuple_
from sqlalchemy.dialects import mysql, sqlite

from shared.db.statements import Prepared

_KEYS_PER_QUERY = 1000
_IDLE_LIMIT = "idle_limit"
_NEVER_SECONDS = 28_800  # the server's own limit for connections


AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])


def for_update(statement: AnySelect, *, skip_locked: bool = False, read: bool = False) -> AnySelect:
    """Lock the selected rows; on SQLite the transaction already holds the only write lock."""
    return statement.with_for_update(skip_locked=skip_locked, read=read)


def db_now(connection: Connection) -> datetime:
    """Return the database server's clock: the one clock that all processes share."""
    if connection.dialect.name == "sqlite":
        text = connection.exec_driver_sql(
            "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
        ).scalar_one()
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    now: datetime = connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
    return now.replace(tzinfo=UTC)


def limit_idle(connection: Connection, seconds: int | None) -> None:
    """Have the server roll back what this connection leaves silent for so long; None: never.

    MySQL has such a limit for connections alone: it counts between transactions as well.
    """
    dialect: Any = connection.dialect
    if dialect.name == "sqlite" or connection.info.get(_IDLE_LIMIT) == seconds:
        return
    if dialect.is_mariadb:
        connection.exec_driver_sql(f"SET SESSION idle_transaction_timeout = {seconds or 0}")
    else:
        connection.exec_driver_sql(f"SET SESSION wait_timeout = {seconds or _NEVER_SECONDS}")
    connection.info[_IDLE_LIMIT] = seconds


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if connection.dialect.name == "sqlite":
        _insert_or_leave_sqlite(table).run(connection, rows)
    else:
        _insert_or_leave_mysql(table).run(connection, rows)


def insert_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose key is not there yet and return how many those were.

    The count is exact unless another transaction inserts the same keys at the same time.
    """
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        return _insert_or_leave_sqlite(table).run(connection, rows)
    keys = {tuple(row[column.name] for column in table.primary_key) for row in rows}
    known = _count(connection, table, sorted(keys))
    insert_missing(connection, table, rows)
    return len(keys) - known


@cache
def _insert_or_leave_sqlite(table: Table) -> Prepared:
    return Prepared(sqlite.insert(table).on_conflict_do_nothing())


@cache
def _insert_or_leave_mysql(table: Table) -> Prepared:
    """Not INSERT IGNORE: it would also swallow values that do not fit."""
    first = next(iter(table.primary_key)).name
    return Prepared(mysql.insert(table).on_duplicate_key_update({first: table.c[first]}))


def _count(connection: Connection, table: Table, keys: Sequence[tuple[Any, ...]]) -> int:
    found = 0
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        some = tuple_(*table.primary_key).in_(keys[start : start + _KEYS_PER_QUERY])
        found += connection.execute(
            select(func.count()).select_from(table).where(some)
        ).scalar_one()
    return found


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: tuple[str, ...],
) -> None:
    """Insert the rows, or set every other given column where the key exists."""
    if not rows:
        return
    changed = tuple(name for name in rows[0] if name not in key)
    statement = (
        _insert_or_set_sqlite(table, key, changed)
        if connection.dialect.name == "sqlite"
        else _insert_or_set_mysql(table, changed)
    )
    statement.run(connection, rows)


@cache
def _insert_or_set_sqlite(table: Table, key: tuple[str, ...], changed: tuple[str, ...]) -> Prepared:
    insert = sqlite.insert(table)
    values = {name: insert.excluded[name] for name in changed}
    return Prepared(insert.on_conflict_do_update(index_elements=list(key), set_=values))


@cache
def _insert_or_set_mysql(table: Table, changed: tuple[str, ...]) -> Prepared:
    insert = mysql.insert(table)
    values = {name: insert.inserted[name] for name in changed}
    return Prepared(insert.on_duplicate_key_update(values))
