"""An empty schema for a test: the very tables the services declare."""

from importlib import import_module

from sqlalchemy import text

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


def empty_database(address: DatabaseAddress) -> None:
    declare_all_tables()
    create_databases(address)
    engine = connect(address)
    with engine.begin() as connection:
        if not address.is_embedded:
            connection.execute(text("SET SESSION lock_wait_timeout = 10"))
        metadata.drop_all(connection)
        metadata.create_all(connection)
    engine.dispose()
