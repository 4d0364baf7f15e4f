"""What risk does when it hears that round trips are over, and how orders fared."""

from collections.abc import Sequence
from dataclasses import dataclass

from risk.core.conduct import Outcome, heard
from risk.repository.account import lock_account
from risk.repository.conduct import load_outcomes, save_outcomes, save_trip
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    RoundTripClosed,
)
from shared.domain.ids import AccountId, ClientOrderId

# an order that was in doubt, or taken for absent, may turn out to be accepted
OUTCOME_FACTS = (
    OrderUnknown,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    OrderCanceled,
    OrderExpired,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductWatch:
    account: AccountId

    def on_orders(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Write down how each order stands: entries, exits, and the exits of brackets alike."""
        orders = [
            envelope.event.order
            for envelope in batch
            if isinstance(envelope.event, OUTCOME_FACTS)
            and envelope.event.order.account == self.account
        ]
        if not orders:
            return
        lock_account(uow.connection, self.account)
        known = dict(load_outcomes(uow.connection, [one.client_order_id for one in orders]))
        changed: dict[ClientOrderId, Outcome] = {}
        for order in orders:
            before = known.get(order.client_order_id)
            after = heard(before, order)
            if after is not before:
                known[order.client_order_id] = changed[order.client_order_id] = after
        save_outcomes(uow.connection, self.account, changed.values())

    def on_round_trips_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, RoundTripClosed)
            and envelope.event.account == self.account
        ]
        if not facts:
            return
        lock_account(uow.connection, self.account)
        for fact in facts:
            save_trip(uow.connection, fact)
