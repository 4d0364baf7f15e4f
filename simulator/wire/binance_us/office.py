"""What the wire keeps beside the exchange: numbers it gave out, ids of cancels, listen keys."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from simulator.engine.model import SimulatedOrder
from simulator.engine.port import ExchangePort
from simulator.wire.binance_us.house import LISTEN_KEY_MINUTES
from simulator.wire.binance_us.limits import Gate
from simulator.wire.binance_us.parameters import Parameters
from simulator.wire.port import Premises, SimulatedKey


@dataclass(slots=True, kw_only=True)
class ListenKey:
    name: str
    account: str
    valid_until: datetime


@dataclass(slots=True, kw_only=True)
class Office:
    """`placed` finds an order for its cancel even while reads lag: cancels go to the engine."""

    premises: Premises
    gate: Gate
    placed: dict[tuple[str, str, str], SimulatedOrder] = field(
        default_factory=dict[tuple[str, str, str], SimulatedOrder]
    )
    cancel_ids: dict[str, str] = field(default_factory=dict[str, str])
    listen_keys: dict[str, ListenKey] = field(default_factory=dict[str, ListenKey])
    _given: int = 0

    @property
    def exchange(self) -> ExchangePort:
        return self.premises.exchange

    def new_id(self, length: int = 22) -> str:
        """Return an id of letters and digits that this wire has not given before."""
        self._given += 1
        text = f"{self.exchange.now().isoformat()} {self._given}"
        return sha256(text.encode()).hexdigest()[:length]

    def keep(self, symbol: str, order: SimulatedOrder) -> None:
        self.placed[order.asked.account, symbol, order.asked.client_order_id] = order
        self.placed[order.asked.account, symbol, f"#{order.number}"] = order

    def open_listen_key(self, account: str) -> ListenKey:
        """Return the account's key, valid for another hour; a new one where none is valid."""
        now = self.exchange.now()
        for one in self.listen_keys.values():
            if one.account == account and one.valid_until > now:
                self.prolong(one)
                return one
        name = self.new_id(64)
        self.listen_keys[name] = ListenKey(name=name, account=account, valid_until=now)
        self.prolong(self.listen_keys[name])
        return self.listen_keys[name]

    def prolong(self, key: ListenKey) -> None:
        key.valid_until = self.exchange.now() + timedelta(minutes=LISTEN_KEY_MINUTES)

    def listen_key(self, name: str) -> ListenKey | None:
        """Return the key of this name while it is valid."""
        key = self.listen_keys.get(name)
        return key if key is not None and key.valid_until > self.exchange.now() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One verified request; `key` is whose it is, None at public endpoints."""

    office: Office
    parameters: Parameters
    key: SimulatedKey | None

    @property
    def exchange(self) -> ExchangePort:
        return self.office.exchange

    @property
    def account(self) -> str:
        return self.owner.account

    @property
    def owner(self) -> SimulatedKey:
        assert self.key is not None, "a public endpoint has no owner"
        return self.key
