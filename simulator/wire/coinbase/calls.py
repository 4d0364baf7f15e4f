"""A request as the answers read it, and what there is to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulator.engine.port import ExchangePort
from simulator.wire.coinbase.errors import invalid
from simulator.wire.coinbase.times import instant
from simulator.wire.port import Operation, SimulatedKey


class Access(StrEnum):
    PUBLIC = "public"
    VIEW = "view"
    TRADE = "trade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`query` holds each name with all its values; `body` is the JSON of a POST."""

    exchange: ExchangePort
    key: SimulatedKey
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: Mapping[str, Any]

    @property
    def account(self) -> str:
        return self.key.account

    def all(self, name: str) -> frozenset[str]:
        return frozenset(self.query.get(name, ()))

    def one(self, name: str) -> str:
        return next(iter(self.query.get(name, ())), "")

    def count(self, name: str, default: int, most: int) -> int:
        """Raise VenueError (400) where it is no whole number; more than `most` is `most`."""
        text = self.one(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            raise invalid(f"{name} is invalid")
        return min(int(text), most) or default

    def time(self, name: str) -> datetime | None:
        text = self.one(name)
        at = instant(text)
        if text and at is None:
            raise invalid(f"{name} is invalid")
        return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One endpoint; `path` with its parameters in braces."""

    method: str
    path: str
    operation: Operation
    access: Access
    answer: Callable[[Call], Any]
