"""What a wire is made of, and what the server asks of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulator.engine.port import ExchangePort

# an ASGI application: scope, receive, send
Application = Callable[[Any, Any, Any], Any]


class Operation(StrEnum):
    """What a request is about, for the plan of faults; the same words at every venue."""

    CREATE = "create"
    CANCEL = "cancel"
    QUERY = "query"
    OPEN_ORDERS = "open_orders"
    HISTORY = "history"
    FILLS = "fills"
    BALANCES = "balances"
    PERMISSIONS = "permissions"
    FEES = "fees"
    DEAD_MAN = "dead_man"
    STREAM = "stream"
    TIME = "time"
    RULES = "rules"
    BOOK = "book"
    CANDLES = "candles"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedKey:
    """An API key of the simulated exchange.

    `secret` is what the user's program is given: text for HMAC, or a PEM private key (Coinbase), of
    which the wire keeps the public half. `account` is whose funds it spends.
    """

    key: str
    secret: str = field(repr=False)
    passphrase: str = field(default="", repr=False)
    account: str = "main"
    may_trade: bool = True
    may_withdraw: bool = False
    is_ip_restricted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """`scale` multiplies every limit of the venue."""

    is_enforced: bool = True
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a wire stands on. `keys` by their public name (API key, key id)."""

    exchange: ExchangePort
    keys: Mapping[str, SimulatedKey]
    limits: RateLimits = RateLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One venue's protocol, ready to be served; `operation` reads a request's method and path."""

    application: Application
    operation: Callable[[str, str], Operation]
