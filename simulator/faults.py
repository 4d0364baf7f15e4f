"""The plan of faults: which request or event is hit, by what, and how often it was.

A plan is a list of rules `{"match": {...}, "do": {"fault": NAME, ...parameters}}`. Every rule
counts what it matches; it acts on the `nth` match and the `times - 1` after it (`times` 0: on all
from there on). Where several would act, the first in the list does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

import msgspec

from simulator.wire.port import Operation
from venues.port import VenueName

Parameter = str | float | bool | None


class Fault(StrEnum):
    """What can go wrong with a connection or a request, and, the last seven, with a stream."""

    CONNECT_REFUSED = "connect_refused"
    CONNECT_RESET = "connect_reset"
    TLS_CUT = "tls_cut"
    RESET_BEFORE_REQUEST = "reset_before_request"
    RESET_MID_REQUEST = "reset_mid_request"
    RESET_AFTER_ACCEPT = "reset_after_accept"
    TIMEOUT_THEN_ACCEPTED = "timeout_then_accepted"
    ACCEPTED_LATE = "accepted_late"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    DUPLICATE_ID = "duplicate_id"
    GARBAGE = "garbage"
    TRUNCATED_JSON = "truncated_json"
    RENAMED_FIELD = "renamed_field"
    SLOW_DRIP = "slow_drip"
    STALE_READS = "stale_reads"
    CLOCK_SKEW = "clock_skew"
    FILL_BEFORE_ACK = "fill_before_ack"
    STREAM_DUPLICATE = "stream_duplicate"
    STREAM_REORDER = "stream_reorder"
    STREAM_GAP = "stream_gap"
    STREAM_STALL = "stream_stall"
    STREAM_CUT = "stream_cut"
    STREAM_REPLAY = "stream_replay"


class Stage(StrEnum):
    """When a rule can be decided."""

    AT_ONCE = "at_once"  # with the plan
    HEAD = "head"  # the request line is known, its body unread
    WHOLE = "whole"  # the request is known
    CONNECTED = "connected"  # a stream has begun
    EVENT = "event"  # the stream is about to tell of an order


# what each fault may be told, and what it takes otherwise; seconds are real ones
PARAMETERS: Mapping[Fault, Mapping[str, Parameter]] = {
    Fault.CONNECT_REFUSED: {"seconds": 3.0},
    Fault.CONNECT_RESET: {"seconds": 3.0},
    Fault.TLS_CUT: {"seconds": 3.0},
    Fault.RESET_BEFORE_REQUEST: {},
    Fault.RESET_MID_REQUEST: {},
    Fault.RESET_AFTER_ACCEPT: {},
    Fault.TIMEOUT_THEN_ACCEPTED: {"seconds": 30.0, "accepted": "at_once"},
    Fault.ACCEPTED_LATE: {"seconds": 3.0, "answer": "hang"},
    Fault.ERROR_BEFORE: {"status": 500.0},
    Fault.ERROR_AFTER: {"status": 502.0},
    Fault.RATE_LIMITED: {"retry_after_seconds": None},
    Fault.BANNED: {"retry_after_seconds": 60.0},
    Fault.DUPLICATE_ID: {"is_processed": True},
    Fault.GARBAGE: {"is_processed": True},
    Fault.TRUNCATED_JSON: {},
    Fault.RENAMED_FIELD: {"field": "", "to": "renamed"},
    Fault.SLOW_DRIP: {"byte_seconds": 0.05},
    Fault.STALE_READS: {"seconds": 5.0},
    Fault.CLOCK_SKEW: {"seconds": 2.0},
    Fault.FILL_BEFORE_ACK: {"seconds": 0.5},
    Fault.STREAM_DUPLICATE: {},
    Fault.STREAM_REORDER: {"seconds": 1.0},
    Fault.STREAM_GAP: {},
    Fault.STREAM_STALL: {},
    Fault.STREAM_CUT: {},
    Fault.STREAM_REPLAY: {"seconds": 0.3},
}
OF_CONNECTIONS = (Fault.CONNECT_REFUSED, Fault.CONNECT_RESET, Fault.TLS_CUT)
_OF_THE_EXCHANGE = (Fault.STALE_READS, Fault.CLOCK_SKEW)
_EARLY = (Fault.RESET_BEFORE_REQUEST, Fault.RESET_MID_REQUEST)


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a rule is about; what is left out matches everything."""

    venue: VenueName | None = None
    operation: Operation | None = None
    symbol: str | None = None
    client_order_id: str | None = None
    nth: int = 1
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request or event; `text` is all of it that is known."""

    operation: Operation
    text: str


@dataclass(slots=True, kw_only=True)
class Rule:
    """`seen` counts matches, `hits` those acted on; `notes` say what came of them."""

    match: Match
    fault: Fault
    parameters: Mapping[str, Parameter]
    seen: int = 0
    hits: int = 0
    notes: list[str] = field(default_factory=list[str])

    @property
    def stage(self) -> Stage:
        if self.fault in OF_CONNECTIONS:
            return Stage.AT_ONCE
        if self.fault in _OF_THE_EXCHANGE:
            return Stage.AT_ONCE if self.match.operation is None else Stage.WHOLE
        if self.fault is Fault.STREAM_REPLAY:
            return Stage.CONNECTED
        if self.fault.startswith("stream_"):
            return Stage.EVENT
        is_of_body = self.match.symbol is not None or self.match.client_order_id is not None
        return Stage.HEAD if self.fault in _EARLY and not is_of_body else Stage.WHOLE

    def is_about(self, asked: Asked) -> bool:
        wanted = self.match
        if wanted.operation not in (None, asked.operation):
            return False
        if wanted.client_order_id is not None and wanted.client_order_id not in asked.text:
            return False
        return wanted.symbol is None or _names(wanted.symbol, asked.text)

    def counts(self) -> bool:
        """Count one match, and say whether to act on it."""
        self.seen += 1
        passed = self.seen - self.match.nth
        is_due = passed >= 0 and (self.match.times == 0 or passed < self.match.times)
        self.hits += is_due
        return is_due

    def seconds(self, name: str = "seconds") -> float:
        value = self.parameters[name]
        assert isinstance(value, int | float)
        return float(value)


def _names(symbol: str, text: str) -> bool:
    """Say whether a text names an instrument, in its own name or without the dash."""
    base, _, quote = symbol.partition("-")
    return re.search(rf"(?<![A-Z0-9]){base}[-/]?{quote}(?![A-Z0-9])", text) is not None


@dataclass(slots=True)
class FaultPlan:
    """The rules in force; safe for threads."""

    venue: VenueName
    _rules: list[Rule] = field(default_factory=list[Rule])
    _lock: Lock = field(default_factory=Lock)

    def put(self, rules: Sequence[Rule]) -> Sequence[Rule]:
        """Replace the plan, and return the rules of this venue that act at once."""
        mine = [rule for rule in rules if rule.match.venue in (None, self.venue)]
        with self._lock:
            self._rules = mine
        return [rule for rule in mine if rule.stage is Stage.AT_ONCE and rule.counts()]

    def take(self, stage: Stage, asked: Asked) -> Rule | None:
        """Count a request or event on every rule it matches, and return the one that acts."""
        with self._lock:
            about = [one for one in self._rules if one.stage is stage and one.is_about(asked)]
            due = [rule for rule in about if rule.counts()]
        return due[0] if due else None

    def described(self) -> Sequence[Mapping[str, Any]]:
        with self._lock:
            return [
                {
                    "match": rule.match,
                    "do": {"fault": rule.fault, **rule.parameters},
                    "seen": rule.seen,
                    "hits": rule.hits,
                    "notes": list(rule.notes),
                }
                for rule in self._rules
            ]
