"""Statements built once, at import: building one costs several times what running it does."""

from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam


def given(column: Column[Any]) -> ColumnElement[bool]:
    """`column = :column`: the value comes with each execution, under the column's own name."""
    return column == bindparam(column.name, type_=column.type)


def among(column: Column[Any], values: str) -> ColumnElement[bool]:
    """`column IN (:values)`: the list comes with each execution."""
    return column.in_(bindparam(values, type_=column.type, expanding=True))
