"""What belongs to one decision, and how each kind of id leads to it, by indexed look-ups alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from executor.tables import fills, orders
from portfolio.tables import round_trips
from recommender.tables import rebalance_steps, trade_recommendations
from risk.tables import risk_decisions
from shared.bus.history import COLUMNS, envelope_of
from shared.bus.tables import event_log
from shared.domain.enums import Side
from shared.domain.ids import AccountId, Symbol
from shared.domain.signal import signal_id
from signal_generator.tables import ml_signals
from signals.core.combine import COMBINED
from signals.tables import signals


@dataclass(slots=True, kw_only=True)
class Thread:
    """One decision's rows; `named` are the ids of facts that were asked for themselves."""

    account: AccountId
    symbol: Symbol | None = None
    said: dict[str, Row[Any]] = field(default_factory=dict[str, "Row[Any]"])
    recommendations: set[str] = field(default_factory=set[str])
    issued: Sequence[Row[Any]] = ()
    decisions: Sequence[Row[Any]] = ()
    orders: dict[str, Row[Any]] = field(default_factory=dict[str, "Row[Any]"])
    fills: Sequence[Row[Any]] = ()
    trips: dict[str, Row[Any]] = field(default_factory=dict[str, "Row[Any]"])
    rebalances: set[str] = field(default_factory=set[str])
    named: set[str] = field(default_factory=set[str])
    deeds: Sequence[Row[Any]] = ()

    def adopt(self, row: Row[Any]) -> None:
        """Take an order in, unless it is of another instrument than the one that was asked for."""
        if self.symbol not in (None, row.symbol):
            return
        self.orders[row.client_order_id] = row
        self.recommendations.add(row.recommendation_id)

    @property
    def subjects(self) -> set[str]:
        """What the audit calls the parts of this decision."""
        decisions = {row.decision_id for row in self.decisions}
        of_orders = {row.decision_id for row in self.orders.values()}
        return decisions | of_orders | self.recommendations | set(self.orders) | self.rebalances


_Finder = Callable[[Connection, Thread, Sequence[Symbol], str], None]


def look_up(
    connection: Connection, thread: Thread, symbols: Sequence[Symbol], identifier: str
) -> None:
    for finder in _FINDERS:
        finder(connection, thread, symbols, identifier)


def _by_verdict(
    connection: Connection, thread: Thread, _symbols: Sequence[Symbol], one: str
) -> None:
    named = or_(risk_decisions.c.decision_id == one, risk_decisions.c.recommendation_id == one)
    statement = select(risk_decisions.c.recommendation_id).where(named)
    thread.recommendations |= set(connection.execute(statement).scalars())


def _by_recommendation(
    connection: Connection, thread: Thread, _symbols: Sequence[Symbol], one: str
) -> None:
    table = trade_recommendations.c.recommendation_id
    statement = select(table).where(table == one)
    thread.recommendations |= set(connection.execute(statement).scalars())


def _by_rebalance(
    connection: Connection, thread: Thread, _symbols: Sequence[Symbol], one: str
) -> None:
    table = rebalance_steps.c
    named = or_(table.rebalance_id == one, table.recommendation_id == one)
    for row in connection.execute(select(rebalance_steps).where(named)):
        thread.rebalances.add(row.rebalance_id)
        thread.recommendations.add(row.recommendation_id)


def _by_order(connection: Connection, thread: Thread, _symbols: Sequence[Symbol], one: str) -> None:
    table = orders.c
    for named in (
        table.client_order_id == one,
        table.decision_id == one,
        table.recommendation_id == one,
        (table.account == thread.account) & (table.venue_order_id == one),
    ):
        for row in connection.execute(select(orders).where(named)).all():
            if one in (row.client_order_id, row.venue_order_id):
                thread.symbol = Symbol(row.symbol)
            thread.adopt(row)


def _by_fill(connection: Connection, thread: Thread, symbols: Sequence[Symbol], one: str) -> None:
    """Look for a trade by our name of it, by the venue's, or by that under which it is booked."""
    prefix, suffix = f":{thread.account}:", one
    if prefix in one:
        suffix = one.split(prefix, 1)[1]
    names = {one, suffix, *(f"{symbol}:{side}:{one}" for symbol in symbols for side in Side)}
    venues = connection.execute(select(fills.c.venue).distinct()).scalars().all()
    key = fills.c.venue.in_(venues) & (fills.c.account == thread.account)
    wanted = key & fills.c.trade_id.in_(names)
    found = connection.execute(select(fills.c.client_order_id).where(wanted)).scalars().all()
    statement = select(orders).where(orders.c.client_order_id.in_(found))
    for row in connection.execute(statement):
        thread.symbol = Symbol(row.symbol)
        thread.adopt(row)


def _by_trip(connection: Connection, thread: Thread, _symbols: Sequence[Symbol], one: str) -> None:
    row = connection.execute(select(round_trips).where(round_trips.c.trip_id == one)).one_or_none()
    if row is not None:
        thread.trips[one] = row
        thread.symbol = Symbol(row.symbol)


def _by_signal(
    connection: Connection, thread: Thread, _symbols: Sequence[Symbol], one: str
) -> None:
    for table in (signals, ml_signals):
        row = connection.execute(select(table).where(table.c.signal_id == one)).one_or_none()
        if row is None:
            continue
        thread.said[one] = row
        thread.symbol = Symbol(row.symbol)
        combined = signal_id(COMBINED, Symbol(row.symbol), row.interval, row.closed_at)
        issued = trade_recommendations.c
        statement = select(issued.recommendation_id).where(
            issued.decided_at == row.closed_at,
            issued.symbol == row.symbol,
            issued.signal_id.in_({one, combined}),
        )
        thread.recommendations |= set(connection.execute(statement).scalars())


def _by_fact(connection: Connection, thread: Thread, symbols: Sequence[Symbol], one: str) -> None:
    statement = select(*COLUMNS).where(event_log.c.event_id == one)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return
    thread.named.add(one)
    event = envelope_of(row).event
    inner = getattr(event, "approved", None) or getattr(event, "denied", None)
    order = getattr(event, "order", None) or inner
    if order is not None:
        for finder in (_by_verdict, _by_recommendation, _by_order):
            finder(connection, thread, symbols, order.recommendation_id)


_FINDERS: tuple[_Finder, ...] = (
    _by_verdict,
    _by_recommendation,
    _by_rebalance,
    _by_order,
    _by_fill,
    _by_trip,
    _by_signal,
    _by_fact,
)
