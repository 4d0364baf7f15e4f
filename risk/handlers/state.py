"""Changing the trading state: by a person, by a file, or by a brake."""

from typing import Any

from sqlalchemy import Connection, Row

from risk.core.trading_state import is_tighter
from risk.repository import policy
from risk.repository.policy import Opening, lock_state, open_account, save_state
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import TradingState
from shared.domain.events import TradingStateChanged
from shared.domain.ids import AccountId
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

BRAKE = "risk"
_LONGEST_REASON = 255

log = get_logger()


def change_state(
    uow: UnitOfWork, opening: Opening, state: TradingState, actor: str, reason: str
) -> TradingStateChanged | None:
    """Set and announce the state; None where it is already in force, so that asking twice is once.

    The exclusive lock waits for claims in flight: after the commit no order is claimed that the
    new state forbids.
    """
    row = _locked(uow, opening)
    if row.state == state:
        return None
    return _set(uow, row, state, (actor, reason))


def tighten(
    uow: UnitOfWork, opening: Opening, state: TradingState, note: tuple[str, str]
) -> TradingStateChanged | None:
    """Set the state where it is tighter than the one in force, else None; `note`: actor and why.

    Nothing that acts by itself ever loosens what a person, or a brake, has set.
    """
    row = _locked(uow, opening)
    if not is_tighter(state, TradingState(row.state)):
        return None
    actor, reason = note
    return _set(uow, row, state, (actor, plain(reason)))


def pull_brake(
    uow: UnitOfWork, opening: Opening, metrics: Metrics, reason: str
) -> TradingStateChanged | None:
    """Stop entries of a running account until a person resumes."""
    changed = tighten(uow, opening, TradingState.REDUCE, (BRAKE, reason))
    if changed is not None:
        log.warning("trading_state.reduced", reason=changed.reason)
        uow.after_commit(lambda: show_state(metrics, changed.state))
    return changed


def plain(text: str) -> str:
    """Return a reason as the table of states can hold it: one line of ASCII of limited length."""
    ascii_only = " ".join(text.encode("ascii", "replace").decode().split())
    return ascii_only[:_LONGEST_REASON].strip()


def _locked(uow: UnitOfWork, opening: Opening) -> Row[Any]:
    row = lock_state(uow.connection, opening.account)
    if row is None:
        open_account(uow, opening)
        row = lock_state(uow.connection, opening.account)
        assert row is not None
    return row


def _set(
    uow: UnitOfWork, row: Row[Any], state: TradingState, note: tuple[str, str]
) -> TradingStateChanged:
    actor, reason = note
    changed = TradingStateChanged(
        account=row.account,
        state=state,
        version=row.version + 1,
        actor=actor,
        reason=reason,
        changed_at=uow.now,
    )
    save_state(uow, changed)
    uow.emit(changed)
    return changed


def show_state(metrics: Metrics, state: TradingState) -> None:
    for one in TradingState:
        metrics.trading_state.labels(state=one).set(int(one is state))


def current_state(connection: Connection, account: AccountId) -> TradingState:
    """Return the state without holding it up; to decide by it, share-lock it instead."""
    row = policy.find_state(connection, account)
    return TradingState.HALT if row is None else TradingState(row.state)
