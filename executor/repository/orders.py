"""Orders between their rows and their states."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from executor.core.book import InstrumentBook
from executor.core.holdings import Holding
from executor.core.order import OrderFacts, OrderState, merge
from executor.core.steps import Step
from executor.repository.rows import changing, event_row, fill_row, holding_of, order_of, order_row
from executor.tables import fills, order_events, orders
from shared.bus.codec import from_builtins
from shared.db.dialect import for_update
from shared.db.statements import Prepared, among, given
from shared.domain.enums import OrderStatus
from shared.domain.ids import AccountId, DecisionId, Symbol
from shared.domain.values import ZERO

_KEYS_PER_QUERY = 500


def _of_account(condition: ColumnElement[bool]) -> Prepared:
    """Lock the account's orders that meet a condition, in the order they were decided."""
    found = select(orders).where(given(orders.c.account), condition)
    return Prepared(for_update(found.order_by(orders.c.decided_at, orders.c.client_order_id)))


_HELD = _of_account(orders.c.is_held)
_WORKING = _of_account(orders.c.is_working)
_SENDING = _of_account(orders.c.is_working & (orders.c.status == OrderStatus.SENDING))
_ONE = _of_account(given(orders.c.client_order_id))
_WORKING_ON = Prepared(
    for_update(
        select(orders)
        .where(given(orders.c.account), given(orders.c.symbol), orders.c.is_working)
        .order_by(orders.c.decided_at, orders.c.client_order_id)
    )
)
_HELD_OF = Prepared(
    for_update(
        select(orders)
        .where(given(orders.c.account), given(orders.c.symbol), orders.c.is_held)
        .order_by(orders.c.decided_at, orders.c.client_order_id)
    )
)
_SEEN_WORKING = Prepared(
    select(orders)
    .where(given(orders.c.account), given(orders.c.symbol), orders.c.is_working)
    .order_by(orders.c.decided_at, orders.c.client_order_id)
)
_SEEN_HELD = Prepared(
    select(orders)
    .where(given(orders.c.account), given(orders.c.symbol), orders.c.is_held)
    .order_by(orders.c.decided_at, orders.c.client_order_id)
)
_DECIDED = Prepared(select(orders.c.decision_id).where(among(orders.c.decision_id, "decisions")))
_HAPPENED = Prepared(
    select(order_events.c.client_order_id, order_events.c.payload).where(
        among(order_events.c.client_order_id, "identities")
    )
)
_CHANGE = Prepared(update(orders).where(orders.c.client_order_id == bindparam("identity")))
_TO_ORDERS = Prepared(insert(orders))
_TO_EVENTS = Prepared(insert(order_events))
_TO_FILLS = Prepared(insert(fills))


def load_books(connection: Connection, account: AccountId) -> dict[Symbol, InstrumentBook]:
    """Return, locked, the venue's book of every instrument with an accepted order or a holding."""
    states = load_working(connection, account)
    resting = [state for state in states if state.facts.venue_order_ids]
    held = [holding_of(row) for row in _HELD.rows(connection, account=account)]
    symbols = {
        *(state.order.symbol for state in resting),
        *(one.entry.symbol for one in held),
    }
    return {
        symbol: InstrumentBook(
            orders=tuple(state for state in resting if state.order.symbol == symbol),
            holdings=tuple(one for one in held if one.entry.symbol == symbol),
        )
        for symbol in sorted(symbols)
    }


def load_working(connection: Connection, account: AccountId) -> list[OrderState]:
    """Return, locked, the orders that have not ended."""
    return _states(connection, _WORKING.rows(connection, account=account))


def load_sending(connection: Connection, account: AccountId) -> list[OrderState]:
    """Return, locked, the claimed orders the venue has not answered."""
    return _states(connection, _SENDING.rows(connection, account=account))


def load_book(connection: Connection, account: AccountId, symbol: Symbol) -> InstrumentBook:
    """Return, locked, everything of one instrument that has not ended, and what is held."""
    working = _WORKING_ON.rows(connection, account=account, symbol=symbol)
    return InstrumentBook(
        orders=tuple(_states(connection, working)),
        holdings=load_holdings(connection, account, symbol),
    )


def see_book(connection: Connection, account: AccountId, symbol: Symbol) -> InstrumentBook:
    """Return the same without a lock; what fills meanwhile is missing from what is held first."""
    working = _states(connection, _SEEN_WORKING.rows(connection, account=account, symbol=symbol))
    held = _SEEN_HELD.rows(connection, account=account, symbol=symbol)
    return InstrumentBook(orders=tuple(working), holdings=tuple(holding_of(row) for row in held))


def load_holdings(
    connection: Connection, account: AccountId, symbol: Symbol
) -> tuple[Holding, ...]:
    """Return, locked, what is held of one instrument."""
    rows = _HELD_OF.rows(connection, account=account, symbol=symbol)
    return tuple(holding_of(row) for row in rows)


def load_state(connection: Connection, account: AccountId, identity: str) -> OrderState | None:
    """Return, locked, one order."""
    found = _states(connection, _ONE.rows(connection, account=account, client_order_id=identity))
    return found[0] if found else None


def known_decisions(connection: Connection, decisions: Sequence[DecisionId]) -> set[str]:
    """Return those decisions that have their order already."""
    return set(_DECIDED.column(connection, decisions=list(decisions)))


def save_steps(connection: Connection, steps: Sequence[Step]) -> None:
    """Append what happened, and bring the orders' rows up to it."""
    if not steps:
        return
    latest = {step.state.order.client_order_id: step for step in steps}
    first = {step.state.order.client_order_id: step for step in steps if step.was is None}
    new = [order_row(latest[identity], step) for identity, step in first.items()]
    changed = [
        {"identity": identity, **changing(step)}
        for identity, step in latest.items()
        if identity not in first
    ]
    _TO_ORDERS.run(connection, new)
    _CHANGE.run(connection, changed)
    _TO_EVENTS.run(connection, [event_row(step) for step in steps])
    _TO_FILLS.run(connection, [fill_row(step) for step in steps if step.fill is not None])


def save_holdings(
    connection: Connection, before: Iterable[Holding], after: Iterable[Holding]
) -> None:
    """Write what of each entry is still held, where that has changed."""
    old = {one.entry.client_order_id: one for one in before}
    new = {one.entry.client_order_id: one for one in after}
    changes: list[dict[str, Any]] = []
    for identity in sorted({*old, *new}):
        if old.get(identity) == new.get(identity):
            continue
        holding = new.get(identity)
        anchored = holding or old[identity]
        changes.append(
            {
                "identity": identity,
                "open_quantity": ZERO if holding is None else holding.quantity,
                "anchor_price": anchored.anchor_price,
                "is_held": holding is not None,
            }
        )
    _CHANGE.run(connection, changes)


def _states(connection: Connection, rows: Sequence[Row[Any]]) -> list[OrderState]:
    known = _facts(connection, [row.client_order_id for row in rows])
    return [
        OrderState(order=order_of(row), facts=known[row.client_order_id], detail=row.detail)
        for row in rows
    ]


def _facts(connection: Connection, identities: Sequence[str]) -> defaultdict[str, OrderFacts]:
    """Replay what happened to each order."""
    known: defaultdict[str, OrderFacts] = defaultdict(OrderFacts)
    for start in range(0, len(identities), _KEYS_PER_QUERY):
        keys = identities[start : start + _KEYS_PER_QUERY]
        for row in _HAPPENED.rows(connection, identities=list(keys)):
            learned = from_builtins(row.payload, OrderFacts)
            known[row.client_order_id] = merge(known[row.client_order_id], learned)
    return known
