"""Says why an account holds what it holds beside our fills; the portfolio books what is said.

An account is explained once when it is first looked at, and whenever a person takes what the venue
holds for right. Of a quote the venue's own rounding is explained too: at most once a day, and never
more than the comparison lets pass anyway.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from executor.repository import account
from executor.repository.account import Baseline
from executor.tasks.line import Line
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import BalanceKind
from shared.domain.events import BalanceFound
from shared.domain.values import ZERO, to_text
from shared.http.idempotency import Asked, once
from shared.runtime.logging import get_logger

log = get_logger()

_ROUNDED_EVERY = timedelta(days=1)
_ACTOR = "executor"


def begin(line: Line, began: Mapping[str, Decimal]) -> None:
    """Take what is found of assets for what the account began with, and say so."""

    def work(uow: UnitOfWork) -> None:
        for asset, amount in sorted(began.items()):
            _keep(line, uow, Baseline(asset=asset, amount=amount), _ACTOR)
            detail = {"account": line.account, "baseline": to_text(amount)}
            uow.audit(_ACTOR, "balance.opening", asset, detail)
            uow.emit(_found(line, uow, asset, amount, BalanceKind.OPENING, _ACTOR))

    line.transactions.attempt(work)
    log.info("account.begun", assets=sorted(began))


def accept(line: Line, asset: str, baseline: Decimal, asked: Asked) -> Decimal:
    """Set what the account holds beside our fills; the difference is what was not explained.

    Returns:
        What was set, now or when the same was asked before.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    actor = asked.actor

    def work(uow: UnitOfWork) -> Decimal:
        known = _locked(line, uow, asset)
        difference = baseline - known.amount
        after = Baseline(asset=asset, amount=baseline, rounded_at=known.rounded_at)
        _keep(line, uow, after, actor)
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


def round_off(line: Line, asset: str, drift: Decimal) -> datetime:
    """Explain a drift by the venue's rounding unless that was done within a day.

    Returns:
        When the drift of this asset was last explained.
    """

    def work(uow: UnitOfWork) -> datetime:
        known = _locked(line, uow, asset)
        last = known.rounded_at
        if last is not None and uow.now - last < _ROUNDED_EVERY:
            return last
        after = Baseline(asset=asset, amount=known.amount + drift, rounded_at=uow.now)
        _keep(line, uow, after, _ACTOR)
        detail = {"account": line.account, "drift": to_text(drift)}
        uow.audit(_ACTOR, "balance.rounded", asset, detail)
        uow.emit(_found(line, uow, asset, drift, BalanceKind.ROUNDING, _ACTOR))
        return uow.now

    rounded_at = line.transactions.attempt(work)
    log.info("balance.rounded", asset=asset, drift=to_text(drift))
    return rounded_at


def _locked(line: Line, uow: UnitOfWork, asset: str) -> Baseline:
    known = account.lock_baseline(uow.connection, (line.venue.name, line.account), asset)
    return known or Baseline(asset=asset, amount=ZERO)


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
