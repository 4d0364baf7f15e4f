"""What risk does when another service says that entering has become unsafe."""

from collections.abc import Sequence
from dataclasses import dataclass

from risk.handlers.book import standing_in_force
from risk.handlers.state import pull_brake
from risk.repository.account import lock_account
from risk.repository.policy import Opening
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import TradingAlarmed
from shared.runtime.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmWatch:
    opening: Opening
    metrics: Metrics

    def on_trading_alarmed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Stop entries until a person has looked; what is tighter already stays as it is."""
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, TradingAlarmed) and fact.account == self.opening.account:
                uow.caused_by(envelope)
                lock_account(uow.connection, self.opening.account)
                standing_in_force(uow, self.opening)  # one not opened yet has no state to tighten
                pull_brake(uow, self.opening, self.metrics, reason_of(fact))


def reason_of(fact: TradingAlarmed) -> str:
    return f"{fact.kind} {fact.subject}: {fact.detail}"
