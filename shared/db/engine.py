"""Engines: READ COMMITTED on MySQL and MariaDB, WAL with BEGIN IMMEDIATE on SQLite."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock
from time import monotonic
from typing import Any

from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError

from shared.db.base import PRICES, TRANSACTIONS

_CONVERSIONS = {**conversions, FIELD_TYPE.DATETIME: datetime.fromisoformat}
"""Those of the driver, but for instants: its own reads them by a pattern, twenty times slower."""
_TURNS: dict[str, AbstractContextManager[Any]] = {}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
READ_ONLY = "trading_read_only"
_RETURNED_AT = "returned_at"
_IDLE_SECONDS = 1.0
_RETRYABLE = frozenset({1020, 1040, 1205, 1213, 2006, 2013, 2014, 2045, 2055, 4031, 1927})


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAddress:
    """A MySQL or MariaDB server when `host` is set, otherwise one SQLite file."""

    host: str | None = None
    port: int = 3306
    user: str = "trading"
    password: str = field(default="", repr=False)
    file: Path = Path("trading.sqlite")
    pool_size: int = 8

    @property
    def is_embedded(self) -> bool:
        return self.host is None

    def url(self, database: str | None = TRANSACTIONS) -> URL:
        if self.host is None:
            return URL.create("sqlite", database=str(self.file))
        return URL.create(
            "mysql+pymysql",
            username=self.user,
            password=self.password,
            host=self.host,
            port=self.port,
            database=database,
            query={"charset": "utf8mb4"},
        )


def connect(address: DatabaseAddress) -> Engine:
    """Return the engine of one process; nothing is contacted before its first use."""
    if address.is_embedded:
        return _sqlite(address)
    engine = create_engine(
        address.url(),
        isolation_level="READ COMMITTED",
        paramstyle="format",  # by position, as prepared statements give their values
        hide_parameters=True,  # errors are logged; what was to be written stays out of it
        pool_size=address.pool_size,
        max_overflow=address.pool_size,
        pool_recycle=300,
        pool_reset_on_return=None,  # whoever gives one back has committed or rolled back
        pool_timeout=5,
        connect_args={
            "connect_timeout": 2,
            "read_timeout": 10,
            "write_timeout": 10,
            "conv": _CONVERSIONS,
            # nothing to hide from on this machine, and a TLS context costs 30 ms a connection
            "ssl_disabled": address.host in _LOOPBACK,
        },
    )
    event.listen(engine, "connect", _prepare_mysql)
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", _ping_after_a_pause)
    return engine


def _prepare_mysql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 3, time_zone = '+00:00'")


def _note_return(_connection: Any, record: Any) -> None:
    record.info[_RETURNED_AT] = monotonic()


def _ping_after_a_pause(connection: Any, record: Any, _proxy: Any) -> None:
    """Make sure a connection that lay idle is still there; the pool replaces it if not."""
    if monotonic() - record.info.get(_RETURNED_AT, monotonic()) < _IDLE_SECONDS:
        return
    try:
        connection.ping(reconnect=False)
    except Exception as error:
        raise DisconnectionError from error


def _sqlite(address: DatabaseAddress) -> Engine:
    address.file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        address.url(),
        execution_options={"schema_translate_map": {PRICES: None, TRANSACTIONS: None}},
        hide_parameters=True,
        pool_size=address.pool_size,
        max_overflow=4 * address.pool_size,
        connect_args={"check_same_thread": False, "timeout": 15},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own implicit BEGIN is deferred and deadlocks
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")


def write_turn(engine: Engine) -> AbstractContextManager[Any]:
    """Return what a writing transaction holds: on SQLite this process's one lock, else nothing.

    SQLite lets one connection write; its own busy handler waits by sleeping, a lock does not.
    """
    if engine.dialect.name != "sqlite":
        return nullcontext()
    return _TURNS.setdefault(str(engine.url), RLock())


def create_databases(address: DatabaseAddress) -> None:
    """Create the two databases on a MySQL server where they are missing."""
    if address.is_embedded:
        return
    engine = create_engine(address.url(database=None), connect_args={"connect_timeout": 5})
    with engine.begin() as connection:
        for name in (PRICES, TRANSACTIONS):
            connection.execute(text(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4"))
    engine.dispose()


class Outdated(Exception):
    """What a transaction has read is no longer so: nothing of it may be kept."""


def is_transient(error: BaseException) -> bool:
    """Tell whether it may be tried again: deadlock, lock wait, lost connection, outdated view."""
    if isinstance(error, Outdated):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return code in _RETRYABLE or "database is locked" in str(code)
