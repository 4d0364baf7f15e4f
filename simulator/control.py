"""The simulator's own interface under `/__sim/`: look at the truth, and make things happen.

Unsigned, and therefore answered to this machine alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, TypeVar

import msgspec

from shared.domain.errors import BadInput
from shared.domain.values import to_text
from simulator.control_asked import (
    AskedAdvance,
    AskedClock,
    AskedFunds,
    AskedLag,
    AskedOrder,
    AskedPrice,
)
from simulator.engine.clocks import ManualClock
from simulator.engine.exchange import Exchange
from simulator.engine.model import NewOrder, Refusal, SimulatedOrder
from simulator.faults import OF_CONNECTIONS, FaultPlan, Rule
from simulator.faults_http import Message, Receive, Send, disturb
from simulator.faults_reading import read_plan
from simulator.oracle import oracle_of

PREFIX = "/__sim/"
_MAX_BODY_BYTES = 1_000_000
_BEFORE_SHUTTING = 0.05
_LONGEST_SECONDS = 365 * 86_400

Shut = Callable[[Rule], Any]
AskedT = TypeVar("AskedT")


@dataclass(slots=True, kw_only=True)
class Control:
    """`shut` closes the door as a rule says, and is given the server's loop to do it."""

    exchange: Exchange
    plan: FaultPlan
    shut: Shut

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        name = str(scope["path"]).removeprefix(PREFIX)
        handler = self._handlers().get((str(scope["method"]), name))
        if handler is None or not _is_near(scope):
            await _answer(send, 404, {"reason": "not_found", "detail": f"no {PREFIX}{name}"})
            return
        try:
            status, document = 200, handler(await _body(receive))
        except BadInput as error:
            status, document = 422, _problem(error)
        except Refusal as refusal:
            status = 409
            document = {"reason": refusal.rejection, "detail": refusal.detail}
        await _answer(send, status, document)

    def _handlers(self) -> Mapping[tuple[str, str], Callable[[bytes], Any]]:
        return {
            ("GET", "health"): lambda _: self._health(),
            ("GET", "oracle"): lambda _: oracle_of(self.exchange),
            ("GET", "faults"): lambda _: self.plan.described(),
            ("POST", "faults"): self._put_faults,
            ("DELETE", "faults"): lambda _: self.clear(),
            ("POST", "price"): self._price,
            ("POST", "advance"): self._advance,
            ("POST", "clock"): self._clock,
            ("POST", "funds"): self._funds,
            ("POST", "lag"): self._lag,
            ("POST", "order"): self._order,
        }

    def _health(self) -> Mapping[str, Any]:
        breaches = self.exchange.breaches()
        return {
            "venue": self.exchange.house.name,
            "now": self.exchange.advance(),
            "symbols": list(self.exchange.listings),
            "is_conserved": not breaches,
        }

    def put(self, document: object) -> Sequence[Rule]:
        """Put a plan in force, and return its rules that shut the door.

        Raises:
            BadInput: the plan cannot be understood; the old one stays.
        """
        rules = read_plan(document)
        self.clear()
        at_once = self.plan.put(rules)
        for rule in at_once:
            if rule.fault not in OF_CONNECTIONS:
                disturb(self.exchange, rule)
        return [rule for rule in at_once if rule.fault in OF_CONNECTIONS]

    def clear(self) -> Sequence[Any]:
        """Take the plan away, and with it a lag and a wrong clock."""
        self.exchange.set_lag(timedelta(0))
        self.exchange.set_offset(timedelta(0))
        self.plan.put(())
        return []

    def _put_faults(self, body: bytes) -> Any:
        for rule in self.put(_read(body, object)):
            asyncio.get_running_loop().call_later(_BEFORE_SHUTTING, self.shut, rule)
        return self.plan.described()

    def _price(self, body: bytes) -> Any:
        asked = _read(body, AskedPrice)
        if asked.symbol not in self.exchange.listings:
            listed = ", ".join(self.exchange.listings)
            raise BadInput("symbol", f"'{asked.symbol}' is not listed", f"use {listed}")
        for field in ("price", "level_quantity"):
            value = getattr(asked, field)
            if value is not None and not (value.is_finite() and value > 0):
                raise BadInput(field, f"{value} is not above 0", "give a positive number")
        self.exchange.set_price(asked.symbol, asked.price, asked.level_quantity)
        depth = self.exchange.depth(asked.symbol)
        return {"bid": depth.bids[0][0], "ask": depth.asks[0][0]}

    def _advance(self, body: bytes) -> Any:
        seconds = _read(body, AskedAdvance).seconds
        clock = self.exchange.clock.base
        if not isinstance(clock, ManualClock):
            raise BadInput(
                "seconds",
                "this exchange keeps the machine's time",
                "start it with --manual-clock, or leave it out to let time do its work",
            )
        if not 0 <= seconds <= _LONGEST_SECONDS:
            raise BadInput("seconds", f"{seconds} is out of range", "give 0 to 31536000")
        clock.go_on(timedelta(seconds=seconds))
        return {"now": self.exchange.advance()}

    def _clock(self, body: bytes) -> Any:
        offset = _seconds("offset_seconds", _read(body, AskedClock).offset_seconds)
        self.exchange.set_offset(offset)
        return {"now": self.exchange.now()}

    def _lag(self, body: bytes) -> Any:
        lag = _seconds("seconds", _read(body, AskedLag).seconds)
        if lag < timedelta(0):
            raise BadInput("seconds", "reads cannot lead", "give 0 or more")
        self.exchange.set_lag(lag)
        return {"seconds": lag.total_seconds()}

    def _funds(self, body: bytes) -> Any:
        asked = _read(body, AskedFunds)
        if not asked.amount.is_finite():
            raise BadInput("amount", f"{asked.amount} is no amount", "give a finite number")
        self.exchange.deposit(asked.account, asked.asset, asked.amount)
        return self.exchange.funds(asked.account)

    def _order(self, body: bytes) -> SimulatedOrder:
        asked = _read(body, AskedOrder)
        return self.exchange.submit(NewOrder(**msgspec.structs.asdict(asked)))


def _seconds(field: str, value: float) -> timedelta:
    if not abs(value) <= _LONGEST_SECONDS:
        raise BadInput(field, f"{value} is out of range", "give at most 31536000")
    return timedelta(seconds=value)


def _is_near(scope: Mapping[str, Any]) -> bool:
    """Say whether a request comes from this machine."""
    client = scope.get("client")
    try:
        return client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _read(body: bytes, kind: type[AskedT]) -> AskedT:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        remedy = "see docs/simulator.md for the fields"
        raise BadInput(where.strip("`$.") or "body", problem, remedy) from error
    except msgspec.DecodeError as error:
        raise BadInput("body", f"no JSON: {error}", "send a JSON document") from error


def _problem(error: BadInput) -> Mapping[str, str]:
    return {
        "reason": error.reason,
        "field": error.field,
        "problem": error.problem,
        "remedy": error.remedy,
    }


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message: Message = await receive()
        body += message.get("body", b"")
        if len(body) > _MAX_BODY_BYTES:
            raise BadInput("body", "it is longer than a megabyte", "send less")
        if not message.get("more_body", False):
            return body


def _plain(value: Any) -> Any:
    """Return a document in which every amount is plain text."""
    match value:
        case Decimal():
            return to_text(value)
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value


async def _answer(send: Send, status: int, document: Any) -> None:
    body = msgspec.json.encode(_plain(msgspec.to_builtins(document, builtin_types=(Decimal,))))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
