"""What the audit says of verdicts: each one, compactly, with the digest of the whole of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from risk.core.review import Verdict
from shared.bus.unit_of_work import UnitOfWork
from shared.db.audit import fingerprint
from shared.domain.values import to_text
from shared.domain.verdict import Approved

_RISK = "risk"


def audit_verdicts(verdicts: Sequence[Verdict], uow: UnitOfWork) -> None:
    """Have the audit name every verdict, in the transaction that gives it."""
    for verdict in verdicts:
        outcome = "approved" if isinstance(verdict, Approved) else "denied"
        uow.audit(_RISK, f"verdict.{outcome}", verdict.decision_id, _detail(verdict))


def _detail(verdict: Verdict) -> Mapping[str, Any]:
    judged = {
        "account": verdict.account,
        "recommendation_id": verdict.recommendation_id,
        "symbol": verdict.symbol,
        "side": verdict.side,
        "purpose": verdict.purpose,
        "limits_version": verdict.limits_version,
        "payload": fingerprint(verdict),
    }
    if isinstance(verdict, Approved):
        terms = {
            "quantity": to_text(verdict.quantity),
            "limit_price": to_text(verdict.limit_price),
        }
        return judged | terms
    return judged | {"breaches": [breach.check for breach in verdict.breaches]}
