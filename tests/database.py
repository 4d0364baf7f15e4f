"""An empty schema for a test: the very tables the services declare."""

import tempfile
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from shared.db.base import SCHEMA_REVISION, TRANSACTIONS, metadata
from shared.db.engine import DatabaseAddress, connect, create_databases

PLUMBING = (
    "shared.bus.tables",
    "shared.db.audit",
    "shared.db.control",
    "shared.http.idempotency",
    "shared.http.keys",
)
SERVICES = (
    "market_data",
    "signal_generator",
    "signals",
    "recommender",
    "risk",
    "executor",
    "portfolio",
)


def declare_all_tables() -> None:
    for module in (*PLUMBING, *(f"{service}.tables" for service in SERVICES)):
        import_module(module)


_MADE: dict[tuple[int, tuple[str, ...]], bool] = {}


def empty_database(address: DatabaseAddress) -> None:
    """Leave every declared table there and empty; made anew only where they are not there yet."""
    declare_all_tables()
    names = tuple(sorted(metadata.tables))
    if address.is_embedded:
        _copy_template(names, address.file)
        return
    made = (address.port, names)
    engine = connect(address)
    try:
        if made not in _MADE or not _emptied(engine):
            _make(address, engine)
            _MADE[made] = True
    finally:
        engine.dispose()


@lru_cache(maxsize=4)
def _template(_tables: tuple[str, ...]) -> bytes:
    """Return an empty database file; making each table anew takes a hundred times as long."""
    with tempfile.TemporaryDirectory() as folder:
        address = DatabaseAddress(file=Path(folder) / "trading.sqlite")
        engine = connect(address)
        _make(address, engine)
        engine.dispose()
        return address.file.read_bytes()


def _copy_template(tables: tuple[str, ...], file: Path) -> None:
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_template(tables))


def _make(address: DatabaseAddress, engine: Engine) -> None:
    create_databases(address)
    with engine.begin() as connection:
        if not address.is_embedded:
            connection.execute(text("SET SESSION lock_wait_timeout = 10"))
        metadata.drop_all(connection)
        metadata.create_all(connection)
        if not address.is_embedded:
            _stamp(connection)


def _stamp(connection: Connection) -> None:
    """Say that the schema is this release's: services wait for that at a server."""
    name = f"{TRANSACTIONS}.alembic_version"
    connection.execute(text(f"CREATE OR REPLACE TABLE {name} (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(text(f"INSERT INTO {name} VALUES ('{SCHEMA_REVISION}')"))


def _emptied(engine: Engine) -> bool:
    """Empty the tables that are there; making forty of them anew takes a second."""
    try:
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    except DBAPIError:  # a test has changed the schema, or killed the server
        return False
    return True
