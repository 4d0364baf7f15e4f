"""kucoin-python, hardened: every call of it goes through one method, and that method is ours.

The package would sign with the second instead of the millisecond, throw away statuses and headers,
raise a bare exception for everything and take `None` for an answer. What is used of it is its map
of endpoints and parameters; what comes back is the venue's reply as it came.
"""

import base64
import hashlib
import hmac
import json
import re
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from shared.domain.clock import EPOCH, SystemClock
from shared.domain.errors import BadInput
from shared.domain.venue import OrderRef
from venues.port import VenueAddress, VenueKeys
from venues.transport import HardSession, Reach, Reply

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package asks pkg_resources for its own version
    from kucoin.client import Market, Trade, User, WsToken

# a method of the package, bound to its arguments: it returns a `Reply`
Call = Callable[[], Any]

_MILLISECOND = timedelta(milliseconds=1)
_PUBLIC = ("/api/v1/market/", "/api/v2/symbols", "/api/v1/timestamp", "/api/v1/status")
_KEY_VERSION = "2"
# the venue verifies a query as it was before it was escaped: nothing may need escaping
_PLAIN = re.compile(r"[A-Za-z0-9/_.=&?-]*", re.ASCII)


def millis(instant: datetime) -> int:
    """Return whole milliseconds since 1970."""
    return (instant - EPOCH) // _MILLISECOND


def _signed(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def signature_headers(keys: VenueKeys, millisecond: int, text: str) -> Mapping[str, str]:
    """Return what proves a request; `text` is method, path with query, and body."""
    return {
        "KC-API-KEY": keys.key,
        "KC-API-TIMESTAMP": str(millisecond),
        "KC-API-SIGN": _signed(keys.secret, f"{millisecond}{text}"),
        "KC-API-PASSPHRASE": _signed(keys.secret, keys.passphrase),
        "KC-API-KEY-VERSION": _KEY_VERSION,
    }


class HardClient(Market, Trade, User, WsToken):
    """The package's methods, each answering with the `Reply` to exactly one request.

    They raise what `requests` raises, or TooLate; `hard.departure` says whether a byte left.
    """

    def __init__(self, keys: VenueKeys, address: VenueAddress, reach: Reach) -> None:
        super().__init__(key=keys.key, secret=keys.secret, passphrase=keys.passphrase)
        self.url = address.rest
        self.hard = HardSession(address.authority, reach)
        self.session = self.hard
        self._keys = keys
        self._clock = SystemClock()
        self._signed_at: datetime | None = None
        self.offset = timedelta()

    def venue_now(self) -> datetime:
        return self._clock.now() + self.offset

    @contextmanager
    def dated(self, signed_at: datetime) -> Generator[None]:
        """Date the requests of the block with `signed_at` instead of the venue's time."""
        self._signed_at = signed_at
        try:
            yield
        finally:
            self._signed_at = None

    def get_api_key(self) -> Reply:
        """Ask what the key may do: the package has no method for it."""
        return self._request("GET", "/api/v1/user/api-key")

    def single_order(self, order: OrderRef) -> Call:
        """Return the question for one order, by our id or by the venue's where ours is empty."""
        if order.client_order_id:
            return partial(
                self.get_single_hf_order_by_client_oid, order.symbol, order.client_order_id
            )
        return partial(self.get_single_hf_order, order.symbol, order.venue_order_id)

    def single_cancel(self, order: OrderRef) -> Call:
        if order.client_order_id:
            return partial(self.cancel_hf_order_by_client_id, order.symbol, order.client_order_id)
        return partial(self.cancel_hf_order_by_order_id, order.symbol, order.venue_order_id)

    def _request(
        self,
        method: str,
        uri: str,
        timeout: float = 0,
        auth: bool = True,  # noqa: FBT001, FBT002 - the package's own signature
        params: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Send one request; time limits are the session's, not `timeout`."""
        del timeout
        self.hard.departure.has_left = False
        target, body = _target(method, uri, params)
        headers = {"Content-Type": "application/json", "User-Agent": "kucoin-python-sdk"}
        if auth and not uri.startswith(_PUBLIC):
            millisecond = millis(self._signed_at or self.venue_now())
            headers |= signature_headers(self._keys, millisecond, f"{method}{target}{body}")
        self.hard.request(method, f"{self.url}{target}", headers=headers, data=body.encode())
        if self.hard.last is None:
            raise BadInput("session", "it kept no reply", "send with a HardSession")
        return self.hard.last


def _target(method: str, uri: str, params: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return the path with its query, and the body."""
    if method in ("GET", "DELETE"):
        query = "&".join(f"{name}={value}" for name, value in sorted((params or {}).items()))
        target = f"{uri}?{query}" if query else uri
        body = ""
    else:
        target, body = uri, json.dumps(dict(params)) if params else ""
    if not _PLAIN.fullmatch(target):
        raise BadInput("request", f"'{quote(target)}' needs escaping", "use plain letters and ids")
    return target, body
