"""Everything that belongs to one decision, found from any of its ids."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, or_, select

from executor.tables import fills, orders
from launcher.thread import Thread, look_up
from portfolio.tables import round_trips
from recommender.tables import rebalance_steps, trade_recommendations
from risk.tables import risk_decisions
from shared.db.audit import audit
from shared.db.audit_reading import deeds_about
from shared.domain.enums import Side
from shared.domain.ids import AccountId, Symbol
from signals.tables import signals

_ROUNDS = 4
"""How far orders lead to orders: an exit to its entry, that to its other exits."""


def find_thread(
    connection: Connection, account: AccountId, symbols: Sequence[Symbol], identifier: str
) -> Thread:
    """Return what belongs to an id; a thread without anything where nobody knows it."""
    thread = Thread(account=account)
    deeds = _deeds_named(connection, identifier)
    for one in {identifier, *(row.subject for row in deeds)}:
        look_up(connection, thread, symbols, one)
    _follow(connection, thread)
    subjects = thread.subjects | {identifier}
    found = {(row.chain, row.seq): row for row in (*deeds, *deeds_about(connection, [*subjects]))}
    thread.deeds = sorted(found.values(), key=lambda row: (row.at, row.chain, row.seq))
    return thread


def _deeds_named(connection: Connection, identifier: str) -> Sequence[Row[Any]]:
    """Return the row of the audit that `chain:seq` names."""
    chain, _, seq = identifier.rpartition(":")
    if not chain or not (seq.isascii() and seq.isdecimal()):
        return ()
    statement = select(audit).where(audit.c.chain == chain, audit.c.seq == int(seq))
    return connection.execute(statement).all()


def _follow(connection: Connection, thread: Thread) -> None:
    """Add what the ids found lead to: verdicts, orders, fills, round trips."""
    for _ in range(_ROUNDS):
        known = len(thread.orders)
        for row in _orders_of(connection, thread):
            thread.adopt(row)
        if len(thread.orders) == known:
            break
    wanted = sorted(thread.recommendations)
    thread.issued = _of(connection, trade_recommendations, wanted)
    thread.said |= _signals(connection, thread)
    thread.decisions = _of(connection, risk_decisions, wanted)
    by_order = fills.c.client_order_id.in_(sorted(thread.orders))
    statement = select(fills).where(by_order).order_by(fills.c.filled_at, fills.c.trade_id)
    thread.fills = connection.execute(statement).all()
    thread.rebalances |= {row.rebalance_id for row in _of(connection, rebalance_steps, wanted)}
    thread.symbol = thread.symbol or _symbol(thread)
    for fill in thread.fills:
        thread.trips |= _trips(connection, fill)


def _signals(connection: Connection, thread: Thread) -> dict[str, Row[Any]]:
    wanted = sorted({row.signal_id for row in thread.issued if row.signal_id is not None})
    statement = select(signals).where(signals.c.signal_id.in_(wanted))
    return {row.signal_id: row for row in connection.execute(statement)}


def _of(connection: Connection, table: Table, wanted: Sequence[str]) -> Sequence[Row[Any]]:
    return connection.execute(select(table).where(table.c.recommendation_id.in_(wanted))).all()


def _orders_of(connection: Connection, thread: Thread) -> list[Row[Any]]:
    """Return the orders of the same recommendations, their parents, and the exits of either.

    One question for each, because each has an index of its own.
    """
    parents = {row.parent for row in thread.orders.values() if row.parent is not None}
    asked: Sequence[tuple[ColumnElement[str], set[str]]] = (
        (orders.c.recommendation_id, thread.recommendations),
        (orders.c.client_order_id, parents),
        (orders.c.parent, parents | set(thread.orders)),
    )
    found: list[Row[Any]] = []
    for column, wanted in asked:
        statement = select(orders).where(column.in_(sorted(wanted)))
        found += connection.execute(statement.where(orders.c.account == thread.account)).all()
    return found


def _symbol(thread: Thread) -> Symbol | None:
    """Return the one instrument a decision is about, None where it is about several."""
    rows: Iterable[Any] = (*thread.orders.values(), *thread.decisions, *thread.issued)
    found = {row.symbol for row in rows}
    return Symbol(found.pop()) if len(found) == 1 else None


def _trips(connection: Connection, fill: Row[Any]) -> dict[str, Row[Any]]:
    """Return the round trip in which a fill took part: one ends before the next begins."""
    table, at = round_trips.c, fill.filled_at
    is_moment = (table.opened_at == at) & (table.closed_at == at)
    if fill.side == Side.BUY:
        had_part = (table.opened_at <= at) & or_(table.closed_at.is_(None), table.closed_at > at)
    else:
        had_part = (table.opened_at < at) & or_(table.closed_at.is_(None), table.closed_at >= at)
    of_symbol = (table.account == fill.account) & (table.symbol == fill.symbol)
    statement = select(round_trips).where(of_symbol, or_(had_part, is_moment))
    return {row.trip_id: row for row in connection.execute(statement)}
