"""The simulated venue: accepts by the instruments' rules, matches on candles, keeps its book here.

Its book is what `order_events` and `fills` say, so its account can be compared with the executor's
own caches (`orders`): each is written by the same transaction and derived in another way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from executor.core.matching import refusal, venue_order_id
from executor.core.order import Order, OrderFacts, merge, status_of
from executor.core.reconciliation import AccountView, Traded
from executor.tables import fills, order_events, orders
from executor.venues.port import Accepted, Answer, Refused
from shared.bus.codec import from_builtins
from shared.domain.clock import EPOCH
from shared.domain.enums import OrderStatus, Side
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.values import ZERO

RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING})


@dataclass(slots=True)
class Settled:
    """What is held of each base asset by all fills before an instant."""

    until: datetime = EPOCH
    held: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedVenue:
    """`read` opens a connection for reading."""

    name: str
    account: AccountId
    instruments: Mapping[Symbol, Instrument]
    read: Callable[[], AbstractContextManager[Connection]]
    is_in_process: bool = True
    settled: Settled = field(default_factory=Settled)

    def submit(self, order: Order) -> Answer:
        reason = refusal(order, self.instruments.get(order.symbol))
        if reason is not None:
            return Refused(reason=reason)
        return Accepted(venue_order_id=venue_order_id(order))

    def view(self, since: datetime) -> AccountView:
        with self.read() as connection:
            settled = self._settle(connection, since)
            recent = self._fills(connection, min(since, settled))
            return AccountView(
                open_orders=self._open_orders(connection),
                trades={
                    TradeId(row.trade_id): Traded(quantity=row.quantity, at=row.filled_at)
                    for row in recent
                    if row.filled_at >= since
                },
                balances=_balances(
                    self.settled.held, (row for row in recent if row.filled_at >= settled)
                ),
            )

    def _open_orders(self, connection: Connection) -> dict[ClientOrderId, Decimal]:
        """Replay the events of every order that is not known to have ended."""
        statement = (
            select(orders.c.client_order_id, orders.c.quantity, order_events.c.payload)
            .join(order_events, order_events.c.client_order_id == orders.c.client_order_id)
            .where(orders.c.account == self.account, orders.c.is_working)
        )
        known: defaultdict[tuple[ClientOrderId, Decimal], OrderFacts] = defaultdict(OrderFacts)
        for row in connection.execute(statement):
            identity = (ClientOrderId(row.client_order_id), row.quantity)
            known[identity] = merge(known[identity], from_builtins(row.payload, OrderFacts))
        return {
            identity: facts.filled_quantity
            for (identity, quantity), facts in known.items()
            if status_of(facts, quantity) in RESTING
        }

    def _settle(self, connection: Connection, until: datetime) -> datetime:
        """Add up once what nobody will ask for again; return until when it is added up."""
        known = self.settled
        if until > known.until:
            older = self._fills(connection, known.until, until)
            known.held, known.until = _balances(known.held, older), until
        return known.until

    def _fills(
        self, connection: Connection, start: datetime, end: datetime | None = None
    ) -> Sequence[Row[Any]]:
        columns = ("trade_id", "symbol", "side", "quantity", "filled_at")
        statement = select(*(fills.c[name] for name in columns)).where(
            fills.c.account == self.account,
            fills.c.venue == self.name,
            fills.c.filled_at >= start,
        )
        if end is not None:
            statement = statement.where(fills.c.filled_at < end)
        return connection.execute(statement).all()


def _balances(before: Mapping[str, Decimal], rows: Iterable[Row[Any]]) -> dict[str, Decimal]:
    """Return what is held of each base asset; the quote is the portfolio's affair."""
    held = defaultdict(Decimal, before)
    for row in rows:
        base, _quote = split_symbol(row.symbol)
        held[base] += Side(row.side).sign * row.quantity
    return {asset: amount for asset, amount in held.items() if amount != ZERO}
