"""Holds the account's lease: of several executors one acts, and whoever lost it stops by itself."""

import time
from dataclasses import dataclass, field
from threading import Event, Lock

from executor.core.leading import RENEWED_EVERY_SECONDS, TRUSTED_SECONDS, Lease, next_lease
from executor.repository.leases import find_lease, lock_lease, save_lease
from shared.bus.consumer import in_one_line
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.dialect import db_now
from shared.domain.ids import AccountId
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

_ASKED_AGAIN_SECONDS = 0.5
_ANSWER_SECONDS = 5.0  # the lease lasts longer


@dataclass(slots=True, kw_only=True)
class Leadership:
    """The token this process may act with, for as long as its own clock trusts it."""

    holder: str
    _token: int | None = None
    _trusted_until: float = 0.0
    _lock: Lock = field(default_factory=Lock)
    request_under_way: Lock = field(default_factory=Lock)

    @property
    def token(self) -> int | None:
        """The token in force; None where this process must not act."""
        with self._lock:
            return self._token if time.monotonic() < self._trusted_until else None

    def take(self, token: int, asked_at: float) -> bool:
        """Trust a token from the instant it was asked for; return whether it is a new one."""
        with self._lock:
            is_new, self._token = token != self._token, token
            self._trusted_until = asked_at + TRUSTED_SECONDS
            return is_new

    def lose(self) -> None:
        with self._lock:
            self._trusted_until = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Takes and renews the lease until stopped, and then gives it back."""

    leadership: Leadership
    account: AccountId
    transactions: Transactions
    metrics: Metrics

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                self.renew()
            except Exception as error:  # noqa: BLE001 - what cannot be renewed runs out by itself
                log.warning("lease.unreachable", error=in_one_line(error))
            leads = self.leadership.token is not None
            self.metrics.executor_leader.set(int(leads))
            stop.wait(RENEWED_EVERY_SECONDS if leads else _ASKED_AGAIN_SECONDS)
        self.resign()

    def renew(self) -> None:
        """Take the lease where it is free, or keep it."""
        asked_at = time.monotonic()
        held = self.transactions.attempt(self._renew)
        if held is None:
            self.leadership.lose()
        elif self.leadership.take(held.token, asked_at):
            log.info("lease.taken", holder=held.holder, fence=held.token)

    def resign(self) -> None:
        """Let a successor in, once the answer to a request under way is written down."""
        under_way = self.leadership.request_under_way
        is_free = under_way.acquire(timeout=_ANSWER_SECONDS)
        self.leadership.lose()
        if is_free:
            under_way.release()
        self.metrics.executor_leader.set(0)
        try:
            self.transactions.attempt(self._resign)
        except Exception as error:  # noqa: BLE001 - it runs out by itself
            log.warning("lease.kept", error=in_one_line(error))

    def problem(self) -> str | None:
        """Return why this process does not act, or None."""
        if self.leadership.token is not None:
            return None
        with self.transactions.read() as connection:
            lease = find_lease(connection, self.account)
        holder = "nobody" if lease is None else f"{lease.holder} (token {lease.token})"
        return f"the lease of {self.account} is held by {holder}; waiting for it"

    def _renew(self, uow: UnitOfWork) -> Lease | None:
        lease = lock_lease(uow.connection, self.account)
        found = next_lease(lease, self.leadership.holder, db_now(uow.connection))
        if found is not None:
            save_lease(uow.connection, found)
        return found

    def _resign(self, uow: UnitOfWork) -> None:
        lease = lock_lease(uow.connection, self.account)
        if lease.holder == self.leadership.holder:
            now = db_now(uow.connection)
            given_back = Lease(
                name=lease.name, holder=lease.holder, token=lease.token, expires_at=now
            )
            save_lease(uow.connection, given_back)
