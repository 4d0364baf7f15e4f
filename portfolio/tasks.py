"""What portfolio does once when it starts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from portfolio.handlers.found import Finder
from shared.bus.history import last_events
from shared.bus.unit_of_work import Transactions
from shared.domain.events import BalanceFound

_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_AT_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Books what was found on the account before portfolio listened for the first time.

    The executor looks at an account once to begin with; nobody would tell of it again.
    """

    transactions: Transactions
    finder: Finder

    def run(self, stop: Event) -> None:
        del stop
        with self.transactions.read() as connection:
            said = last_events(
                connection,
                topic=BalanceFound.topic,
                stream=self.finder.policy.account,
                before=_EVER,
                limit=_AT_MOST,
            )
        if said:
            self.transactions.attempt(lambda uow: self.finder.on_balance_found(said, uow))
