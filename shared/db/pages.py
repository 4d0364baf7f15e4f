"""Lists in pages: rows by instant, then by id, from where the last page ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

Place = tuple[datetime, str]
"""Instant and id of the last row that was shown."""


def newest_first(
    statement: Select[Any],
    at: ColumnElement[Any],
    identity: ColumnElement[Any],
    before: Place | None,
) -> Select[Any]:
    """Return the statement ordered by instant and id, descending, from before a place on."""
    if before is not None:
        instant, shown = before
        statement = statement.where(or_(at < instant, and_(at == instant, identity < shown)))
    return statement.order_by(at.desc(), identity.desc())


def oldest_first(
    statement: Select[Any],
    at: ColumnElement[Any],
    identity: ColumnElement[Any],
    after: Place | None,
) -> Select[Any]:
    """Return the statement ordered by instant and id, ascending, from after a place on."""
    if after is not None:
        instant, shown = after
        statement = statement.where(or_(at > instant, and_(at == instant, identity > shown)))
    return statement.order_by(at, identity)
