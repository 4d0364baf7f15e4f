"""How much a venue still lets us ask: one budget per key, whoever asks with it.

A pool is one of the venue's limits (`orders`, `weight`, ...): so many units per window. Cancels may
use all of it, everything else leaves them a reserve. What the venue's own headers say counts more
than what we counted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from venues.errors import RateLimited
from venues.port import VenueName

RESERVED_FOR_CANCELS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`units` may be spent in each window of `seconds`.

    `binds_orders`: orders spend from it too, so that it holds them back once it is nearly used up.
    """

    name: str
    units: int
    seconds: float
    binds_orders: bool = True


class Budget(Protocol):
    def spend(self, pool: Pool, units: int, *, is_urgent: bool = False) -> None:
        """Take units before a request is sent.

        Raises:
            RateLimited: they are used up, or the venue has told us to wait.
        """
        ...

    def learn(self, pool: Pool, used: int) -> None:
        """Take over what the venue says is used in the current window."""
        ...

    def hold(self, seconds: float, *, is_ban: bool = False) -> None:
        """Let nothing leave for so long: the venue said so (429, 418)."""
        ...

    def used_ratio(self) -> float:
        """Return the largest used share of a pool that binds orders, 1 while nothing may leave."""
        ...


@dataclass(slots=True)
class _Window:
    number: int = -1
    used: int = 0


@dataclass(slots=True, kw_only=True)
class LocalBudget:
    """The budget of one process, for tests and where there is no Redis."""

    venue: VenueName
    seconds_now: Callable[[], float] = time.time  # noqa: TID251 - windows of a venue follow the wall clock
    _windows: dict[Pool, _Window] = field(default_factory=dict[Pool, _Window])
    _held_until: float = 0.0
    _is_ban: bool = False
    _lock: Lock = field(default_factory=Lock)

    def spend(self, pool: Pool, units: int, *, is_urgent: bool = False) -> None:
        with self._lock:
            now = self.seconds_now()
            refuse_if_held(self.venue, self._held_until - now, is_ban=self._is_ban)
            window = self._window(pool, now)
            refuse_if_spent(self.venue, pool, window.used + units, now, is_urgent=is_urgent)
            window.used += units

    def learn(self, pool: Pool, used: int) -> None:
        with self._lock:
            window = self._window(pool, self.seconds_now())
            window.used = max(window.used, used)

    def hold(self, seconds: float, *, is_ban: bool = False) -> None:
        with self._lock:
            self._held_until = max(self._held_until, self.seconds_now() + seconds)
            self._is_ban = is_ban

    def used_ratio(self) -> float:
        with self._lock:
            now = self.seconds_now()
            if now < self._held_until:
                return 1.0
            binding = [pool for pool in self._windows if pool.binds_orders]
            shares = (self._window(pool, now).used / pool.units for pool in binding)
            return max(shares, default=0.0)

    def _window(self, pool: Pool, now: float) -> _Window:
        window = self._windows.setdefault(pool, _Window())
        number = int(now // pool.seconds)
        if window.number != number:
            window.number, window.used = number, 0
        return window


def refuse_if_held(venue: VenueName, seconds: float, *, is_ban: bool) -> None:
    if seconds > 0:
        why = "shut us out" if is_ban else "told us to wait"
        raise RateLimited(venue, f"the venue {why} for {seconds:.1f} s", seconds, is_banned=is_ban)


def refuse_if_spent(
    venue: VenueName, pool: Pool, used: int, now: float, *, is_urgent: bool
) -> None:
    """Refuse what would go beyond the pool, or into the reserve that cancels have."""
    allowed = pool.units if is_urgent else pool.units * (1 - RESERVED_FOR_CANCELS)
    if used > allowed:
        wait = pool.seconds - now % pool.seconds
        raise RateLimited(venue, f"the limit of '{pool.name}' is used up", wait)
