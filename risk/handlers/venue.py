"""What risk does when the venue shows what our books cannot explain."""

from collections.abc import Sequence
from dataclasses import dataclass

from risk.handlers.book import count, standing_in_force
from risk.handlers.state import pull_brake
from risk.repository.account import lock_account
from risk.repository.external import save_external
from risk.repository.policy import Opening
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import ExternalOrdersSeen, VenueSurprised
from shared.runtime.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWatch:
    opening: Opening
    metrics: Metrics

    def on_external_orders_seen(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Count what others may still buy on the account, until a newer fact says otherwise."""
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, ExternalOrdersSeen)
            and envelope.event.account == self.opening.account
        ]
        if not facts:
            return
        lock_account(uow.connection, self.opening.account)
        is_new = [save_external(uow.connection, fact) for fact in facts]
        if any(is_new):
            standing = standing_in_force(uow, self.opening)
            count(uow, self.opening, standing, self.metrics)

    def on_venue_surprised(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Stop entries until a person has looked; what is tighter already stays as it is."""
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, VenueSurprised) and fact.account == self.opening.account:
                uow.caused_by(envelope)
                self._brake(fact, uow)

    def _brake(self, fact: VenueSurprised, uow: UnitOfWork) -> None:
        lock_account(uow.connection, self.opening.account)
        standing_in_force(uow, self.opening)  # an account not opened yet has no state to tighten
        pull_brake(uow, self.opening, self.metrics, reason_of(fact))


def reason_of(fact: VenueSurprised) -> str:
    return f"{fact.venue} surprised us, {fact.kind} {fact.symbol}: {fact.detail}"
