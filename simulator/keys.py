"""API keys of the simulated exchanges: derived from the seed, so a restart keeps them."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from shared.domain.ids import derive
from simulator.wire.port import SimulatedKey
from venues.port import VenueName

# how many private keys the curve P-256 has (SEC 2, section 2.4.2)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def simulated_key(venue: VenueName, seed: int) -> SimulatedKey:
    """Return the one key of a venue, in the form the venue gives it out."""
    match venue:
        case VenueName.COINBASE:
            organization = derive("simulated organization", str(seed))
            name = derive("simulated key", venue, str(seed))
            return SimulatedKey(
                key=f"organizations/{organization}/apiKeys/{name}", secret=_private_key(seed)
            )
        case VenueName.BINANCE_US:
            return SimulatedKey(
                key=_digits(venue, "key", seed), secret=_digits(venue, "secret", seed)
            )
        case VenueName.KUCOIN:
            return SimulatedKey(
                key=_digits(venue, "key", seed)[:24],
                secret=derive("simulated secret", venue, str(seed)),
                passphrase=_digits(venue, "passphrase", seed)[:16],
            )


def _digits(venue: VenueName, what: str, seed: int) -> str:
    """Return 64 hexadecimal digits."""
    return sha256(f"simulated {venue} {what} {seed}".encode()).hexdigest()


def _private_key(seed: int) -> str:
    number = int(_digits(VenueName.COINBASE, "private key", seed), 16) % (_P256_ORDER - 1) + 1
    key = ec.derive_private_key(number, ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return pem.decode()
