"""How often one may ask: tokens that flow back with time, and patience that runs out."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

SAFETY = "safety"
"""The bucket of what stops, reduces or cancels: no other call uses its tokens up."""

_MOST_ADDRESSES = 10_000
_WINDOW_SECONDS = 60.0
_FIRST_LOCK_SECONDS = 30.0
_LONGEST_LOCK_SECONDS = 900.0
_FORGET_SECONDS = 3600.0

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Requests per second in the long run, and how many may come at once."""

    per_second: float
    burst: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttle:
    """A bucket per key and scope, and one for `SAFETY`: each is counted apart."""

    def __init__(self, rates: Mapping[str, Rate], now: Seconds = time.monotonic) -> None:
        self._rates = rates
        self._now = now
        self._turn = Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def wait(self, key: str, name: str) -> float:
        """Take a token of this bucket and return 0, or return the seconds until there is one."""
        rate = self._rates[name]
        with self._turn:
            now = self._now()
            bucket = self._buckets.setdefault((key, name), _Bucket(rate.burst, now))
            gained = (now - bucket.at) * rate.per_second
            bucket.tokens = min(bucket.tokens + gained, rate.burst)
            bucket.at = now
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) / rate.per_second


@dataclass(slots=True)
class _Address:
    failures: deque[float] = field(default_factory=deque[float])
    locks: int = 0
    locked_until: float = 0.0
    seen_at: float = 0.0


class Lockout:
    """Sends an address away that shows too many keys nobody knows, each time for longer.

    It never turns a valid key away: many may share an address, and a key of 256 random bits is not
    found by asking. What it saves is the work, and what it gives is a line in the log.
    """

    def __init__(self, failures: int, now: Seconds = time.monotonic) -> None:
        self._most = failures
        self._now = now
        self._turn = Lock()
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return the seconds for which an address is still locked out; 0 where it is not."""
        with self._turn:
            known = self._addresses.get(address)
            return 0.0 if known is None else max(known.locked_until - self._now(), 0.0)

    def failed(self, address: str) -> float:
        """Count one more key that nobody knows; return the seconds locked out from now on, or 0."""
        with self._turn:
            now = self._now()
            known = self._known(address, now)
            known.failures.append(now)
            while known.failures[0] <= now - _WINDOW_SECONDS:
                known.failures.popleft()
            if len(known.failures) < self._most:
                return 0.0
            known.failures.clear()
            seconds = min(_FIRST_LOCK_SECONDS * 2**known.locks, _LONGEST_LOCK_SECONDS)
            seconds *= 1 + secrets.randbelow(250) / 1000  # whoever waits does not return together
            known.locks = min(known.locks + 1, 16)
            known.locked_until = now + seconds
            return seconds

    def _known(self, address: str, now: float) -> _Address:
        known = self._addresses.pop(address, None)
        if known is None or known.seen_at < now - _FORGET_SECONDS:
            known = _Address()
        known.seen_at = now
        self._addresses[address] = known
        if len(self._addresses) > _MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        return known
