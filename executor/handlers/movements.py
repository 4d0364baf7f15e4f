"""What the executor does when it hears that a person has declared a movement of money."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from executor.repository.account import lock_baseline, save_baseline
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import BalanceMoved
from shared.domain.ids import AccountId
from shared.runtime.logging import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Expects at the venue what was declared, so that it is no difference."""

    account: AccountId
    venue: str

    def on_balance_moved(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, BalanceMoved) and fact.account == self.account:
                self._expect(fact, uow)

    def _expect(self, fact: BalanceMoved, uow: UnitOfWork) -> None:
        place = (self.venue, self.account)
        known = lock_baseline(uow.connection, place, fact.asset)
        if known is None:
            # never looked at: the first look finds it there and takes it for the beginning
            log.info("balance.not_watched", asset=fact.asset, reference=fact.reference)
            return
        after = replace(known, amount=known.amount + fact.amount)
        save_baseline(uow.connection, place, after, (fact.actor, uow.now))
