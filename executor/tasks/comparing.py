"""Keeps comparing our books with the venue's; entries wait until they agree."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock

from executor.core.reconciliation import Difference, DifferenceKind, compare
from executor.repository.lists import newest_fill, our_view
from executor.venues.port import Venue
from shared.bus.unit_of_work import Transactions
from shared.domain.errors import Unavailable
from shared.domain.ids import AccountId
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

_ATTEMPTS = 5
_LOOKED_BACK = timedelta(days=7)
_DATED_APART = timedelta(days=2)  # more than the longest candle


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """`wall_time` only dates the last success in the metrics."""

    transactions: Transactions
    venue: Venue
    account: AccountId
    metrics: Metrics
    wall_time: Callable[[], datetime]
    every_seconds: float
    _lock: Lock = field(default_factory=Lock)
    _differences: tuple[Difference, ...] | None = None

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                self.reconcile()
            except Exception as error:  # noqa: BLE001 - the next round asks again; entries wait meanwhile
                log.warning("reconciliation.failed", error=str(error).splitlines()[0])
            stop.wait(self.every_seconds)

    def reconcile(self) -> tuple[Difference, ...]:
        """Compare, and remember the outcome.

        Raises:
            Unavailable: our books kept changing while the venue was asked.
        """
        with self._lock:
            self._differences = self._compare()
        self._show(self._differences)
        return self._differences

    def problem(self) -> str | None:
        """Return why entries wait, or None."""
        if self._differences is None:
            return "books and venue have not been compared since the start"
        if self._differences:
            kinds = sorted({one.kind for one in self._differences})
            return f"books and venue differ ({len(self._differences)}): {', '.join(kinds)}"
        return None

    def has_agreed(self) -> bool:
        """Tell whether entries may be claimed; the first to ask makes the first comparison."""
        if self._differences is None:
            self.reconcile()
        return not self._differences

    def _compare(self) -> tuple[Difference, ...]:
        for _ in range(_ATTEMPTS):
            with self.transactions.read() as connection:
                since = newest_fill(connection, self.account) - _LOOKED_BACK
                read_from = since - _DATED_APART
                ours = our_view(connection, self.account, read_from)
            theirs = self.venue.view(read_from)
            with self.transactions.read() as connection:
                is_still = our_view(connection, self.account, read_from) == ours
            if is_still:
                return compare(ours, theirs, since)
        raise Unavailable("the books kept changing while the venue was asked; try again")

    def _show(self, differences: tuple[Difference, ...]) -> None:
        for kind in DifferenceKind:
            found = sum(one.kind is kind for one in differences)
            gauge = self.metrics.reconciliation_divergence
            gauge.labels(venue=self.venue.name, kind=kind).set(found)
        if differences:
            log.error("reconciliation.differs", differences=[str(one) for one in differences[:20]])
            return
        last = self.metrics.reconciliation_last_success_timestamp_seconds
        last.set(self.wall_time().timestamp())
