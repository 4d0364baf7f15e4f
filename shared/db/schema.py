"""Whether the database is the one this release was written for."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared.db.base import SCHEMA_REVISION, TRANSACTIONS
from shared.db.engine import DatabaseAddress

_REVISION = text("SELECT version_num FROM alembic_version")
_NO_SUCH_TABLE = frozenset({1049, 1146})
_REFUSED = frozenset({1044, 1045, 1142})


def schema_revision(connection: Connection) -> str | None:
    """Return the revision of the schema, None where there is no schema yet."""
    try:
        return connection.execute(_REVISION).scalar()
    except DBAPIError as error:
        if _is_missing(error):
            return None
        raise


def _is_missing(error: DBAPIError) -> bool:
    code, said = _said(error)
    return code in _NO_SUCH_TABLE or said.startswith("no such table")


def mismatch(found: str | None) -> str | None:
    """Return what is wrong with a schema of revision `found`, None if it is this release's."""
    if found == SCHEMA_REVISION:
        return None
    if found is None:
        return "there is no schema yet; run 'trading db migrate' of this release"
    if found < SCHEMA_REVISION:
        return (
            f"the schema is at {found}, this release needs {SCHEMA_REVISION}; run "
            "'trading db migrate' of this release"
        )
    return (
        f"the schema is at {found}, this release knows it up to {SCHEMA_REVISION}; run the release "
        "that migrated it, or restore the backup made before"
    )


def unusable(address: DatabaseAddress, error: SQLAlchemyError) -> str:
    """Return why a server cannot be used, in words that say what to look at."""
    code, said = _said(error)
    if code in _REFUSED:
        return f"{said}; check DB_USER and DB_PASSWORD, and the grants of that user"
    if code in _NO_SUCH_TABLE:
        return f"the database {TRANSACTIONS} has no schema yet; run 'trading db migrate'"
    return f"no use of {address.host}:{address.port}: {said}; check DB_HOST and DB_PORT"


def _said(error: SQLAlchemyError) -> tuple[object, str]:
    words = error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()
    return (words[0], str(words[-1])) if words else (None, str(error).splitlines()[0])
