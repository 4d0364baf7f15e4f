"""The history of migrations leads to the very tables that the services declare."""

from pathlib import Path

from sqlalchemy import text

from launcher.database import migrate
from shared.db.engine import DatabaseAddress, connect
from tests.database import empty_database


def _tables(address: DatabaseAddress) -> dict[str, str]:
    engine = connect(address)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger'")
        ).all()
    engine.dispose()
    return {row.name: row.sql for row in rows if row.name != "alembic_version"}


def test_the_migrations_end_at_the_tables_that_the_services_declare(tmp_path: Path):
    migrated = DatabaseAddress(file=tmp_path / "migrated.sqlite")
    declared = DatabaseAddress(file=tmp_path / "declared.sqlite")
    migrate(migrated)
    empty_database(declared)
    assert _tables(migrated) == _tables(declared)
