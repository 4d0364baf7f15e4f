"""What the database and the files of this machine did, in words a person can act on."""

from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared.bus.consumer import in_one_line
from shared.domain.errors import BadInput, Unavailable

_NOT_MIGRATED_CODES = frozenset({1049, 1054, 1146})
_NOT_MIGRATED_WORDS = ("no such table", "no such column")


def of_database(error: SQLAlchemyError) -> Unavailable:
    said = _said(error)
    if said and (said[0] in _NOT_MIGRATED_CODES or str(said[0]).startswith(_NOT_MIGRATED_WORDS)):
        return Unavailable("the database lacks tables; run 'trading db migrate'")
    why = str(said[-1]) if said else in_one_line(error)
    return Unavailable(
        f"the database cannot be used: {why}; check DB_HOST, DB_PORT and DB_USER, "
        "or TRADING_STATE_DIR where DB_HOST is not set"
    )


def of_file(error: OSError) -> BadInput:
    return BadInput(
        str(error.filename), error.strerror or str(error), "name a path that can be used"
    )


def _said(error: SQLAlchemyError) -> tuple[Any, ...]:
    return error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()
