"""The simulated venue: accepts by the instruments' rules, matches on candles, keeps its book here.

Its book is what `order_events` and `fills` say, so its account can be compared with the executor's
own caches (`orders`): each is written by the same transaction and derived in another way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from executor.core.matching import refusal, venue_order_id
from executor.core.order import Order, OrderFacts, merge, status_of
from executor.core.reconciliation import AccountView
from executor.tables import fills, order_events, orders
from executor.venues.port import Accepted, Answer, Refused
from shared.bus.codec import from_builtins
from shared.domain.enums import OrderStatus, Side
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.values import ZERO

RESTING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING})


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedVenue:
    """`read` opens a connection for reading."""

    name: str
    account: AccountId
    instruments: Mapping[Symbol, Instrument]
    read: Callable[[], AbstractContextManager[Connection]]
    is_in_process: bool = True

    def submit(self, order: Order) -> Answer:
        reason = refusal(order, self.instruments.get(order.symbol))
        if reason is not None:
            return Refused(reason=reason)
        return Accepted(venue_order_id=venue_order_id(order))

    def view(self) -> AccountView:
        with self.read() as connection:
            return AccountView(
                open_orders=self._open_orders(connection), **self._traded(connection)
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

    def _traded(self, connection: Connection) -> dict[str, Any]:
        columns = (fills.c.trade_id, fills.c.symbol, fills.c.side, fills.c.quantity)
        statement = select(*columns).where(
            fills.c.account == self.account, fills.c.venue == self.name
        )
        rows = connection.execute(statement).all()
        trades = {TradeId(row.trade_id): row.quantity for row in rows}
        return {"trades": trades, "balances": _balances(rows)}


def _balances(rows: Iterable[Any]) -> dict[str, Decimal]:
    """Return what is held of each base asset; the quote is the portfolio's affair."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        base, _quote = split_symbol(row.symbol)
        held[base] += Side(row.side).sign * row.quantity
    return {asset: amount for asset, amount in held.items() if amount != ZERO}
