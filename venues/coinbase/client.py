"""The owner's package, hardened: its map and its session, our clock, our limits, no retries.

What is overridden and why: the token carries the time we give it (the package reads the machine's
clock), the answer comes back as it came (the package parses, logs bodies and raises), and the
session is `venues.transport.HardSession`. Its WebSocket client is never used.
"""

import base64
import binascii
import http.client
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
import urllib3
from coinbase.constants import USER_AGENT
from coinbase.rest import RESTClient
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.domain.clock import EPOCH
from venues.errors import KeyRefused
from venues.port import VenueKeys, VenueName
from venues.transport import HardSession, Reach, Reply

LONGEST_TOKEN = timedelta(seconds=120)  # the venue takes none that is valid for longer
_SECOND = timedelta(seconds=1)


class Failed(Exception):
    """No answer came; `has_left` tells whether the venue may have the request all the same."""

    def __init__(self, why: str, *, has_left: bool) -> None:
        super().__init__(why)
        self.has_left = has_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when until when the venue believes a token; it counts in whole seconds.

    A token begins a second early: a clock known to a few milliseconds would otherwise, at the turn
    of a second, date it after the venue's own time, and the venue would refuse it.
    """

    signed_at: datetime
    window: timedelta = LONGEST_TOKEN

    @property
    def not_before(self) -> int:
        return (self.signed_at - EPOCH) // _SECOND - 1

    @property
    def expires(self) -> int:
        """Never later than `signed_at + window`, but for what a whole second needs."""
        end = (self.signed_at + min(self.window, LONGEST_TOKEN) - EPOCH) // _SECOND
        longest = self.not_before + LONGEST_TOKEN // _SECOND
        return max(min(end, longest), self.not_before + 1)


class Signer:
    """Makes tokens for one key: EC in PEM, or Ed25519 in PEM or base64."""

    def __init__(self, keys: VenueKeys) -> None:
        self._keys = keys
        self._private: EllipticCurvePrivateKey | Ed25519PrivateKey | None = None

    @property
    def has_key(self) -> bool:
        return bool(self._keys.key and self._keys.secret)

    def token(self, span: Span, uri: str | None = None) -> str:
        """Return a token for `METHOD host/path`, or for the stream.

        Raises:
            KeyRefused: there is no key, or it cannot sign.
        """
        private = self._private = self._private or self._load()
        claims: dict[str, str | int] = {
            "sub": self._keys.key,
            "iss": "cdp",
            "nbf": span.not_before,
            "exp": span.expires,
        }
        if uri is not None:
            claims["uri"] = uri
        algorithm = "EdDSA" if isinstance(private, Ed25519PrivateKey) else "ES256"
        headers = {"kid": self._keys.key, "nonce": secrets.token_hex(32)}
        try:
            return jwt.encode(claims, private, algorithm=algorithm, headers=headers)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _unfit_key() from error

    def _load(self) -> EllipticCurvePrivateKey | Ed25519PrivateKey:
        if not self.has_key:
            raise KeyRefused(VenueName.COINBASE, "this needs an API key, and none is set")
        try:
            return _private_key(self._keys.secret.replace("\\n", "\n"))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _unfit_key() from error


def _private_key(secret: str) -> EllipticCurvePrivateKey | Ed25519PrivateKey:
    if secret.lstrip().startswith("-----BEGIN"):
        private = load_pem_private_key(secret.encode(), password=None)
        if isinstance(private, EllipticCurvePrivateKey | Ed25519PrivateKey):
            return private
        raise ValueError("another kind of key")
    try:
        raw = base64.b64decode("".join(secret.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("neither PEM nor base64") from error
    return Ed25519PrivateKey.from_private_bytes(raw[:32] if len(raw) == 64 else raw)


def _unfit_key() -> KeyRefused:
    return KeyRefused(
        VenueName.COINBASE,
        "the API secret cannot sign; give the private key as Coinbase showed it (EC or Ed25519)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request; without a span it carries no token."""

    method: str
    path: str
    span: Span | None = None
    params: dict[str, Any] | None = None
    data: dict[str, Any] | None = None


class HardClient(RESTClient):
    """The package's client for one thread; `base_url` is a whole URL, http for simulators too."""

    def __init__(self, keys: VenueKeys, url: str, authority: str | None, reach: Reach) -> None:
        # given even where empty: the package would take them from the environment
        super().__init__(
            api_key=keys.key or None if keys.secret else None,
            api_secret=keys.secret or None if keys.key else None,
            base_url=urlsplit(url).netloc,
        )
        self.signer = Signer(keys)
        self.hard_session = HardSession(authority, reach)
        self.session = self.hard_session
        self._scheme = urlsplit(url).scheme
        self._span: Span | None = None

    def ask(self, question: Question) -> Reply:
        """Send one request once and return the answer, whatever it says.

        Raises:
            KeyRefused: nothing was sent, for want of a key.
            TooLate: nothing was sent, the time to send was over.
            Failed: no answer came.
        """
        departure = self.hard_session.departure
        departure.has_left = False
        self.hard_session.last = None
        self._span = question.span
        try:
            self.prepare_and_send_request(
                question.method,
                question.path,
                question.params,
                question.data,
                public=question.span is None,
            )
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
            ValueError,
        ) as error:
            raise Failed(type(error).__name__, has_left=departure.has_left) from error
        reply = self.hard_session.last
        if reply is None:
            raise Failed("no answer", has_left=departure.has_left)
        return reply

    def prepare_and_send_request(
        self,
        http_method: str,
        url_path: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        public: bool = False,  # noqa: FBT001, FBT002 - as in the package
    ) -> Any:
        if not public and not self.signer.has_key:
            raise KeyRefused(VenueName.COINBASE, "this needs an API key, and none is set")
        return super().prepare_and_send_request(http_method, url_path, params, data, public)

    def set_headers(self, method: str, path: str) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
        if self._span is not None:
            uri = f"{method} {self.base_url}{path}"
            headers["Authorization"] = f"Bearer {self.signer.token(self._span, uri)}"
        return headers

    def send_request(
        self,
        http_method: str,
        url_path: str,
        params: dict[str, Any] | None,
        headers: dict[str, str],
        data: dict[str, Any] | None = None,
    ) -> Any:
        self.session.request(
            http_method,
            f"{self._scheme}://{self.base_url}{url_path}",
            params=params,
            json=data,
            headers=headers,
        )
        return None
