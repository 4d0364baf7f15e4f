"""Reading what a venue answers: JSON without a float in it, and fields that are what they must be.

Whatever cannot be read raises `Unreadable` with the path of the field, and nothing else: a missing
field, a wrong type, a number beyond every sense, a name given twice, a broken or endless text.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn, cast

from shared.domain.clock import EPOCH

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,30}", re.ASCII)
_HIGHEST_DIGIT = 19  # 20 digits before the point, as in the tables
_LOWEST_DIGIT = -60
_FIRST_YEAR = datetime(2009, 1, 1, tzinfo=UTC)
_LAST_YEAR = datetime(2100, 1, 1, tzinfo=UTC)
_SHOWN = 60


class Unreadable(ValueError):
    """An answer, or a field of it, is not what the venue documents."""


@dataclass(frozen=True, slots=True)
class Document:
    """A value from a venue and where it stood; every method raises `Unreadable`."""

    value: object
    path: str = "answer"

    def __getitem__(self, name: str) -> "Document":
        """Return a field that must be there (it may be null)."""
        fields = self._fields()
        if name not in fields:
            raise Unreadable(f"{self.path}.{name} is missing")
        return Document(fields[name], f"{self.path}.{name}")

    def maybe(self, name: str) -> "Document | None":
        """Return a field, or None where it is missing or null."""
        value = self._fields().get(name)
        return None if value is None else Document(value, f"{self.path}.{name}")

    def items(self) -> "Iterator[Document]":
        if not isinstance(self.value, list):
            self.refuse("a list")
        values = cast("list[object]", self.value)
        for index, value in enumerate(values):
            yield Document(value, f"{self.path}[{index}]")

    def text(self, longest: int = 200) -> str:
        """Return a text that is neither empty nor unprintable."""
        if not isinstance(self.value, str) or not 0 < len(self.value) <= longest:
            self.refuse("a text")
        if not self.value.isprintable():
            self.refuse("a printable text")
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            self.refuse("true or false")
        return self.value

    def integer(self) -> int:
        """Return an integer, written as a number or as a text."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | str):
            self.refuse("an integer")
        if isinstance(self.value, str) and not _INTEGER.fullmatch(self.value):
            self.refuse("an integer")
        return int(self.value)

    def decimal(self) -> Decimal:
        """Return a finite number that a table can hold before its point."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | str):
            self.refuse("a number")
        text = str(self.value)
        if not _NUMBER.fullmatch(text):
            self.refuse("a number")
        number = Decimal(text)
        if number and not _LOWEST_DIGIT <= number.adjusted() <= _HIGHEST_DIGIT:
            self.refuse("a number of a sensible size")
        return number

    def amount(self) -> Decimal:
        """Return a number that is not negative."""
        number = self.decimal()
        if number < 0:
            self.refuse("a number that is not negative")
        return number

    def positive(self) -> Decimal:
        number = self.decimal()
        if number <= 0:
            self.refuse("a number above zero")
        return number

    def instant(self, unit: timedelta = timedelta(milliseconds=1)) -> datetime:
        """Return an instant told in whole units since 1970."""
        count = self.integer()
        if not 0 <= count * unit.total_seconds() < _LAST_YEAR.timestamp():
            self.refuse("an instant")
        return self._sensible(EPOCH + count * unit)

    def iso_instant(self) -> datetime:
        """Return an instant written as ISO 8601 with its offset from UTC."""
        try:
            instant = datetime.fromisoformat(self.text(40))
        except ValueError as error:
            raise Unreadable(f"{self.path} is no instant") from error
        if instant.utcoffset() is None:
            self.refuse("an instant with its offset from UTC")
        try:
            return self._sensible(instant.astimezone(UTC))
        except OverflowError as error:
            raise Unreadable(f"{self.path} is no instant") from error

    def refuse(self, wanted: str) -> NoReturn:
        raise Unreadable(f"{self.path} is not {wanted}: {_shown(self.value)}")

    def _sensible(self, instant: datetime) -> datetime:
        if not _FIRST_YEAR <= instant < _LAST_YEAR:
            self.refuse("an instant of a sensible year")
        return instant

    def _fields(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            self.refuse("an object")
        return cast("dict[str, object]", self.value)


def read(body: bytes | str) -> Document:
    """Return the JSON document of an answer; numbers with a point are texts, never floats."""
    try:
        value: object = json.loads(
            body,
            parse_float=str,
            parse_int=_integer,
            parse_constant=_no_constant,
            object_pairs_hook=_fields_once,
        )
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the answer is no JSON: {type(error).__name__}") from error
    return Document(value)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return ascii(value[:_SHOWN])
    return str(value) if isinstance(value, int) else type(value).__name__


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Unreadable("the answer holds an endless number")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"the answer holds {name}")


def _fields_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("the answer names a field twice")
    return fields
