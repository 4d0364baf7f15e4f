"""A migrated database refuses to change or delete what was written once."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from launcher.database import migrate
from shared.db.append_only import APPEND_ONLY, refuse_changes
from shared.db.audit import Deed, append, audit
from shared.db.base import PRICES, TRANSACTIONS, metadata
from shared.db.engine import connect, create_databases
from tests.builders import CLOSED_AT
from tests.database import declare_all_tables


def drop_databases(address):
    """Leave nothing of ours on the server: the next test makes its tables anew."""
    engine = connect(address)
    with engine.begin() as connection:
        for name in (PRICES, TRANSACTIONS):
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
    engine.dispose()


@pytest.fixture
def migrated(database_address):
    address = database_address
    if not address.is_embedded:
        create_databases(address)
        drop_databases(address)
    migrate(address)
    engine = connect(address)
    yield engine
    engine.dispose()
    if not address.is_embedded:
        drop_databases(address)


def test_what_was_audited_can_be_neither_changed_nor_deleted(migrated):
    deed = Deed(actor="ada", action="limits.changed", subject="main", detail={}, at=CLOSED_AT)
    with migrated.begin() as connection:
        append(connection, "risk", [deed])
        append(connection, "risk", [deed])
    for statement in (audit.update().values(actor="x"), audit.delete()):
        with (
            pytest.raises(DBAPIError, match="audit is append-only"),
            migrated.begin() as connection,
        ):
            connection.execute(statement)
    with migrated.connect() as connection:
        assert len(connection.execute(select(audit)).all()) == 2


def test_every_table_of_this_kind_is_guarded_and_exists(migrated):
    declare_all_tables()
    known = {table.name for table in metadata.tables.values()}
    assert set(APPEND_ONLY) <= known
    if migrated.dialect.name == "sqlite":
        listed = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        listed = "SELECT trigger_name FROM information_schema.triggers"
    with migrated.connect() as connection:
        found = set(connection.execute(text(listed)).scalars())
    assert {
        f"{table}_no_{change}" for table in APPEND_ONLY for change in ("update", "delete")
    } <= found


def test_who_may_not_make_triggers_can_migrate_all_the_same(migrated, mariadb_server):
    if migrated.dialect.name == "sqlite":
        pytest.skip("a file has no users")
    with migrated.begin() as connection:
        connection.execute(text("CREATE USER IF NOT EXISTS 'plain'@'%' IDENTIFIED BY 'plain'"))
        for name in (PRICES, TRANSACTIONS):
            connection.execute(text(f"GRANT SELECT, CREATE, INSERT ON {name}.* TO 'plain'@'%'"))
    engine = connect(replace(mariadb_server.address, user="plain", password="plain"))
    try:
        with engine.begin() as connection:
            assert refuse_changes(connection) is False
            connection.execute(insert(audit), [_row()])
    finally:
        engine.dispose()


def _row():
    return {"chain": "risk", "seq": 1, "actor": "a", "action": "b", "subject": "c", "detail": {},
            "at": CLOSED_AT, "hash": "0" * 64}  # fmt: skip
