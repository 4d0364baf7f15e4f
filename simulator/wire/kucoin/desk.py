"""What this wire itself remembers: notes on orders, their ids, tokens, switches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from shared.domain.ids import Symbol, derive
from simulator.engine.model import Listing, SimulatedOrder
from simulator.engine.port import ExchangePort
from simulator.wire.port import Premises, SimulatedKey

TOKEN_LIFE = timedelta(hours=24)
UNNAMED = "~"  # begins the id of an order that was given none; no client may use it


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What KuCoin keeps of an order and the exchange behind has no use for."""

    remark: str | None = None
    tags: str | None = None
    stp: str | None = None
    is_hidden: bool = False
    is_iceberg: bool = False
    visible_size: str = "0"


PLAIN = Note()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """An armed dead-man switch."""

    timeout_seconds: int
    symbols: Sequence[Symbol]
    triggers_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may be answered; `key` is None at public endpoints.

    `origin` is how the client reached us: `http://host:port/`.
    """

    origin: str
    places: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    key: SimulatedKey | None

    @property
    def account(self) -> str:
        assert self.key is not None, "only private endpoints ask whose account it is"
        return self.key.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    account: str | None
    ends_at: datetime


@dataclass(slots=True, kw_only=True)
class Desk:
    """`switches` by account, `tokens` by themselves. Safe for threads."""

    premises: Premises
    switches: dict[str, Switch] = field(default_factory=dict[str, Switch])
    _notes: dict[str, Note] = field(default_factory=dict[str, Note])
    _newest: dict[tuple[str, str], tuple[str, Symbol]] = field(
        default_factory=dict[tuple[str, str], tuple[str, Symbol]]
    )
    _symbols: dict[tuple[str, str], Symbol] = field(default_factory=dict[tuple[str, str], Symbol])
    _tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    _count: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def exchange(self) -> ExchangePort:
        return self.premises.exchange

    def listing(self, symbol: str) -> Listing | None:
        return self.exchange.listings.get(Symbol(symbol))

    def number(self) -> int:
        with self._lock:
            self._count += 1
            return self._count

    def remember(self, order: SimulatedOrder, note: Note) -> None:
        account, symbol = order.asked.account, order.asked.symbol
        with self._lock:
            self._notes[order.venue_order_id] = note
            self._symbols[account, order.venue_order_id] = symbol
            named = (account, order.asked.client_order_id)
            self._newest[named] = (order.venue_order_id, symbol)

    def note(self, venue_order_id: str) -> Note:
        return self._notes.get(venue_order_id, PLAIN)

    def is_at(self, account: str, venue_order_id: str, symbol: str) -> bool:
        """Tell whether the order is on this symbol; an order we never saw may be."""
        return self._symbols.get((account, venue_order_id), symbol) == symbol

    def newest(self, account: str, client_order_id: str, symbol: str) -> str | None:
        """Return the venue id of the latest order with this client id, lag or no lag."""
        found = self._newest.get((account, client_order_id))
        if found is None or found[1] != symbol:
            return None
        return found[0]

    def issue_token(self, account: str | None) -> str:
        token = derive("kucoin.token", account or "", str(self.number())).replace("-", "")
        with self._lock:
            ends_at = self.exchange.now() + TOKEN_LIFE
            self._tokens[token] = Token(account=account, ends_at=ends_at)
        return token

    def token(self, text: str) -> Token | None:
        token = self._tokens.get(text)
        if token is None or token.ends_at < self.exchange.now():
            return None
        return token
