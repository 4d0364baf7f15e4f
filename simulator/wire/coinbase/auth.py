"""Who speaks: a token signed with the private half of the key, made for one request.

Header `alg` (ES256 or EdDSA), `kid`, `nonce`; claims `sub` (= kid), `iss`, `nbf`, `exp` at most
120 s later and `uri` (method, host and path without query; a WebSocket token has none).
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.types import Options

from simulator.wire.coinbase.errors import missing_scope, unauthorized
from simulator.wire.port import SimulatedKey

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey
_ISSUERS = ("cdp", "coinbase-cloud")  # the second is what older keys' clients still write
_LONGEST_SECONDS = 120
# the exchange's clock decides about times, not the machine's; the rest is looked at below
_SIGNATURE_ALONE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(slots=True, kw_only=True)
class Keyring:
    """The keys by name, their public halves, and the nonces of tokens that could still be used."""

    keys: Mapping[str, SimulatedKey]
    _publics: dict[str, PublicKey] = field(init=False)
    _seen: dict[str, int] = field(default_factory=dict[str, int])
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._publics = {name: public_half(key.secret) for name, key in self.keys.items()}

    def holder(self, token: str, uris: tuple[str, ...], now: float) -> SimulatedKey:
        """Return whose token it is; `uris` empty: a WebSocket token, of which none is asked.

        Raises:
            VenueError: 401, without a reason, as the venue says it.
        """
        header, claims = self._opened(token)
        name, nonce = claims.get("sub"), header.get("nonce")
        if not isinstance(name, str) or name != header.get("kid"):
            raise unauthorized()
        if not isinstance(nonce, str) or not nonce:
            raise unauthorized()
        if claims.get("iss") not in _ISSUERS or not _is_timely(claims, now):
            raise unauthorized()
        if uris and not set(uris) & set(_claimed(claims)):
            raise unauthorized()
        self._use(nonce, claims["exp"], now)
        return self.keys[name]

    def _opened(self, token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        try:
            header: dict[str, Any] = jwt.get_unverified_header(token)
            public = self._publics[header["kid"]]
            algorithm = "EdDSA" if isinstance(public, Ed25519PublicKey) else "ES256"
            claims: dict[str, Any] = jwt.decode(
                token, public, algorithms=[algorithm], options=_SIGNATURE_ALONE
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise unauthorized() from error
        return header, claims

    def _use(self, nonce: str, until: int, now: float) -> None:
        with self._lock:
            for old in [one for one, end in self._seen.items() if end <= now]:
                del self._seen[old]
            if nonce in self._seen:
                raise unauthorized()
            self._seen[nonce] = until


def bearer(authorization: str) -> str:
    """Return the token of an `Authorization` header.

    Raises:
        VenueError: 401, there is none.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or not token:
        raise unauthorized()
    return token


def demand_trading(key: SimulatedKey) -> None:
    """Raise VenueError (403) where the key may only read."""
    if not key.may_trade:
        raise missing_scope()


def public_half(secret: str) -> PublicKey:
    """Return the public key of a PEM private key, or of a base64 Ed25519 seed (32 or 64 bytes).

    Raises:
        ValueError: it is neither, or of another kind.
    """
    if secret.lstrip().startswith("-----BEGIN"):
        private = load_pem_private_key(secret.encode(), password=None)
        if isinstance(private, EllipticCurvePrivateKey | Ed25519PrivateKey):
            return private.public_key()
        raise ValueError("a Coinbase key is ECDSA (P-256) or Ed25519")
    try:
        seed = base64.b64decode("".join(secret.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is neither PEM nor base64") from error
    if len(seed) not in (32, 64):
        raise ValueError("an Ed25519 secret has 32 or 64 bytes")
    return Ed25519PrivateKey.from_private_bytes(seed[:32]).public_key()


def _is_timely(claims: Mapping[str, Any], now: float) -> bool:
    """No leeway: a client whose clock is a second ahead is refused, as the venue does."""
    begins, ends = claims.get("nbf"), claims.get("exp")
    if not (isinstance(begins, int) and isinstance(ends, int)):
        return False
    return begins <= now < ends and ends - begins <= _LONGEST_SECONDS


def _claimed(claims: Mapping[str, Any]) -> list[str]:
    """Return `uri`, or the list `uris` that Ed25519 clients write instead."""
    uri, uris = claims.get("uri"), claims.get("uris")
    if isinstance(uri, str):
        return [uri]
    return [one for one in uris if isinstance(one, str)] if isinstance(uris, list) else []
