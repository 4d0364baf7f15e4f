"""Who asks: the key, the signature over what was transmitted, and the time of the request."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from hashlib import sha256

from simulator.wire.binance_us.errors import VenueError, bad_key_format, key_refused, mandatory
from simulator.wire.binance_us.house import DEFAULT_RECV_WINDOW, MAX_AHEAD, MAX_RECV_WINDOW
from simulator.wire.binance_us.parameters import Parameters, milliseconds
from simulator.wire.port import SimulatedKey

_KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")


class Security(Enum):
    """What an endpoint asks of a request, in the venue's words; MARKET_DATA is as USER_STREAM."""

    NONE = auto()
    USER_STREAM = auto()
    USER_DATA = auto()
    TRADE = auto()


def authenticate(
    security: Security,
    keys: Mapping[str, SimulatedKey],
    name: str | None,
    parameters: Parameters,
    now: datetime,
) -> SimulatedKey | None:
    """Return whose request it is; None where the endpoint asks nobody.

    Raises:
        VenueError: the key is unknown or may not do this, the time or the signature is wrong.
    """
    if security is Security.NONE:
        return None
    key = _known(keys, name)
    if security is Security.USER_STREAM:
        return key
    check_time(parameters, now)
    check_signature(key.secret, parameters)
    if security is Security.TRADE and not key.may_trade:
        raise key_refused()
    return key


def _known(keys: Mapping[str, SimulatedKey], name: str | None) -> SimulatedKey:
    key = keys.get(name or "")
    if key is not None:
        return key
    raise key_refused() if name and _KEY_FORMAT.fullmatch(name) else bad_key_format()


def check_time(parameters: Parameters, now: datetime) -> None:
    """Accept iff timestamp < now + 1000 and now - timestamp <= recvWindow."""
    timestamp = parameters.integer("timestamp")
    if timestamp is None:
        raise mandatory("timestamp")
    window = parameters.integer("recvWindow")
    if window is not None and window > MAX_RECV_WINDOW:
        raise VenueError(-1131, f"recvWindow must be less than {MAX_RECV_WINDOW}.")
    venue_time = milliseconds(now)
    if timestamp >= venue_time + MAX_AHEAD:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if venue_time - timestamp > (DEFAULT_RECV_WINDOW if window is None else window):
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def check_signature(secret: str, parameters: Parameters) -> None:
    """The signature covers query and body as one text and is not case sensitive."""
    if not parameters.signature:
        raise mandatory("signature")
    expected = sign(secret, parameters.signed_text)
    if not hmac.compare_digest(expected.encode(), parameters.signature.lower().encode()):
        raise VenueError(-1022, "Signature for this request is not valid.")
