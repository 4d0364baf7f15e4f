"""What the command line shows: tables for people, JSON for programs, exit codes for both."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from launcher.trouble import of_database, of_file
from shared.domain.errors import BadInput, Refused, TradingError, Unavailable
from shared.runtime.settings import ConfigurationError

FAILED, USAGE, REFUSED, NOT_REACHABLE, CONFIGURATION = 1, 2, 3, 4, 78

_ANY_WIDTH = 10_000

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
P = ParamSpec("P")

_EXIT_CODES: tuple[tuple[type[TradingError], int], ...] = (
    (ConfigurationError, CONFIGURATION),
    (BadInput, USAGE),
    (Unavailable, NOT_REACHABLE),
    (Refused, REFUSED),
)


def exit_code(error: TradingError) -> int:
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), FAILED)


def reporting(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what can be expected to fail into one clear line and the right exit code."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except TradingError as error:
            _give_up(error)
        except SQLAlchemyError as error:
            _give_up(of_database(error))
        except OSError as error:
            if error.filename is None:
                raise
            _give_up(of_file(error))

    return guarded


def _give_up(error: TradingError) -> NoReturn:
    err.print(f"[bold red]{error.reason}[/]: ", end="")
    err.print(error.detail.removeprefix(f"{error.reason}: "), markup=False, soft_wrap=True)
    sys.exit(exit_code(error))


def print_json(document: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def print_table(
    title: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str
) -> None:
    """Print the named columns of the rows, or the sentence `empty`.

    What is too wide for the terminal is printed row by row, so that no value is cut off.
    """
    listed = list(rows)
    if not listed:
        out.print(empty)
        return
    table = _as_columns(title, listed, columns)
    if out.measure(table, options=out.options.update(max_width=_ANY_WIDTH)).maximum > out.width:
        table = _as_list(title, listed, columns)
    out.print(table)


def _as_columns(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return table


def _as_list(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        for column in columns:
            is_last = column == columns[-1]
            table.add_row(column.replace("_", " "), _cell(row.get(column)), end_section=is_last)
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
