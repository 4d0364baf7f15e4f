"""Column types with one meaning on every database.

SQLite's Numeric is a float and its DateTime has no zone; MySQL rounds decimals and drops zones in
silence, and its default collation takes `ABC` for `abc `. None of that passes these types.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import CHAR, DateTime, Dialect, LargeBinary, Numeric, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.domain.values import exact, plain, to_text


class Money(TypeDecorator[Decimal]):
    """DECIMAL(38,18) on MySQL, text on SQLite; always an exact Decimal in Python."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(64))
        return dialect.type_descriptor(Numeric(38, 18))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        amount = exact(value)
        return to_text(amount) if dialect.name == "sqlite" else amount

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., Decimal | None]:
        """Return what reads a value; the text on SQLite was written in its plain form already."""
        del coltype
        return _decimal_of_text if dialect.name == "sqlite" else _decimal_of_column


def _decimal_of_text(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _decimal_of_column(value: Decimal | None) -> Decimal | None:
    return None if value is None else plain(value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds; a naive one is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone: instants are aware UTC")
        return value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., datetime | None]:
        """Return what reads a value: from text on SQLite, from a naive instant elsewhere."""
        del coltype
        return _instant_of_text if dialect.name == "sqlite" else _instant_of_column


def _instant_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def _instant_of_column(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


class Word(TypeDecorator[str]):
    """A short exact ASCII word: symbols, states, topics; `ABC` and `abc ` differ."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(
                mysql.VARCHAR(self.length, charset="ascii", collation="ascii_bin")
            )
        return dialect.type_descriptor(String(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        if value is None:
            return None
        if value != value.strip() or not value.isascii():
            raise ValueError(f"'{value}' is no word: plain ASCII without space around it")
        return str(value)


class Id(TypeDecorator[str]):
    """A derived id of 36 characters."""

    impl = CHAR
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.CHAR(36, charset="ascii", collation="ascii_bin"))
        return dialect.type_descriptor(CHAR(36))


class Document(TypeDecorator[Any]):
    """Any value msgspec can encode, as JSON text; comes back as plain Python values."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.MEDIUMTEXT(charset="utf8mb4"))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else msgspec.json.decode(value)


class Blob(TypeDecorator[bytes]):
    """Bytes, up to 16 MiB."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.MEDIUMBLOB())
        return dialect.type_descriptor(LargeBinary())
