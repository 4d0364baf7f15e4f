"""Looks at everything that speaks against entering: unasked, and whenever a person resumes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from risk.core.brakes import Feed, brake
from risk.core.state_file import Wish
from risk.handlers.book import count, standing_in_force
from risk.handlers.state import change_state, pull_brake, show_state, tighten
from risk.repository.account import lock_account
from risk.repository.policy import Opening
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import TradingState
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

STATE_FILE = "state-file"

log = get_logger()


def _no_feed(_connection: Connection, _now: datetime) -> Feed | None:
    return None


def _no_file() -> Wish | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`read_feed`: how candles come, None where the clock follows them; `read_file`: its wish."""

    opening: Opening
    metrics: Metrics
    read_feed: Callable[[Connection, datetime], Feed | None] = _no_feed
    read_file: Callable[[], Wish | None] = _no_file

    def look(self, uow: UnitOfWork) -> None:
        """Stop entries where something speaks against them now."""
        lock_account(uow.connection, self.opening.account)
        standing = standing_in_force(uow, self.opening)
        book = count(uow, self.opening, standing, self.metrics)
        reason = brake(book, standing.limits, self.read_feed(uow.connection, uow.now))
        if reason is not None:
            pull_brake(uow, self.opening, self.metrics, reason)

    def heed(self, wish: Wish, uow: UnitOfWork) -> None:
        """Tighten the state as far as a file asks; it never loosens it."""
        note = (STATE_FILE, f"state file: {wish.reason}")
        changed = tighten(uow, self.opening, wish.state, note)
        if changed is not None:
            log.warning("trading_state.by_file", state=changed.state, reason=changed.reason)
            uow.after_commit(lambda: show_state(self.metrics, changed.state))

    def press(self, uow: UnitOfWork, state: TradingState, actor: str, reason: str) -> None:
        """Set the state a person asks for, as far as nothing tighter holds.

        A file that asks for more, and on resuming whatever still speaks against entering, tightens
        it again and says why: in one transaction, so that no claim ever finds it looser in between.
        """
        wish = None if state is TradingState.HALT else self.read_file()
        if state is TradingState.RUN:
            lock_account(uow.connection, self.opening.account)
        change_state(uow, self.opening, state, actor, reason)
        uow.after_commit(lambda: show_state(self.metrics, state))
        if state is TradingState.RUN:
            self.look(uow)
        if wish is not None:
            self.heed(wish, uow)
