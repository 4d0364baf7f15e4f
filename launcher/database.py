"""Brings the schema up to date; safe to run again, and by several at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import migrations
from shared.db.base import TRANSACTIONS
from shared.db.engine import DatabaseAddress, connect, create_databases
from shared.domain.errors import Unavailable

_LOCK_SECONDS = 60


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = engine
    return config


def latest_revision(engine: Engine) -> str | None:
    return ScriptDirectory.from_config(_config(engine)).get_current_head()


def migrate(address: DatabaseAddress) -> str | None:
    """Create what is missing and return the revision reached.

    Raises:
        Unavailable: another migration holds the lock for more than a minute.
    """
    create_databases(address)
    engine = connect(address)
    try:
        if address.is_embedded:
            command.upgrade(_config(engine), "head")
        else:
            _migrate_server(engine)
        return latest_revision(engine)
    finally:
        engine.dispose()


def _migrate_server(engine: Engine) -> None:
    with engine.connect() as guard:
        lock = text("SELECT GET_LOCK(:name, :seconds)")
        name = f"{TRANSACTIONS}.migrate"
        if not guard.execute(lock, {"name": name, "seconds": _LOCK_SECONDS}).scalar():
            raise Unavailable("another migration is running; try again when it is done")
        try:
            command.upgrade(_config(engine), "head")
        finally:
            guard.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})
