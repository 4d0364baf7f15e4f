"""The invariants of the protocol, held against what the venue of the model really did."""

from decimal import Decimal

from executor.core.leading import Lease
from shared.domain.enums import OrderStatus, TradingState
from shared.domain.ids import is_client_order_id_of
from tests.model.database import Database, Row
from tests.model.exchange import Exchange
from tests.model.listed import Listed
from tests.model.terms import ACCOUNT, MODE
from tests.model.world import Broken, World

_NEVER_THERE = frozenset({OrderStatus.ABSENT, OrderStatus.NOT_SENT, OrderStatus.REJECTED})
_UNSETTLED = frozenset(
    {OrderStatus.APPROVED, OrderStatus.SENDING, OrderStatus.UNKNOWN, OrderStatus.FILLS_MISSING}
)
_AT_VENUE = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.CANCELING})
_ZERO = Decimal(0)


class Auditor:
    """Hears of every commit and of every order accepted; `settle` looks at the end."""

    def __init__(self, world: World, database: Database, exchange: Exchange) -> None:
        self.world, self.database, self.exchange = world, database, exchange
        self.by_id: dict[str, Listed] = {}
        self.counts = dict.fromkeys(
            (
                "orders",
                "accepted",
                "unknowns",
                "unknowns_resolved",
                "absents",
                "takeovers",
                "adopted",
            ),
            0,
        )
        database.watch = self.changed
        database.took_lease = self.took_lease
        exchange.on_accept = self.accepted

    # --- at once

    def accepted(self, listed: Listed) -> None:
        identity = listed.request.client_order_id
        self.counts["accepted"] += 1
        if identity in self.by_id:
            raise Broken(f"I1: the venue took {identity} twice")
        self.by_id[identity] = listed
        row = self.database.rows.get(identity)
        if row is None or row.status is OrderStatus.APPROVED:
            raise Broken(f"I2: {identity} was accepted and no claim of it is committed")
        if row.status in _NEVER_THERE:
            raise Broken(f"I9: {identity} was accepted after it had been called {row.status}")

    def took_lease(self, lease: Lease) -> None:
        before, now = self.database.lease, self.database.now()
        is_other = lease.holder != before.holder
        if is_other and now < before.expires_at:
            raise Broken(f"I9: {lease.holder} took the lease {before.holder} still had")
        if lease.token < before.token or (is_other and lease.token == before.token):
            raise Broken(f"I9: the token went from {before.token} to {lease.token}")
        self.counts["takeovers"] += is_other and before.token > 0
        self.database.lease = lease

    def changed(self, before: Row | None, after: Row) -> None:
        self._count(before, after)
        if before is not None and before.status is OrderStatus.APPROVED and after.lease_token:
            self._claimed(after)
        was = before is not None and before.status.is_terminal
        if after.status.is_terminal and not was:
            self._ended(after)
        if before is not None and before.filled_quantity > after.filled_quantity:
            raise Broken(f"I3: fills of {after.order.client_order_id} shrank")

    def _claimed(self, row: Row) -> None:
        identity, now = row.order.client_order_id, self.database.now()
        state, lease = self.database.state, self.database.lease
        if state is TradingState.HALT:
            raise Broken(f"I7: the claim of {identity} was committed after the halt")
        if row.claimed_at >= row.order.expires_at:
            raise Broken(f"I6: {identity} was claimed after it had expired")
        if row.lease_token != lease.token:
            raise Broken(
                f"I9: {identity} was claimed under token {row.lease_token}, {lease.token} holds"
            )
        if now < row.claimed_at:
            raise Broken(f"I6: {identity} was claimed in the future")

    def _ended(self, row: Row) -> None:
        """Hold the end of a reservation against the venue."""
        identity, status = row.order.client_order_id, row.status
        listed = self.by_id.get(identity)
        if status in _NEVER_THERE:
            if listed is not None and not (
                self.exchange.is_beyond and status is OrderStatus.ABSENT
            ):
                raise Broken(f"I10: {identity} is called {status} and the venue has it")
            return
        if listed is None:
            raise Broken(f"I10: {identity} is called {status} and the venue never had it")
        is_whole = listed.last.filled == row.filled_quantity
        if status is OrderStatus.OVERFILLED:  # nothing of the reservation is left to give back
            is_whole = row.filled_quantity >= row.order.quantity
        if listed.is_live or not is_whole:
            raise Broken(
                f"I10: {identity} ended as {status} with {row.filled_quantity} filled; "
                f"the venue says {listed.last.status} with {listed.last.filled}"
            )

    def _count(self, before: Row | None, after: Row) -> None:
        counts = self.counts
        was = None if before is None else before.status
        counts["orders"] += before is None
        counts["adopted"] += before is None and after.venue_order_id is not None
        counts["unknowns"] += after.status is OrderStatus.UNKNOWN and was is not OrderStatus.UNKNOWN
        counts["absents"] += after.status is OrderStatus.ABSENT and was is not OrderStatus.ABSENT
        is_found = was is OrderStatus.UNKNOWN and after.status is not OrderStatus.UNKNOWN
        counts["unknowns_resolved"] += is_found

    # --- when everything has healed

    def settle(self) -> None:
        """Raise Broken unless books and venue tell the same story."""
        for identity, row in self.database.rows.items():
            if row.status in _UNSETTLED:
                raise Broken(f"liveness: {identity} is still {row.status}")
            if not is_client_order_id_of(MODE, ACCOUNT, identity):
                raise Broken(f"I13: {identity} is of another environment and was taken in")
        for listed in self.exchange.orders:
            if is_client_order_id_of(MODE, ACCOUNT, listed.request.client_order_id):
                self._agrees(listed)
        for identity, times in self.exchange.received.items():
            if times > 1:
                raise Broken(f"I1: {identity} arrived {times} times")
        self._positions()

    def _agrees(self, listed: Listed) -> None:
        identity = listed.request.client_order_id
        row = self.database.rows.get(identity)
        if row is None:
            raise Broken(f"I2: nobody knows {identity}, which the venue has")
        told = sorted(one.quantity for _, one in listed.trades)
        ours = sorted(
            fill.quantity
            for fill in self.database.fills.values()
            if fill.client_order_id == identity
        )
        if told != ours or sum(ours, _ZERO) != row.filled_quantity:
            raise Broken(f"I3: fills of {identity} are {ours}, the venue says {told}")
        if self.exchange.is_beyond and not told and not listed.is_live:
            return  # it came and went without a trade, before anybody was shown it
        expected = _AT_VENUE if listed.is_live else None
        agrees = row.status in expected if expected else row.status.is_terminal
        if not agrees or row.status in _NEVER_THERE:
            raise Broken(f"I2: {identity} is {row.status}, the venue says {listed.last.status}")

    def _positions(self) -> None:
        for symbol in {one.request.symbol for one in self.exchange.orders}:
            ours = sum(
                (
                    one.side.sign * one.quantity
                    for one in self.database.fills.values()
                    if one.symbol == symbol
                ),
                _ZERO,
            )
            theirs = sum(
                (
                    trade.side.sign * trade.quantity
                    for one in self.exchange.orders
                    if one.request.symbol == symbol
                    and is_client_order_id_of(MODE, ACCOUNT, one.request.client_order_id)
                    for _, trade in one.trades
                ),
                _ZERO,
            )
            if ours != theirs:
                raise Broken(f"I3: the position of {symbol} is {ours}, the venue's {theirs}")
