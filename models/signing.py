"""Who made a release: Ed25519 signatures over the exact bytes of its manifest.

`manifest.sig` is one line: `ed25519 <key id> <signature as hex>`. The key id only says which of the
trusted keys to ask; it is the start of the public key's sha256.
"""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Literal, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from shared.domain.errors import BadInput, Refused

KEYS_FOLDER = "keys"
PRIVATE_KEY = "model_signing.pem"
PUBLIC_KEYS = "model_signing.pub"

_ID_LENGTH = 16
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(rb"ed25519 (?P<key>[0-9a-f]{16}) (?P<hex>[0-9a-f]{128})\n")

TrustedKeys: TypeAlias = Mapping[str, bytes]
"""Public keys, 32 bytes each, by key id."""


class NotTrusted(Refused):
    """A signature that proves nothing; `reason` says why."""

    def __init__(
        self, reason: Literal["unsigned", "bad_signature", "unknown_key"], detail: str
    ) -> None:
        super().__init__(detail)
        self.reason: Literal["unsigned", "bad_signature", "unknown_key"] = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose releases are believed.

    `tolerates_unsigned` lets a release without a signature pass, never one with a wrong one: for
    development, and impossible in live mode (`shared.runtime.settings`).
    """

    keys: TrustedKeys = field(default_factory=dict[str, bytes])
    tolerates_unsigned: bool = False


NOBODY = Trust()
ANY_UNSIGNED = Trust(tolerates_unsigned=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signer:
    """A private key in memory; it is never printed."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def public_text(self) -> str:
        """Return the public key as settings and files hold it: 64 hexadecimal digits."""
        return self.public.hex()

    @property
    def key_id(self) -> str:
        return key_id(self.public)

    @property
    def trust(self) -> Trust:
        """Return the trust in this key alone."""
        return Trust(keys={self.key_id: self.public})

    def signature(self, content: bytes) -> bytes:
        """Return the text of `manifest.sig` for these bytes of `manifest.json`."""
        return f"ed25519 {self.key_id} {self.private.sign(content).hex()}\n".encode()


def key_id(public: bytes) -> str:
    return sha256(public).hexdigest()[:_ID_LENGTH]


def check_signature(content: bytes, signature: bytes | None, trust: Trust) -> str | None:
    """Return the id of the key that signed, or None for a tolerated release without signature.

    Raises:
        NotTrusted: unsigned, signed by somebody else, or changed since.
    """
    if signature is None:
        if trust.tolerates_unsigned:
            return None
        raise NotTrusted("unsigned", "there is no signature; train again to get one")
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        raise NotTrusted("bad_signature", "the signature is not of the form that is written here")
    who = found["key"].decode()
    public = trust.keys.get(who)
    if public is None:
        raise NotTrusted("unknown_key", f"signed by key {who}, which is not trusted here")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            bytes.fromhex(found["hex"].decode()), content
        )
    except (InvalidSignature, ValueError):
        raise NotTrusted("bad_signature", f"not what key {who} signed") from None
    return who


def new_key(path: Path) -> Signer:
    """Write a new private key (PEM, mode 0600) unless there is one; return the one that is there.

    Two processes that do so at once agree on one key.
    """
    if path.exists():
        return load_signer(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    descriptor, draft = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster
            os.link(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)
    return load_signer(path)


def load_signer(source: Path | bytes) -> Signer:
    """Return the signer of a PEM file or its content.

    Raises:
        BadInput: it cannot be read, or holds no Ed25519 private key without a password.
    """
    remedy = "give an Ed25519 private key as PEM, without a password"
    try:
        pem = source if isinstance(source, bytes) else source.read_bytes()
        private = load_pem_private_key(pem, password=None)
    except OSError as error:
        raise BadInput("model signing key", f"{source!s}: {error.strerror}", remedy) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput("model signing key", "is no private key", remedy) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BadInput("model signing key", "is of another kind", remedy)
    return Signer(private=private)


def trusted_keys(texts: Iterable[str]) -> TrustedKeys:
    """Return public keys given as 64 hexadecimal digits each.

    Raises:
        BadInput: one is something else.
    """
    keys: dict[str, bytes] = {}
    for text in texts:
        if not _PUBLIC_KEY.fullmatch(text.lower()):
            raise BadInput(
                "model public key",
                f"'{text[:80]}' is no public key",
                f"copy the 64 digits of {KEYS_FOLDER}/{PUBLIC_KEYS}",
            )
        public = bytes.fromhex(text)
        keys[key_id(public)] = public
    return keys
