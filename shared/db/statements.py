"""Statements of the hot path: compiled once, then sent straight to the driver.

SQLAlchemy spells each statement for the database at hand and converts the values; what it does
besides on every execution costs more time than either database needs for the statement itself.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Update,
    bindparam,
)
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
Values = Mapping[str, Any]


def as_row(record: Any) -> dict[str, Any]:
    """Return a flat record's fields by name; the values are the record's own, not copies."""
    return {name: getattr(record, name) for name in record.__slots__}


def given(column: Column[Any]) -> ColumnElement[bool]:
    """`column = :column`: the value comes with each execution, under the column's own name."""
    return column == bindparam(column.name, type_=column.type)


def among(column: Column[Any], values: str) -> ColumnElement[bool]:
    """`column IN (:values)`: a list comes with each execution."""
    return column.in_(bindparam(values, type_=column.type, expanding=True))


class _Slot(NamedTuple):
    """What one place in the text takes: a value named at each execution, or a constant."""

    name: str | None
    constant: Any
    convert: Callable[[Any], Any] | None

    def filled(self, values: Values) -> Any:
        if self.name is None:
            return self.constant
        value = values[self.name]
        return value if self.convert is None else self.convert(value)


class _Compiled(NamedTuple):
    text: str
    slots: Sequence[_Slot]
    read: Callable[[Sequence[Any]], Any]

    def parameters(self, values: Values) -> tuple[Any, ...]:
        try:
            return tuple([slot.filled(values) for slot in self.slots])
        except ValueError as error:  # a value that a column type of ours refuses
            raise StatementError(str(error), self.text, None, error) from error


class Prepared:
    """One statement; its methods take values by the names of its bound parameters.

    Raises (all methods): DBAPIError and StatementError as SQLAlchemy does; KeyError where a value
    is missing.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._compiled: dict[tuple[Any, ...], _Compiled] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Return the rows found as named tuples; none where a list of values is empty."""
        lists = {name: value for name, value in values.items() if isinstance(value, list)}
        if not all(lists.values()):
            return []
        lengths = [len(one) for one in lists.values()]
        compiled = self._for(connection, (*lists, *lengths), values)
        with closing(connection.connection.cursor()) as cursor:
            parameters = compiled.parameters(values | _spread(lists) if lists else values)
            _send(connection, cursor.execute, compiled.text, parameters)
            return [compiled.read(row) for row in cursor.fetchall()]

    def first(self, connection: Connection, **values: Any) -> Any:
        """Return the first row, or None."""
        return next(iter(self.rows(connection, **values)), None)

    def column(self, connection: Connection, **values: Any) -> list[Any]:
        """Return the first value of every row."""
        return [row[0] for row in self.rows(connection, **values)]

    def value(self, connection: Connection, **values: Any) -> Any:
        """Return the first value of the first row, or None."""
        return next(iter(self.column(connection, **values)), None)

    def run(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Execute once with each of the rows, which name the same values; return rows touched."""
        if not rows:
            return 0
        compiled = self._for(connection, tuple(rows[0]), rows[0])
        parameters = [compiled.parameters(row) for row in rows]
        with closing(connection.connection.cursor()) as cursor:
            if len(rows) == 1:
                _send(connection, cursor.execute, compiled.text, parameters[0])
            else:
                _send(connection, cursor.executemany, compiled.text, parameters)
            return int(cursor.rowcount)

    def _for(self, connection: Connection, shape: tuple[Any, ...], values: Values) -> _Compiled:
        key = (connection.dialect.name, *shape)
        if key not in self._compiled:
            schemas = connection.get_execution_options().get("schema_translate_map")
            self._compiled[key] = _compile(self._statement, connection.dialect, schemas, values)
        return self._compiled[key]


def _spread(lists: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Name each element of a list as SQLAlchemy does in `IN (:values_1, :values_2)`."""
    return {
        f"{name}_{place}": value
        for name, values in lists.items()
        for place, value in enumerate(values, 1)
    }


def _compile(statement: Statement, dialect: Dialect, schemas: Any, values: Values) -> _Compiled:
    compiled = statement.compile(
        dialect=dialect,
        column_keys=list(values),
        for_executemany=True,
        schema_translate_map=schemas,
        render_schema_translate=schemas is not None,
    )
    assert isinstance(compiled, SQLCompiler)
    expanded = compiled.construct_expanded_state(dict(values))
    named = values.keys() | _spread({k: v for k, v in values.items() if isinstance(v, list)}).keys()

    def slot(name: str) -> _Slot:
        bound = compiled.binds.get(name)
        convert = (
            expanded.processors.get(name)  # one of a list
            if bound is None
            else bound.type.dialect_impl(dialect).bind_processor(dialect)
        )
        if name in named:
            return _Slot(name, None, convert)
        constant = expanded.parameters[name]
        return _Slot(None, constant if convert is None else convert(constant), None)

    slots = tuple(slot(name) for name in expanded.positiontup or ())
    return _Compiled(expanded.statement, slots, _reader(statement, dialect))


def _reader(statement: Statement, dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    """Return what makes a named tuple of Python values of a row of the driver's."""
    if not isinstance(statement, Select | CompoundSelect):
        return tuple
    columns = list(statement.selected_columns)
    names = [column.key or "" for column in columns]
    row_type = namedtuple("Row", names)  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]
    converters = [
        (place, convert)
        for place, column in enumerate(columns)
        if (convert := _result_converter(column.type, dialect)) is not None
    ]

    def read(row: Sequence[Any]) -> Any:
        values = list(row)
        for place, convert in converters:
            values[place] = convert(values[place])
        return row_type._make(values)

    return read


def _result_converter(type_: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return type_.dialect_impl(dialect).result_processor(dialect, None)


def _send(
    connection: Connection, execute: Callable[[str, Any], Any], text: str, parameters: Any
) -> None:
    driver: Any = connection.dialect.dbapi
    try:
        execute(text, parameters)
    except driver.Error as error:
        is_lost = connection.dialect.is_disconnect(error, connection.connection, None)
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            text,
            parameters,
            error,
            driver.Error,
            hide_parameters=True,  # what was to be written stays out of the log
            connection_invalidated=is_lost,
            dialect=connection.dialect,
        ) from error
