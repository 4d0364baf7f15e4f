"""One header for everybody: X-TRADING-API-KEY, with the scopes read, trade and admin."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from shared.http.errors import DatabaseAway, Forbidden, Unauthenticated
from shared.http.keys import KnownKey, Principal, identify

HEADER = "X-TRADING-API-KEY"
_CACHE_SECONDS = 5.0
_AWAY_SECONDS = 3.0

_header = APIKeyHeader(name=HEADER, auto_error=False, description="Your API key")


class KeyRing:
    """The keys from the configuration and, read at most every few seconds, from the database.

    A revoked key lives on for these seconds. While the database is away only configured keys count;
    one request at a time finds out whether it is back, all others are refused at once.
    """

    def __init__(
        self, configured: tuple[KnownKey, ...], read_stored: Callable[[], tuple[KnownKey, ...]]
    ) -> None:
        self._configured = configured
        self._read_stored = read_stored
        self._lock = Lock()
        self._stored: tuple[KnownKey, ...] = ()
        self._asked_at = float("-inf")
        self._is_away = False

    def identify(self, key: str) -> Principal | None:
        return identify(key, self._configured) or identify(key, self._current())

    def _current(self) -> tuple[KnownKey, ...]:
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
            self._is_away = False
        except Exception:
            self._is_away = True
            raise
        finally:
            self._asked_at = time.monotonic()


def require(scope: str) -> Callable[..., Principal]:
    """Return the dependency that lets only keys with this scope in.

    Raises:
        Unauthenticated: no key, or none that we know (401).
        Forbidden: a known key without the scope (403).
    """

    def principal(request: Request, key: Annotated[str | None, Security(_header)]) -> Principal:
        if not key:
            raise Unauthenticated(f"send your key in the {HEADER} header")
        ring: KeyRing = request.app.state.key_ring
        found = ring.identify(key)
        if found is None:
            raise Unauthenticated("this key is not known here; check it for missing characters")
        if not found.may(scope):
            raise Forbidden(f"this key has the scope '{found.scope}', the call needs '{scope}'")
        return found

    return principal
