"""One header for everybody: X-TRADING-API-KEY, with the scopes read, trade and admin."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Annotated, Any

import structlog
from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from shared.domain.clock import SystemClock
from shared.http.buckets import Lockout, Throttle
from shared.http.errors import DatabaseAway, Forbidden, TooMany, Unauthenticated
from shared.http.keys import KnownKey, Principal, Standing, StoredKey, configured, stored

HEADER = "X-TRADING-API-KEY"
_CACHE_SECONDS = 4.0
_AWAY_SECONDS = 3.0
_LONGEST_KEY = 256
_WALL = SystemClock()

_log: Any = structlog.get_logger()

ReadStored = Callable[[], Mapping[str, StoredKey]]


class KeyRing:
    """The keys from the configuration and, read at most every few seconds, from the database.

    A revoked key lives on for these seconds. While the database is away only configured keys count;
    one request at a time finds out whether it is back, all others are refused at once. Where there
    is no pepper, no key of the database is known.
    """

    def __init__(
        self,
        known: tuple[KnownKey, ...],
        read_stored: ReadStored,
        pepper: Callable[[], bytes | None] = lambda: None,
        now: Callable[[], datetime] = _WALL.now,
    ) -> None:
        self._configured = known
        self._read_stored = read_stored
        self._read_pepper = pepper
        self._now = now
        self._lock = Lock()
        self._stored: Mapping[str, StoredKey] = {}
        self._pepper: bytes | None = None
        self._asked_at = float("-inf")
        self._is_away = False

    def identify(self, key: str) -> Principal | None:
        """Return whose key this is, None where nobody knows it.

        Raises:
            Unauthenticated: it was a key of ours, and has ended.
            DatabaseAway: it is none of the configuration, and no other can be looked up.
        """
        found = configured(key, self._configured)
        if found is not None:
            return found
        known = stored(key, self._current(), self._pepper)
        if known is None:
            return None
        standing = known.standing(self._now())
        if standing is not Standing.VALID:
            raise Unauthenticated(f"this key is {standing}; ask for its successor")
        return known.principal

    def _current(self) -> Mapping[str, StoredKey]:
        if not self._lock.acquire(blocking=not self._is_away):
            raise DatabaseAway
        try:
            passed = time.monotonic() - self._asked_at
            if self._is_away and passed < _AWAY_SECONDS:
                raise DatabaseAway
            if self._is_away or passed > _CACHE_SECONDS:
                self._refresh()
            return self._stored
        finally:
            self._lock.release()

    def _refresh(self) -> None:
        try:
            self._stored = self._read_stored()
            self._pepper = self._read_pepper()
            self._is_away = False
        except Exception:
            self._is_away = True
            raise
        finally:
            self._asked_at = time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorkeeper:
    """Who comes in at one service, and how often."""

    service: str
    ring: KeyRing
    throttle: Throttle
    lockout: Lockout

    def admit(self, request: Request, key: str | None, scope: str, bucket: str) -> Principal:
        """Return whose key it is; `request.state` knows from then on, refused or not.

        `bucket`: what the call takes its token from.

        Raises:
            Unauthenticated: no key, none that we know, or one that has ended (401).
            Forbidden: a known key without the scope, or for other services (403).
            TooMany: faster than the key may be used, or too many unknown keys (429).
        """
        found = self._known(key, _address(request))
        request.state.principal = found
        request.state.needed = scope
        seconds = self.throttle.wait(found.key_id or found.name, bucket)
        if seconds:
            raise TooMany("rate_limited", f"this key asks too often for '{bucket}' calls", seconds)
        if not found.reaches(self.service):
            listed = ", ".join(found.services)
            raise Forbidden(
                f"this key opens {listed}, and this is {self.service}; use one that opens it"
            )
        if not found.may(scope):
            raise Forbidden(
                f"this key has the scope '{found.scope}'; the call needs one with '{scope}'"
            )
        return found

    def recognize(self, request: Request) -> Principal:
        """Return whose key a request bears, whatever it may be used for.

        Raises:
            Unauthenticated: no key, none that we know, or one that has ended (401).
            TooMany: too many unknown keys (429).
        """
        return self._known(request.headers.get(HEADER), _address(request))

    def _known(self, key: str | None, address: str) -> Principal:
        """Return whose key it is; a valid one is let in whatever others at its address did.

        Nor is one that has ended a guess: its holder hears that, and locks nobody out.
        """
        if not key:
            raise Unauthenticated(f"no key came with this; send yours in the {HEADER} header")
        found = self.ring.identify(key) if len(key) <= _LONGEST_KEY else None
        if found is not None:
            return found
        waiting = self.lockout.wait(address)
        if not waiting:
            waiting = self.lockout.failed(address)
            if waiting:
                _log.warning("auth.locked_out", service=self.service, address=address)
            raise Unauthenticated("this key is not known here; check it for missing characters")
        raise TooMany("locked_out", "too many unknown keys came from this address", waiting)


@cache
def require(scope: str, bucket: str | None = None) -> Callable[..., Principal]:
    """Return the dependency that lets only keys with this scope in; OpenAPI names it too.

    Calls are counted by scope, or in the bucket named.
    """
    header = APIKeyHeader(
        name=HEADER,
        scheme_name=scope,
        auto_error=False,
        description=f"An API key with the scope '{scope}'",
    )

    def principal(request: Request, key: Annotated[str | None, Security(header)]) -> Principal:
        keeper: Doorkeeper = request.app.state.doorkeeper
        return keeper.admit(request, key, scope, bucket or scope)

    return principal


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"
