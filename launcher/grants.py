"""A database user for each service, allowed its own tables and what all services share.

Whoever gets hold of one service's password can neither write another's tables nor change what is
append-only, whatever SQL it sends.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, Table, column, create_engine, literal_column, select, table, text

from executor.tables import live_consents
from launcher.assembly import NAMES
from launcher.console import out
from shared.bus.tables import deliveries, event_log, subscriptions
from shared.db.append_only import APPEND_ONLY
from shared.db.audit import audit, audit_heads
from shared.db.base import TRANSACTIONS
from shared.db.control import control
from shared.domain.errors import BadInput
from shared.http.idempotency import idempotency_keys
from shared.http.keys import api_keys
from shared.runtime.settings import PlatformSettings, load

OPERATOR = "operator"
TRAINING = "training"
USERS = (*NAMES, OPERATOR, TRAINING)
_LEAST_PASSWORD = 16

_READ = "SELECT"
_APPEND = "SELECT, INSERT"
_CHANGE = "SELECT, INSERT, UPDATE"
_OWN = "SELECT, INSERT, UPDATE, DELETE"

Rights = Mapping[str, str]  # privileges by `database.table`
Right = tuple[str, str]  # a privilege, and what it is on, as GRANT and REVOKE write them

_TABLE = "CONCAT('`', TABLE_SCHEMA, '`.`', TABLE_NAME, '`')"
_VIEWS = (  # of information_schema: where, the privilege, what it is on
    ("USER_PRIVILEGES", "PRIVILEGE_TYPE", "'*.*'"),
    ("SCHEMA_PRIVILEGES", "PRIVILEGE_TYPE", "CONCAT('`', TABLE_SCHEMA, '`.*')"),
    ("TABLE_PRIVILEGES", "PRIVILEGE_TYPE", _TABLE),
    ("COLUMN_PRIVILEGES", "CONCAT(PRIVILEGE_TYPE, ' (`', COLUMN_NAME, '`)')", _TABLE),
)


def _name(table: Table) -> str:
    return f"{table.schema}.{table.name}"


_REVISION = f"{TRANSACTIONS}.alembic_version"
_SHARED: Rights = {
    _REVISION: _READ,
    _name(event_log): "SELECT, INSERT, DELETE",
    _name(deliveries): _OWN,
    _name(subscriptions): _OWN,
    _name(idempotency_keys): _OWN,
    _name(api_keys): _CHANGE,
    _name(audit): _APPEND,
    _name(audit_heads): _CHANGE,
}
_CONTROL: Mapping[str, Rights] = {
    "risk": {_name(control): _CHANGE},
    "executor": {_name(control): _READ},
}


def rights_of(service: str) -> Rights:
    """Return what a service may do, by table: its own, the shared ones, the trading state."""
    tables = vars(import_module(f"{service}.tables")).values()
    own = [table for table in tables if isinstance(table, Table)]
    return {
        **_SHARED,
        **{_name(one): _APPEND if one.name in APPEND_ONLY else _OWN for one in own},
        **_CONTROL.get(service, {}),
    }


def training_rights() -> Rights:
    """Return what a training needs: to read the candles."""
    candles = vars(import_module("market_data.tables")).values()
    return {_REVISION: _READ, **{_name(one): _READ for one in candles if isinstance(one, Table)}}


def operator_rights() -> Rights:
    """Return what the commands of an operator need.

    To read all, to do what is audited, and to work the books out again.
    """
    known = {table for service in NAMES for table in rights_of(service)}
    deeds = (control, api_keys, event_log, deliveries, subscriptions, audit_heads, live_consents)
    return {
        **dict.fromkeys(sorted(known), _READ),
        **rights_of("portfolio"),
        **{_name(one): _OWN for one in deeds},
    }


def _wanted(rights: Rights) -> set[Right]:
    found: set[Right] = set()
    for on, privileges in rights.items():
        place = ".".join(f"`{part}`" for part in on.split("."))
        found |= {(one, place) for one in privileges.split(", ")}
    return found


def _held(connection: Connection, who: str) -> set[Right]:
    """Return what a user may do on the server, a database, a table or a column."""
    found: set[Right] = set()
    for view, privilege, place in _VIEWS:
        asked = (
            select(literal_column(privilege), literal_column(place), column("IS_GRANTABLE"))
            .select_from(table(view, schema="information_schema"))
            .where(column("GRANTEE") == who)
        )
        for held, on, grantable in connection.execute(asked):
            found.add((held, on))
            if grantable == "YES":
                found.add(("GRANT OPTION", on))
    return {(held, on) for held, on in found if held != "USAGE"}


def _rights(user: str) -> Rights:
    if user == OPERATOR:
        return operator_rights()
    return training_rights() if user == TRAINING else rights_of(user)


def make_users(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Make the users, or bring those that are there to these passwords and rights.

    What a user has and shall have is never taken away in between: services run meanwhile.
    """
    for user, password in passwords.items():
        who = f"'{user}'@'%'"
        for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER"):
            connection.execute(
                text(f"{verb} {who} IDENTIFIED BY :password"), {"password": password}
            )
        wanted, held = _wanted(_rights(user)), _held(connection, who)
        for privilege, place in sorted(wanted - held):
            connection.execute(text(f"GRANT {privilege} ON {place} TO {who}"))
        for privilege, place in sorted(held - wanted):
            connection.execute(text(f"REVOKE {privilege} ON {place} FROM {who}"))


def read_passwords(folder: Path) -> dict[str, str]:
    """Return the password of every user: a file each, named like the user.

    Raises:
        BadInput: one is missing, cannot be read, or is short enough to be guessed.
    """
    return {user: _password(folder / user) for user in USERS}


def _password(file: Path) -> str:
    try:
        password = file.read_text().strip()
    except OSError as error:
        raise BadInput(
            "--passwords", f"{file}: {error.strerror}", "give each user a file that holds its own"
        ) from error
    if len(password) < _LEAST_PASSWORD:
        raise BadInput(
            "--passwords",
            f"{file} holds fewer than {_LEAST_PASSWORD} characters",
            "make one with 'openssl rand -hex 32'",
        )
    return password


def users(
    passwords: Annotated[
        Path,
        typer.Option("--passwords", help="Folder with a file for each user, holding its password."),
    ],
) -> None:
    """Make a database user for each service, with grants on its own tables; safe to run again."""
    address = load(PlatformSettings).database()
    if address.is_embedded:
        raise BadInput(
            "DB_HOST", "an SQLite file has no users", "set it to a MySQL or MariaDB server"
        )
    known = read_passwords(passwords)
    engine = create_engine(address.url(), hide_parameters=True)
    try:
        with engine.begin() as connection:
            make_users(connection, known)
    finally:
        engine.dispose()
    out.print(f"Users: {', '.join(known)}.")
