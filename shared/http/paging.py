"""Pages with an opaque cursor, and the query types all lists share."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from shared.domain.errors import BadInput

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """`next_cursor` is null on the last page; pass it back as `cursor` for the following one."""

    model_config = ConfigDict(extra="forbid")

    items: list[Item]
    next_cursor: str | None = None


def _no_number(value: Any) -> Any:
    """Pydantic would read `-1` as a second of 1969."""
    if not isinstance(value, datetime) and "-" not in str(value)[1:]:
        raise ValueError("write an instant as 2024-01-31T00:00:00Z")
    return value


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("give the time zone, for example 2024-01-31T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("write an instant of the years 1 to 9999, UTC") from error


Limit = Annotated[int, Query(ge=1, le=1000, description="How many items a page may have")]
Cursor = Annotated[str | None, Query(max_length=512, description="next_cursor of the last page")]
InstantText = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_aware)]


def encode_cursor(values: Sequence[Any]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(list(values))).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> list[Any]:
    """Return the values a cursor was made from.

    Raises:
        BadInput: this is not a cursor of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = msgspec.json.decode(urlsafe_b64decode(padded.encode()))
    except (ValueError, msgspec.MsgspecError) as error:
        raise _not_ours() from error
    if not isinstance(values, list) or len(values) != length:
        raise _not_ours()
    return values


def decode_instant(cursor: str) -> datetime:
    """Return the instant that a cursor of one value was made from.

    Raises:
        BadInput: this is not a cursor of ours.
    """
    (at,) = decode_cursor(cursor, 1)
    return _instant(at)


def decode_place(cursor: str) -> tuple[datetime, str]:
    """Return the instant and the id that a cursor of two values was made from.

    Raises:
        BadInput: this is not a cursor of ours.
    """
    at, identity = decode_cursor(cursor, 2)
    if not isinstance(identity, str):
        raise _not_ours()
    return _instant(at), identity


def _instant(value: object) -> datetime:
    try:
        return _aware(datetime.fromisoformat(str(value)))
    except ValueError as error:
        raise _not_ours() from error


def _not_ours() -> BadInput:
    return BadInput("cursor", "this is not a cursor of this list", "pass next_cursor unchanged")
