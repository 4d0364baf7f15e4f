"""Tables whose rows are written once: the database itself refuses to change or delete them."""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.db.base import TRANSACTIONS

APPEND_ONLY = ("audit", "fills", "ledger_entries", "order_events", "portfolio_bookings")
_NOT_ALLOWED = frozenset({1142, 1227, 1419})


def refuse_changes(connection: Connection) -> bool:
    """Have the database refuse to change or delete rows of these tables.

    False where whoever migrates may not make triggers: grants must do it there. (With its binary
    log on, MySQL wants SUPER for it, or `log_bin_trust_function_creators`.)
    """
    is_embedded = connection.dialect.name == "sqlite"
    make = _embedded if is_embedded else _on_server
    try:
        for table in APPEND_ONLY:
            for change in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(make(table, change))
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] not in _NOT_ALLOWED:
            raise
        return False
    return True


def _embedded(table: str, change: str) -> str:
    return (
        f"CREATE TRIGGER {_name(table, change)} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _on_server(table: str, change: str) -> str:
    return (
        f"CREATE TRIGGER {TRANSACTIONS}.{_name(table, change)} "
        f"BEFORE {change} ON {TRANSACTIONS}.{table} FOR EACH ROW "
        f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{table} is append-only'"
    )


def _name(table: str, change: str) -> str:
    return f"{table}_no_{change.lower()}"
