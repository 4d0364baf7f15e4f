"""An empty schema for a test: the very tables the services declare."""

from importlib import import_module

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.db.base import metadata
from shared.db.engine import DatabaseAddress, connect, create_databases

PLUMBING = ("shared.bus.tables", "shared.db.audit", "shared.db.control", "shared.http.keys")
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
    made = (address.port, tuple(sorted(metadata.tables)))
    engine = connect(address)
    try:
        if address.is_embedded or made not in _MADE or not _emptied(engine):
            _make(address, engine)
            _MADE[made] = True
    finally:
        engine.dispose()


def _make(address: DatabaseAddress, engine: Engine) -> None:
    create_databases(address)
    with engine.begin() as connection:
        if not address.is_embedded:
            connection.execute(text("SET SESSION lock_wait_timeout = 10"))
        metadata.drop_all(connection)
        metadata.create_all(connection)


def _emptied(engine: Engine) -> bool:
    """Empty the tables that are there; making forty of them anew takes a second."""
    try:
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    except DBAPIError:  # a test has changed the schema, or killed the server
        return False
    return True
