"""What tables tell of a decision beside the log of facts: the books, the audit, what was forgotten.

The log forgets old facts; recommendations, verdicts, orders and fills stay, and are told from their
rows then.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, select

from launcher.audited_verdicts import altered, audited
from launcher.thread import Thread
from launcher.wording import (
    approved_lines,
    denied_lines,
    fill_line,
    order_line,
    recommendation_line,
    signal_lines,
)
from portfolio.core.booking import SourceKind
from portfolio.tables import ledger_entries
from risk.repository.decisions import Outcome
from shared.bus.codec import from_builtins
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Signal
from shared.domain.values import MONEY, to_text
from shared.domain.verdict import Approved, Denied

Step = dict[str, Any]
_PLACES = {"recommender": 1, "risk": 2, "executor": 3, "portfolio": 4}
"""Who acts after whom on what happens at one instant."""
Told = TypeVar("Told", OrderSnapshot, Fill)


def step(what: str, by: str, at: datetime, lines: Sequence[str]) -> Step:
    return {"what": what, "by": by, "at": at.isoformat(), "lines": list(lines)}


def forgotten(thread: Thread, mentioned: set[str]) -> list[Step]:
    """Tell from rows what no fact that is still there mentions."""
    steps = [
        step("signal", "signals", row.closed_at, signal_lines(from_builtins(row.payload, Signal)))
        for row in thread.said.values()
        if row.signal_id not in mentioned and hasattr(row, "payload")
    ]
    steps += [
        step("recommendation", "recommender", row.decided_at, [_recommendation(row)])
        for row in thread.issued
        if row.recommendation_id not in mentioned
    ]
    steps += [
        step(f"verdict {row.verdict}", "risk", row.reviewed_at, _verdict(row))
        for row in thread.decisions
        if row.decision_id not in mentioned
    ]
    steps += [
        step("order", "executor", row.updated_at, [order_line(_like(OrderSnapshot, row))])
        for row in thread.orders.values()
        if row.client_order_id not in mentioned
    ]
    steps += [
        step("fill", "executor", row.filled_at, [fill_line(_like(Fill, row))])
        for row in thread.fills
        if row.trade_id not in mentioned
    ]
    return steps


def _like(kind: type[Told], row: Row[Any]) -> Told:
    """Return a row as the record whose fields are its columns."""
    return kind(**{one.name: getattr(row, one.name) for one in fields(kind)})


def _recommendation(row: Row[Any]) -> str:
    return recommendation_line(from_builtins(row.payload, Recommendation))


def _verdict(row: Row[Any]) -> list[str]:
    if row.verdict == Outcome.APPROVED:
        return approved_lines(from_builtins(row.payload, Approved))
    return denied_lines(from_builtins(row.payload, Denied))


def books_steps(connection: Connection, thread: Thread) -> list[Step]:
    """Tell what the fills did to the ledger, and how their round trips ended."""
    sources = [f"{row.venue}:{row.account}:{row.trade_id}" for row in thread.fills]
    statement = select(ledger_entries).where(
        ledger_entries.c.account == thread.account,
        ledger_entries.c.source_kind == SourceKind.FILL,
        ledger_entries.c.source_id.in_(sources),
    )
    order = (ledger_entries.c.booked_at, ledger_entries.c.source_id, ledger_entries.c.leg)
    entries = connection.execute(statement.order_by(*order)).all()
    steps = [
        step("ledger", "portfolio", found[0].booked_at, [source, *map(_entry, found)])
        for source in dict.fromkeys(row.source_id for row in entries)
        if (found := [row for row in entries if row.source_id == source])
    ]
    trips = [
        step("round trip", "portfolio", row.closed_at or row.opened_at, _trip(row))
        for row in thread.trips.values()
    ]
    return steps + trips


def _entry(row: Row[Any]) -> str:
    gained = "gains" if row.amount >= 0 else "gives"
    return f"{row.holder} {gained} {to_text(abs(row.amount))} {row.asset}"


def _trip(row: Row[Any]) -> list[str]:
    sizes = f"bought {to_text(row.bought)}, sold {to_text(row.sold)}"
    began = f"{row.symbol} since {row.opened_at:%Y-%m-%d %H:%M}: {sizes}, {row.trip_id}"
    if row.closed_at is None:
        return [began, "still open"]
    pnl = MONEY.subtract(row.proceeds, row.cost)
    ratio = f" ({pnl / row.cost:+.2%})" if row.cost else ""
    why = f" by {row.exit_reason}" if row.exit_reason else ""
    result = f"cost {to_text(row.cost)}, proceeds {to_text(row.proceeds)}, fees in"
    ended = f"closed {row.closed_at:%Y-%m-%d %H:%M}{why}: {to_text(pnl)}{ratio}; {result}"
    return [began, ended]


def audit_steps(connection: Connection, thread: Thread) -> list[Step]:
    """Tell what the audit has of it, and whether verdicts are still what was audited."""
    if not thread.deeds:
        return []
    in_order = sorted(thread.deeds, key=lambda row: (row.at, _PLACES.get(row.chain, 0), row.seq))
    lines = [_deed(row) for row in in_order]
    lines += _altered(connection, thread)
    return [step("audit", "audit", thread.deeds[-1].at, lines)]


def _deed(row: Row[Any]) -> str:
    detail = msgspec.json.encode(row.detail).decode()
    return f"{row.chain}:{row.seq} {row.action} by {row.actor} {detail}"


def _altered(connection: Connection, thread: Thread) -> list[str]:
    """Compare each stored verdict with what the audit has of it."""
    verdicts = [audited(deed.action, deed.subject, deed.detail) for deed in thread.deeds]
    wrong = altered(connection, [one for one in verdicts if one is not None])
    return [f"ALTERED: {what}" for what in wrong.values()]
