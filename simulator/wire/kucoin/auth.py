"""Whether a request is signed as KuCoin demands: versions 1, 2 and 3 of its keys."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from simulator.wire.kucoin.errors import (
    Complaint,
    bad_passphrase,
    bad_signature,
    bad_timestamp,
    missing_header,
    unknown_key,
)
from simulator.wire.kucoin.moments import milliseconds
from simulator.wire.port import SimulatedKey

HEADERS = ("kc-api-key", "kc-api-sign", "kc-api-timestamp", "kc-api-passphrase")
WINDOW_MS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmitted:
    """A request as it came over the wire; header names in lower case.

    `target` is the path with its query, still percent-encoded.
    """

    method: str
    target: str
    body: bytes
    headers: Mapping[str, str]


def signed_by(
    request: Transmitted, keys: Mapping[str, SimulatedKey], now: datetime
) -> SimulatedKey:
    """Return the key that signed the request.

    Raises:
        Complaint: 400001 to 400005, in this order, as the first fault is found.
    """
    if any(not request.headers.get(name) for name in HEADERS):
        raise missing_header()
    stamp = request.headers["kc-api-timestamp"]
    if not _is_timely(stamp, now):
        raise bad_timestamp()
    key = keys.get(request.headers["kc-api-key"])
    if key is None:
        raise unknown_key()
    fault = _fault(request, key, stamp)
    if fault is not None:
        raise fault
    return key


def sign(secret: str, payload: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), payload, "sha256")).decode()


def _is_timely(stamp: str, now: datetime) -> bool:
    is_number = stamp.isascii() and stamp.isdigit()
    return is_number and abs(milliseconds(now) - int(stamp)) <= WINDOW_MS


def _fault(request: Transmitted, key: SimulatedKey, stamp: str) -> Complaint | None:
    # clients sign the query before it is percent-encoded, and send it after
    targets = {request.target, unquote(request.target)}
    payloads = [f"{stamp}{request.method}{target}".encode() + request.body for target in targets]
    given = request.headers["kc-api-sign"]
    if not any(_is_same(given, sign(key.secret, payload)) for payload in payloads):
        return bad_signature()
    is_plain = request.headers.get("kc-api-key-version", "1") == "1"
    passphrase = key.passphrase if is_plain else sign(key.secret, key.passphrase.encode())
    if not _is_same(request.headers["kc-api-passphrase"], passphrase):
        return bad_passphrase()
    return None


def _is_same(given: str, due: str) -> bool:
    return hmac.compare_digest(given.encode(), due.encode())
