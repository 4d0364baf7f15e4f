"""Stored verdicts compared with what the audit says of them: changed, gone, or never audited.

The audit holds the digest of each verdict as it was given, and the verdict says everything that
the columns beside it repeat; so none of those can be changed unnoticed either.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Text, exists, func, select, type_coerce

from risk.repository.decisions import Outcome
from risk.tables import risk_decisions
from shared.db.audit import audit
from shared.db.audit_check import NAMED, Finding, Flaw, Kept
from shared.domain.values import exact

_FAMILY = "verdict."
_PAGE = 5_000
_UNREADABLE = (ArithmeticError, ValueError, msgspec.MsgspecError)
_COPIED = ("account", "recommendation_id", "symbol", "purpose", "limits_version", "decided_at")
_DOCUMENTS = ("reasons", "sizing", "payload")
_TABLE = risk_decisions.c
_STORED = select(
    *(column for column in _TABLE if column.name not in (*_DOCUMENTS, "reviewed_at")),
    *(type_coerce(_TABLE[name], Text).label(name) for name in _DOCUMENTS),
)


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict says that columns repeat; documents as they are written, to the letter."""

    account: str
    recommendation_id: str
    symbol: str
    purpose: str
    limits_version: int
    decided_at: datetime
    sizing: msgspec.Raw
    breaches: msgspec.Raw = msgspec.Raw(b"[]")
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    expires_at: datetime | None = None


_read = msgspec.json.Decoder(_Said).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What the audit says of one verdict; `digest` is the SHA-256 of the whole of it."""

    decision_id: str
    outcome: str
    digest: str


def audited(action: str, subject: str, detail: Any) -> Audited | None:
    """Return what a row of the audit says of a verdict, None where it is about none."""
    if not action.startswith(_FAMILY) or not isinstance(detail, dict):
        return None
    words: Mapping[str, Any] = detail
    digest = words.get("payload")
    if not isinstance(digest, str):
        return None
    return Audited(decision_id=subject, outcome=action.removeprefix(_FAMILY), digest=digest)


def altered(connection: Connection, verdicts: Sequence[Audited]) -> dict[str, str]:
    """Return by decision what is wrong with it, in a sentence; nothing where all is as audited."""
    stored = _stored(connection, [one.decision_id for one in verdicts])
    found = {one.decision_id: _difference(one, stored) for one in verdicts}
    return {decision: what for decision, what in found.items() if what is not None}


@dataclass(slots=True)
class Comparison:
    """Compares verdicts while the audit is walked; `rows` were compared, `unnamed` go unnamed."""

    connection: Connection
    rows: int = 0
    unnamed: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])

    def see(self, chain: str, page: Sequence[Kept]) -> None:
        """Compare the verdicts that a page of a chain tells of with what is stored."""
        told = [(row.seq, one) for row in page if (one := _told(row)) is not None]
        if not told:
            return
        self.rows += len(told)
        wrong = altered(self.connection, [one for _, one in told])
        for seq, one in told:
            if (what := wrong.get(one.decision_id)) is not None:
                self._find(chain, seq, Flaw.ALTERED, f"row {seq}: {what}")

    def look_behind(self, report: Callable[[int], None]) -> None:
        """Find stored verdicts that the audit does not tell of; report how many were looked at."""
        for number, unknown in enumerate(_unaudited(self.connection), 1):
            for decision in unknown:
                words = f"the verdict {decision} is stored and was never audited"
                self._find(risk_decisions.name, 0, Flaw.UNAUDITED, words)
            report(number * _PAGE)

    def _find(self, chain: str, seq: int, flaw: Flaw, what: str) -> None:
        if len(self.findings) < NAMED:
            self.findings.append(Finding(chain=chain, seq=seq, flaw=flaw, what=what))
        else:
            self.unnamed += 1


def _told(row: Kept) -> Audited | None:
    """Return what a row says of a verdict; where it cannot be read, its chain is broken there."""
    if row.deed is None or not row.deed.action.startswith(_FAMILY):
        return None
    try:
        detail = msgspec.json.decode(row.deed.detail)
    except _UNREADABLE:
        return None
    return audited(row.deed.action, row.deed.subject, detail)


def number_stored(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(risk_decisions)).scalar_one()


def _unaudited(connection: Connection) -> Generator[Sequence[str]]:
    """Give page by page the stored verdicts that nobody audited; the database compares."""
    told = exists().where(
        audit.c.subject == _TABLE.decision_id,
        audit.c.action.in_([f"{_FAMILY}{one}" for one in Outcome]),
    )
    after: str | None = ""
    while after is not None:
        rest = select(_TABLE.decision_id).where(_TABLE.decision_id > after)
        in_order = rest.order_by(_TABLE.decision_id)
        last = connection.execute(in_order.offset(_PAGE - 1).limit(1)).scalar()
        page = in_order if last is None else in_order.where(_TABLE.decision_id <= last)
        yield connection.execute(page.where(~told)).scalars().all()
        after = last


def _stored(connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any] | None]:
    """Return the stored rows, None for those that cannot even be read."""
    statement: Select[Any] = _STORED.where(_TABLE.decision_id.in_(ids))
    try:
        return {row.decision_id: row for row in connection.execute(statement)}
    except _UNREADABLE:
        if len(ids) == 1:
            return {ids[0]: None}
    half = len(ids) // 2
    return _stored(connection, ids[:half]) | _stored(connection, ids[half:])


def _difference(one: Audited, stored: Mapping[str, Row[Any] | None]) -> str | None:
    named = f"the verdict {one.decision_id}"
    if one.decision_id not in stored:
        return f"{named} was audited and is not stored"
    row = stored[one.decision_id]
    if row is None:
        return f"{named} cannot be read: its row was changed"
    if sha256(row.payload.encode()).hexdigest() != one.digest:
        return f"{named} is not the one that was audited"
    try:
        columns = ", ".join(_changed(row, one.outcome))
    except _UNREADABLE:
        return f"{named} is of another release: what stands beside its payload was not compared"
    return f"{named} was changed beside its payload: {columns}" if columns else None


def _changed(row: Row[Any], outcome: str) -> Sequence[str]:
    """Name the columns that do not say what the verdict itself says."""
    verdict = _read(row.payload)
    expected = {
        "verdict": outcome,
        "reasons": bytes(verdict.breaches).decode(),
        "sizing": bytes(verdict.sizing).decode(),
        "quantity": _exact(verdict.quantity),
        "limit_price": _exact(verdict.limit_price),
        "expires_at": verdict.expires_at,
    } | {name: getattr(verdict, name) for name in _COPIED}
    return [name for name, value in expected.items() if getattr(row, name) != value]


def _exact(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else exact(amount)
