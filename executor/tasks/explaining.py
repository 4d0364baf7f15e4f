"""Says why an account holds what it holds beside our fills; the portfolio books what is said.

An account is explained once when it is first looked at, and whenever a person takes what the venue
holds for right. Of a quote the venue's own rounding is explained too: at most once a day, and never
more than the comparison lets pass anyway.

The venue shows what a person has declared before this executor has heard of it. Nothing of such an
asset is explained until then, or it would be booked twice.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from executor.repository import account
from executor.repository.account import Baseline
from executor.tasks.line import Line
from shared.bus.history import unheard
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import BalanceKind
from shared.domain.errors import Conflict
from shared.domain.events import BalanceFound, BalanceMoved
from shared.domain.values import ZERO, to_text
from shared.http.idempotency import Asked, once
from shared.runtime.logging import get_logger

log = get_logger()

_ACTOR = "executor"


def begin(line: Line, found: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Take what is found of assets for what the account began with, say so, and return it."""

    def work(uow: UnitOfWork) -> dict[str, Decimal]:
        declared = _unheard(line, uow)
        began = {asset: amount for asset, amount in found.items() if asset not in declared}
        for asset, amount in sorted(began.items()):
            _keep(line, uow, Baseline(asset=asset, amount=amount), _ACTOR)
            detail = {"account": line.account, "baseline": to_text(amount)}
            uow.audit(_ACTOR, "balance.opening", asset, detail)
            uow.emit(_found(line, uow, asset, amount, BalanceKind.OPENING, _ACTOR))
        return began

    began = line.transactions.attempt(work)
    log.info("account.begun", assets=sorted(began))
    return began


def accept(line: Line, before: Baseline | None, seen: Baseline, asked: Asked) -> Decimal:
    """Set what the account holds beside our fills; the difference is what was not explained.

    `before` is how it stood when the venue was asked, `seen` what follows from the answer.

    Returns:
        What was set, now or when the same was asked before.

    Raises:
        Conflict: what was declared of this asset is not heard yet, or was heard only meanwhile.
        IdempotencyConflict: the key was used for another request.
    """
    actor, asset, baseline = asked.actor, seen.asset, seen.amount

    def work(uow: UnitOfWork) -> Decimal:
        known = _locked(line, uow, asset)
        if known.amount != (ZERO if before is None else before.amount) or asset in _unheard(
            line, uow
        ):
            raise Conflict(
                f"a movement of {asset} was declared that this executor is only just hearing of: "
                "to accept now would book it twice; ask again when it is ready"
            )
        difference = baseline - known.amount
        _keep(line, uow, seen, actor)
        detail = {
            "account": line.account,
            "baseline": to_text(baseline),
            "difference": to_text(difference),
        }
        uow.audit(actor, "balance.accepted", asset, detail)
        if difference:
            uow.emit(_found(line, uow, asset, difference, BalanceKind.ACCEPTED, actor))
        return baseline

    return line.transactions.attempt(lambda uow: once(uow, asked, Decimal, lambda: work(uow)))


def round_off(line: Line, asset: str, drift: Decimal, looked_at: datetime) -> None:
    """Explain a drift that was found at an instant by the venue's rounding."""

    def work(uow: UnitOfWork) -> None:
        known = _locked(line, uow, asset)
        if asset in _unheard(line, uow):
            return
        after = Baseline(asset=asset, amount=known.amount + drift, rounded_at=looked_at)
        _keep(line, uow, after, _ACTOR)
        detail = {"account": line.account, "drift": to_text(drift)}
        uow.audit(_ACTOR, "balance.rounded", asset, detail)
        uow.emit(_found(line, uow, asset, drift, BalanceKind.ROUNDING, _ACTOR))
        uow.after_commit(lambda: log.info("balance.rounded", asset=asset, drift=to_text(drift)))

    line.transactions.attempt(work)


def _locked(line: Line, uow: UnitOfWork, asset: str) -> Baseline:
    known = account.lock_baseline(uow.connection, (line.venue.name, line.account), asset)
    return known or Baseline(asset=asset, amount=ZERO)


def _unheard(line: Line, uow: UnitOfWork) -> frozenset[str]:
    """Return the assets of which a movement was declared that is not in the baseline yet.

    With the baseline locked this is certain: it is changed where the movement is heard.
    """
    listener, topic = line.transactions.producer, BalanceMoved.topic
    facts = [one.event for one in unheard(uow.connection, listener, topic, line.account)]
    return frozenset(one.asset for one in facts if isinstance(one, BalanceMoved))


def _keep(line: Line, uow: UnitOfWork, baseline: Baseline, actor: str) -> None:
    place = (line.venue.name, line.account)
    account.save_baseline(uow.connection, place, baseline, (actor, uow.now))


def _found(
    line: Line, uow: UnitOfWork, asset: str, amount: Decimal, kind: BalanceKind, actor: str
) -> BalanceFound:
    return BalanceFound(
        account=line.account,
        venue=line.venue.name,
        asset=asset,
        amount=amount,
        kind=kind,
        reference=f"{kind}:{uow.now.isoformat()}:{to_text(amount)}",
        actor=actor,
        found_at=uow.now,
    )
